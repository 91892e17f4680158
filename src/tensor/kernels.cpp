#include "tensor/kernels.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "kernel_sets.h"

namespace galley::tensor {
namespace {

std::vector<const KernelTable*> find_supported() {
  std::vector<const KernelTable*> tables{&kScalarKernels};
#ifdef GALLEY_X86_KERNELS
  if (__builtin_cpu_supports("avx2")) tables.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    tables.push_back(&kAvx512Kernels);
#endif
  return tables;
}

/// GALLEY_ISA may name a set that only the matrix products have (matmul_select.h).
std::string_view wanted_isa() {
  const char* wanted = std::getenv("GALLEY_ISA");
  const std::string_view name = wanted == nullptr ? "" : wanted;
  return name.starts_with("avx512") || name == "amx" ? "avx512" : name;
}

const KernelTable& choose() {
  const auto found = find_kernels(wanted_isa());
  if (found) return **found;
  log::warn("tensor", found.error().message, {{"using", supported_kernels().back()->isa}});
  return *supported_kernels().back();
}

}  // namespace

std::span<const KernelTable* const> supported_kernels() {
  static const std::vector<const KernelTable*> tables = find_supported();
  return tables;
}

Result<const KernelTable*> find_kernels(std::string_view isa) {
  if (isa.empty()) return supported_kernels().back();
  std::string names;
  for (const KernelTable* table : supported_kernels()) {
    if (table->isa == isa) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->isa);
  }
  return Error{Errc::invalid_argument,
               "this machine has no kernels called '" + std::string(isa) + "'", "GALLEY_ISA",
               names};
}

const KernelTable& select_kernels() {
  static const KernelTable& chosen = choose();
  return chosen;
}

}  // namespace galley::tensor
