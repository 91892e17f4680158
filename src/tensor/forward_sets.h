#pragma once

#include "tensor/forward_kernels.h"

namespace galley::tensor {

// One per file; a file is compiled only where its instruction set exists.
extern constinit const ForwardKernels kScalarForwardKernels;
extern constinit const ForwardKernels kAvx2ForwardKernels;
extern constinit const ForwardKernels kAvx512ForwardKernels;

}  // namespace galley::tensor
