#include "lanes_avx512.h"
#include "matmul_loops.h"
#include "matmul_sets.h"

namespace galley::tensor {
namespace {

const char* instructions(Preparation preparation) {
  return preparation == Preparation::f32 || preparation == Preparation::bf16 ? "avx512"
                                                                             : "avx512_vnni";
}

}  // namespace

constinit const MatmulKernels kAvx512VnniMatmul = {"avx512_vnni", instructions, prepare<VnniLanes>,
                                                   multiply<VnniLanes>, unpack_row<VnniLanes>};

}  // namespace galley::tensor
