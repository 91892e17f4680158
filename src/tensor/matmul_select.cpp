#include "matmul_select.h"

#include <cstdlib>
#include <vector>

#include "base/log.h"
#include "matmul_sets.h"
#include "panel_layout.h"
#include "tensor/device.h"

#if defined(GALLEY_X86_KERNELS) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace galley::tensor {
namespace {

#ifdef GALLEY_X86_KERNELS
/// Whether the processor has int8 and bf16 tiles and the system lets this process use them. The
/// kernel grows each thread's saved state by 8 KiB then, which is why it wants to be asked.
bool may_use_tiles() {
  unsigned a = 7, b = 0, c = 0, d = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  constexpr unsigned kBf16 = 1U << 22, kTile = 1U << 24, kInt8 = 1U << 25;
  if ((d & (kBf16 | kTile | kInt8)) != (kBf16 | kTile | kInt8)) return false;
#ifdef __linux__
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

std::vector<const MatmulKernels*> find_supported() {
  std::vector<const MatmulKernels*> tables{&kScalarMatmul};
#ifdef GALLEY_X86_KERNELS
  // Each set needs those before it. __builtin_cpu_supports also asks whether the system saves the
  // wide registers; every processor with AVX2 has f16c.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return tables;
  tables.push_back(&kAvx2Matmul);
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return tables;
  tables.push_back(&kAvx512Matmul);
  if (!__builtin_cpu_supports("avx512vnni")) return tables;
  tables.push_back(&kAvx512VnniMatmul);
  if (!__builtin_cpu_supports("avx512bf16")) return tables;
  tables.push_back(&kAvx512Bf16Matmul);
  if (may_use_tiles()) tables.push_back(&kAmxMatmul);
#endif
  return tables;
}

std::string_view name_of_activation(Activation activation) {
  switch (activation) {
    case Activation::f32:
      return "f32";
    case Activation::bf16:
      return "bf16";
    case Activation::int8:
      break;
  }
  return "int8";
}

}  // namespace

Preparation preparation_of(Format format, Activation activation) {
  if (activation == Activation::f32) return Preparation::f32;
  if (activation == Activation::bf16) return Preparation::bf16;
  return format == Format::i8 ? Preparation::int8_row : Preparation::int8_blocks;
}

std::size_t prepared_row_bytes(Preparation preparation, std::size_t columns) {
  switch (preparation) {
    case Preparation::f32:
      return round_up(columns * sizeof(float), 64);
    case Preparation::bf16:
      return round_up(columns, kPairColumns) * 2;
    case Preparation::int8_blocks:
      return PreparedLayout(columns).bytes;
    case Preparation::int8_row:
      break;
  }
  return PreparedRowLayout(columns).bytes;
}

std::span<const MatmulKernels* const> supported_matmul_kernels() {
  static const std::vector<const MatmulKernels*> tables = find_supported();
  return tables;
}

Result<const MatmulKernels*> find_matmul_kernels(std::string_view isa) {
  const auto tables = supported_matmul_kernels();
  std::string names;
  for (const MatmulKernels* table : tables) {
    if (table->isa == isa) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->isa);
  }
  if (isa.empty()) {
    const char* wanted = std::getenv("GALLEY_ISA");
    if (wanted == nullptr || *wanted == '\0') return tables.back();
    auto found = find_matmul_kernels(wanted);
    if (found) return found;
    log::warn("tensor", found.error().message, {{"using", tables.back()->isa}});
    return tables.back();
  }
  return Error{Errc::invalid_argument,
               "this machine has no kernels called '" + std::string(isa) + "'", "GALLEY_ISA",
               names};
}

std::string matmul_kernel_name(const MatmulKernels& kernels, Format format, Activation activation) {
  return std::string(name_of(format)) + " x " + std::string(name_of_activation(activation)) + ", " +
         kernels.instructions(preparation_of(format, activation));
}

}  // namespace galley::tensor
