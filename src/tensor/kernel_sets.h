#pragma once

#include "tensor/kernel_table.h"

namespace galley::tensor {

// One per file; a file is compiled only where its instruction set exists.
extern constinit const KernelTable kScalarKernels;
extern constinit const KernelTable kAvx2Kernels;
extern constinit const KernelTable kAvx512Kernels;

}  // namespace galley::tensor
