#include "forward_attention_loops.h"
#include "forward_lanes_scalar.h"
#include "forward_sets.h"

namespace galley::tensor {

constinit const ForwardKernels kScalarForwardKernels =
    make_forward_kernels<ScalarForward>("scalar");

}  // namespace galley::tensor
