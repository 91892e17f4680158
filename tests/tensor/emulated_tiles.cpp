#include "emulated_tiles.h"

#include <cmath>
#include <cstring>

#include "lanes_scalar.h"
#include "matmul_tiles.h"

namespace galley::tensor {
namespace {

/// Two panels, as the processors with tiles take them; bf16 products go through the tiles.
struct TwoPanelLanes : ScalarLanes {
  static constexpr size_t kPanels = 2;
  static constexpr bool kDotsBf16 = true;
};

/// The tile instructions as the manual of the instruction set states them, except that subnormal
/// numbers are kept.
struct EmulatedTile {
  static inline size_t rows[2] = {};
  static inline size_t quads = 0;
  static inline std::uint32_t sums[4][16][16] = {};

  static void configure(size_t rows0, size_t rows1, size_t quads_) {
    rows[0] = rows0;
    rows[1] = rows1;
    quads = quads_;
    // Loading a configuration zeroes the tiles; stale sums must not help.
    std::memset(sums, 0x7b, sizeof sums);
  }
  static void release() { configure(0, 0, 0); }
  static void zero() { std::memset(sums, 0, sizeof sums); }

  static void load(const void* const* c, size_t stride) {
    for (size_t t = 0; t < 4; ++t)
      for (size_t r = 0; r < rows[t / 2]; ++r)
        std::memcpy(sums[t][r], static_cast<const char*>(c[t]) + r * stride, 64);
  }
  static void store(void* const* c, size_t stride) {
    for (size_t t = 0; t < 4; ++t)
      for (size_t r = 0; r < rows[t / 2]; ++r)
        std::memcpy(static_cast<char*>(c[t]) + r * stride, sums[t][r], 64);
  }

  template <class Multiply>
  static void each(const void* a0, const void* a1, size_t a_stride, const void* b0, const void* b1,
                   Multiply multiply) {
    const void* const a[2] = {a0, a1};
    const void* const b[2] = {b0, b1};
    for (size_t t = 0; t < 4; ++t)
      for (size_t r = 0; r < rows[t / 2]; ++r)
        for (size_t n = 0; n < 16; ++n)
          multiply(sums[t][r][n], static_cast<const uint8_t*>(a[t / 2]) + r * a_stride,
                   static_cast<const uint8_t*>(b[t % 2]) + 4 * n);
  }

  template <class Byte>
  static void multiply_bytes(std::uint32_t& sum, const uint8_t* a, const uint8_t* b) {
    for (size_t q = 0; q < quads; ++q)
      for (size_t j = 0; j < 4; ++j)
        sum += static_cast<std::uint32_t>(static_cast<std::int8_t>(a[4 * q + j]) *
                                          static_cast<Byte>(b[64 * q + j]));
  }
  static void multiply_signed(const void* a0, const void* a1, size_t a_stride, const void* b0,
                              const void* b1) {
    each(a0, a1, a_stride, b0, b1, multiply_bytes<std::int8_t>);
  }
  static void multiply_unsigned(const void* a0, const void* a1, size_t a_stride, const void* b0,
                                const void* b1) {
    each(a0, a1, a_stride, b0, b1, multiply_bytes<uint8_t>);
  }
  static float bf16_at(const uint8_t* p) {
    return bf16_bits_to_f32(static_cast<std::uint16_t>(p[0] | p[1] << 8));
  }
  static void multiply_pairs(const void* a0, const void* a1, size_t a_stride, const void* b0,
                             const void* b1) {
    each(a0, a1, a_stride, b0, b1, [](std::uint32_t& sum, const uint8_t* a, const uint8_t* b) {
      float even = 0, odd = 0;
      for (size_t q = 0; q < quads; ++q) {
        even = std::fma(bf16_at(a + 4 * q), bf16_at(b + 64 * q), even);
        odd = std::fma(bf16_at(a + 4 * q + 2), bf16_at(b + 64 * q + 2), odd);
      }
      sum = std::bit_cast<std::uint32_t>(std::bit_cast<float>(sum) + (even + odd));
    });
  }
};

const char* instructions(Preparation) { return "emulated tiles"; }

}  // namespace

const MatmulKernels& emulated_tiles() {
  static constexpr MatmulKernels kTable{"emulated_tiles", instructions, prepare<TwoPanelLanes>,
                                        multiply<TwoPanelLanes, Tiles<EmulatedTile>>,
                                        unpack_row<TwoPanelLanes, Tiles<EmulatedTile>>};
  return kTable;
}

}  // namespace galley::tensor
