#include "lanes_scalar.h"
#include "matmul_loops.h"
#include "matmul_sets.h"

namespace galley::tensor {
namespace {

const char* instructions(Preparation) { return "scalar"; }

}  // namespace

constinit const MatmulKernels kScalarMatmul = {"scalar", instructions, prepare<ScalarLanes>,
                                               multiply<ScalarLanes>, unpack_row<ScalarLanes>};

}  // namespace galley::tensor
