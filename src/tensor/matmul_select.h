#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "matmul.h"

namespace galley::tensor {

/// The tables that this machine can run, slowest (scalar, the specification) first. Asks the kernel
/// once for the use of AMX tiles.
std::span<const MatmulKernels* const> supported_matmul_kernels();

/// By name: "scalar", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"; empty: the fastest, or
/// the one that GALLEY_ISA names. Errors: invalid_argument for a name that is unknown or that this
/// machine cannot run.
Result<const MatmulKernels*> find_matmul_kernels(std::string_view isa);

/// "q4_0 x int8, avx512_vnni".
std::string matmul_kernel_name(const MatmulKernels& kernels, Format format, Activation activation);

}  // namespace galley::tensor
