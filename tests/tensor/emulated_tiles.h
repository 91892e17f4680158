#pragma once

#include "matmul.h"

namespace galley::tensor {

/// The loops of the AMX table over tiles in plain C++, for machines without AMX.
const MatmulKernels& emulated_tiles();

}  // namespace galley::tensor
