#include "lanes_avx2.h"
#include "matmul_loops.h"
#include "matmul_sets.h"

namespace galley::tensor {
namespace {

const char* instructions(Preparation) { return "avx2"; }

}  // namespace

constinit const MatmulKernels kAvx2Matmul = {"avx2", instructions, prepare<Avx2Lanes>,
                                             multiply<Avx2Lanes>, unpack_row<Avx2Lanes>};

}  // namespace galley::tensor
