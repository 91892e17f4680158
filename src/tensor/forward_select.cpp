#include "tensor/forward_select.h"

#include <vector>

#include "forward_sets.h"

namespace galley::tensor {
namespace {

std::vector<const ForwardKernels*> find_supported() {
  std::vector<const ForwardKernels*> tables{&kScalarForwardKernels};
#ifdef GALLEY_X86_KERNELS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    tables.push_back(&kAvx2ForwardKernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    tables.push_back(&kAvx512ForwardKernels);
#endif
  return tables;
}

}  // namespace

std::span<const ForwardKernels* const> supported_forward_kernels() {
  static const std::vector<const ForwardKernels*> tables = find_supported();
  return tables;
}

const ForwardKernels& forward_kernels_beside(std::string_view isa) {
  for (const ForwardKernels* table : supported_forward_kernels())
    if (isa.starts_with(table->isa)) return *table;
  return *supported_forward_kernels().back();
}

}  // namespace galley::tensor
