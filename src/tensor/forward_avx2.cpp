#include "forward_attention_loops.h"
#include "forward_lanes_avx2.h"
#include "forward_sets.h"

namespace galley::tensor {

constinit const ForwardKernels kAvx2ForwardKernels = make_forward_kernels<Avx2Forward>("avx2");

}  // namespace galley::tensor
