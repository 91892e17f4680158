#include "lanes_avx512.h"
#include "matmul_loops.h"
#include "matmul_sets.h"

namespace galley::tensor {
namespace {

const char* instructions(Preparation preparation) {
  return preparation == Preparation::f32    ? "avx512"
         : preparation == Preparation::bf16 ? "avx512_bf16"
                                            : "avx512_vnni";
}

}  // namespace

constinit const MatmulKernels kAvx512Bf16Matmul = {"avx512_bf16", instructions, prepare<Bf16Lanes>,
                                                   multiply<Bf16Lanes>, unpack_row<Bf16Lanes>};

}  // namespace galley::tensor
