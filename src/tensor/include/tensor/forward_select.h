#pragma once

#include <span>
#include <string_view>

#include "tensor/forward_kernels.h"

namespace galley::tensor {

/// The tables that this machine can run, slowest (scalar, the specification) first.
std::span<const ForwardKernels* const> supported_forward_kernels();

/// The table that goes with products in an instruction set, whose name begins with this one's:
/// "avx512" beside "avx512_vnni"; the fastest where none does ("amx").
const ForwardKernels& forward_kernels_beside(std::string_view isa);

}  // namespace galley::tensor
