#pragma once

#include "matmul.h"

namespace galley::tensor {

// One per file; a file is compiled only where its instruction set exists.
extern constinit const MatmulKernels kScalarMatmul;
extern constinit const MatmulKernels kAvx2Matmul;
extern constinit const MatmulKernels kAvx512Matmul;
extern constinit const MatmulKernels kAvx512VnniMatmul;
extern constinit const MatmulKernels kAvx512Bf16Matmul;
extern constinit const MatmulKernels kAmxMatmul;

}  // namespace galley::tensor
