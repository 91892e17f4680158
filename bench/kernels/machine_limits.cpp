#include "machine_limits.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace galley::bench {
namespace {

constexpr double kSecondsOfALimit = 0.05;
constexpr std::uint64_t kLoops = 20'000;

/// 32 bytes, added up so that the compiler cannot leave the reading out.
using Word = std::uint64_t __attribute__((vector_size(32)));

std::uint64_t sum_of(const std::byte* p, std::size_t bytes) {
  Word sums[4] = {};
  for (std::size_t i = 0; i + sizeof sums <= bytes; i += sizeof sums) {
    Word words[4];
    std::memcpy(words, p + i, sizeof words);
    for (std::size_t j = 0; j < 4; ++j) sums[j] += words[j];
  }
  const Word sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return sum[0] + sum[1] + sum[2] + sum[3];
}

double read_gb_s(Crew& crew, std::span<const std::byte> memory, std::size_t piece_bytes) {
  const std::size_t pieces = memory.size() / piece_bytes;
  std::vector<std::size_t> piece;  // each thread's next
  for (std::size_t thread = 0; thread < crew.threads(); ++thread)
    piece.push_back(thread * pieces / crew.threads());
  const double seconds = crew.shortest(3 * kSecondsOfALimit, [&](std::uint32_t thread) {
    const std::uint64_t sum =
        sum_of(memory.data() + piece[thread] % pieces * piece_bytes, piece_bytes);
    __asm__ volatile("" : : "r"(sum));
    ++piece[thread];
  });
  return static_cast<double>(piece_bytes) * crew.threads() / seconds * 1e-9;
}

#if defined(__x86_64__)

// Twelve chains of one instruction hide its latency; the registers hold zeros.
#define GALLEY_TWELVE(op, r)                                                                  \
  op " %%" r "12,%%" r "13,%%" r "0\n\t" op " %%" r "12,%%" r "13,%%" r "1\n\t" op " %%" r    \
     "12,%%" r "13,%%" r "2\n\t" op " %%" r "12,%%" r "13,%%" r "3\n\t" op " %%" r "12,%%" r  \
     "13,%%" r "4\n\t" op " %%" r "12,%%" r "13,%%" r "5\n\t" op " %%" r "12,%%" r "13,%%" r  \
     "6\n\t" op " %%" r "12,%%" r "13,%%" r "7\n\t" op " %%" r "12,%%" r "13,%%" r "8\n\t" op \
     " %%" r "12,%%" r "13,%%" r "9\n\t" op " %%" r "12,%%" r "13,%%" r "10\n\t" op " %%" r   \
     "12,%%" r "13,%%" r "11\n\t"
#define GALLEY_LOOP(op, r)      \
  std::uint64_t loops = kLoops; \
  __asm__ volatile("vzeroall\n\t"                                                        \
                   "1:\n\t" GALLEY_TWELVE(op, r) "dec %0\n\t"                            \
                   "jnz 1b\n\t"                                                          \
                   "vzeroupper"                                                          \
                   : "+r"(loops)                                                         \
                   :                                                                     \
                   : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",       \
                     "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
                     "xmm15")

void f32_avx2() { GALLEY_LOOP("vfmadd231ps", "ymm"); }
void f32_avx512() { GALLEY_LOOP("vfmadd231ps", "zmm"); }
void int8_vnni() { GALLEY_LOOP("vpdpbusd", "zmm"); }
void bf16_avx512() { GALLEY_LOOP("vdpbf16ps", "zmm"); }

/// All eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

#define GALLEY_TILES(op)                                                        \
  const TileShapes shapes;                                                      \
  std::uint64_t loops = kLoops;                                                 \
  __asm__ volatile(                                                             \
      "ldtilecfg %1\n\t"                                                        \
      "1:\n\t" op " %%tmm6,%%tmm4,%%tmm0\n\t" op " %%tmm7,%%tmm4,%%tmm1\n\t" op \
      " %%tmm6,%%tmm5,%%tmm2\n\t" op                                            \
      " %%tmm7,%%tmm5,%%tmm3\n\t"                                               \
      "dec %0\n\t"                                                              \
      "jnz 1b\n\t"                                                              \
      "tilerelease"                                                             \
      : "+r"(loops)                                                             \
      : "m"(shapes)                                                             \
      : "cc")

void int8_amx() { GALLEY_TILES("tdpbssd"); }
void bf16_amx() { GALLEY_TILES("tdpbf16ps"); }

double gop_s(Crew& crew, void (*loop)(), double operations_a_loop) {
  const double seconds = crew.shortest(kSecondsOfALimit, [loop](std::uint32_t) { loop(); });
  return operations_a_loop * static_cast<double>(kLoops) * crew.threads() / seconds * 1e-9;
}

void measure_arithmetic(Crew& crew, bool has_tiles, MachineLimits& limits) {
  if (!__builtin_cpu_supports("fma") || !__builtin_cpu_supports("avx2")) return;
  limits.f32_avx2_gop_s = gop_s(crew, f32_avx2, 12 * 8 * 2);
  if (!__builtin_cpu_supports("avx512f")) return;
  limits.f32_avx512_gop_s = gop_s(crew, f32_avx512, 12 * 16 * 2);
  if (__builtin_cpu_supports("avx512vnni"))
    limits.int8_vnni_gop_s = gop_s(crew, int8_vnni, 12 * 64 * 2);
  if (__builtin_cpu_supports("avx512bf16"))
    limits.bf16_avx512_gop_s = gop_s(crew, bf16_avx512, 12 * 32 * 2);
  if (!has_tiles) return;
  limits.int8_amx_gop_s = gop_s(crew, int8_amx, 4 * 16 * 16 * 64 * 2);
  limits.bf16_amx_gop_s = gop_s(crew, bf16_amx, 4 * 16 * 16 * 32 * 2);
}

#else

void measure_arithmetic(Crew&, bool, MachineLimits&) {}

#endif

}  // namespace

MachineLimits measure_limits(Crew& crew, std::span<const std::byte> memory, std::size_t piece_bytes,
                             bool has_tiles) {
  MachineLimits limits;
  limits.read_gb_s = read_gb_s(crew, memory, piece_bytes);
  measure_arithmetic(crew, has_tiles, limits);
  return limits;
}

}  // namespace galley::bench
