#include "lanes_avx512.h"
#include "matmul_loops.h"
#include "matmul_sets.h"

namespace galley::tensor {
namespace {

const char* instructions(Preparation) { return "avx512"; }

}  // namespace

constinit const MatmulKernels kAvx512Matmul = {"avx512", instructions, prepare<Avx512Lanes>,
                                               multiply<Avx512Lanes>, unpack_row<Avx512Lanes>};

}  // namespace galley::tensor
