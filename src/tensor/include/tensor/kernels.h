#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "tensor/kernel_table.h"

namespace galley::tensor {

/// The tables that this machine can run, slowest (scalar, the specification) first.
std::span<const KernelTable* const> supported_kernels();

/// The table for a name ("scalar", "avx2", "avx512"), or the fastest one when it is empty.
/// Errors: invalid_argument for a name that is unknown or that this machine cannot run.
Result<const KernelTable*> find_kernels(std::string_view isa);

/// The table that this process uses: the one GALLEY_ISA names, else the fastest; chosen on the
/// first call. A GALLEY_ISA that cannot be honoured is reported once on stderr and ignored.
const KernelTable& select_kernels();

}  // namespace galley::tensor
