#include "forward_attention_loops.h"
#include "forward_lanes_avx512.h"
#include "forward_sets.h"

namespace galley::tensor {

constinit const ForwardKernels kAvx512ForwardKernels =
    make_forward_kernels<Avx512Forward>("avx512");

}  // namespace galley::tensor
