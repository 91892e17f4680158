#include <immintrin.h>

#include "lanes_avx512.h"
#include "matmul_sets.h"
#include "matmul_tiles.h"

namespace galley::tensor {
namespace {

/// The compiler does not know that tile instructions read memory.
inline void settle_memory() { __asm__ volatile("" ::: "memory"); }

/// Tiles 0-3 accumulate, 4 and 5 hold input rows, 6 and 7 weights.
struct HardwareTile {
  struct alignas(64) Shapes {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };

  static inline thread_local bool two = false;

  static void configure(size_t rows0, size_t rows1, size_t quads) {
    Shapes shapes;
    const auto set = [&](size_t tile, size_t rows, size_t row_bytes) {
      if (rows == 0) return;
      shapes.rows[tile] = static_cast<std::uint8_t>(rows);
      shapes.row_bytes[tile] = static_cast<std::uint16_t>(row_bytes);
    };
    set(0, rows0, 64);
    set(1, rows0, 64);
    set(2, rows1, 64);
    set(3, rows1, 64);
    set(4, rows0, 4 * quads);
    set(5, rows1, 4 * quads);
    set(6, quads, 64);
    set(7, quads, 64);
    two = rows1 != 0;
    settle_memory();
    _tile_loadconfig(&shapes);
  }
  static void release() { _tile_release(); }

  static void zero() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  static void load(const void* const* c, size_t stride) {
    settle_memory();
    _tile_loadd(0, c[0], stride);
    _tile_loadd(1, c[1], stride);
    if (!two) return;
    _tile_loadd(2, c[2], stride);
    _tile_loadd(3, c[3], stride);
  }
  static void store(void* const* c, size_t stride) {
    _tile_stored(0, c[0], stride);
    _tile_stored(1, c[1], stride);
    if (two) {
      _tile_stored(2, c[2], stride);
      _tile_stored(3, c[3], stride);
    }
    settle_memory();
  }
  static void load_inputs(const void* a0, const void* a1, size_t a_stride, const void* b0,
                          const void* b1) {
    settle_memory();
    _tile_loadd(4, a0, a_stride);
    _tile_loadd(6, b0, 64);
    _tile_loadd(7, b1, 64);
    if (two) _tile_loadd(5, a1, a_stride);
  }
  static void multiply_signed(const void* a0, const void* a1, size_t a_stride, const void* b0,
                              const void* b1) {
    load_inputs(a0, a1, a_stride, b0, b1);
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    if (!two) return;
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  static void multiply_unsigned(const void* a0, const void* a1, size_t a_stride, const void* b0,
                                const void* b1) {
    load_inputs(a0, a1, a_stride, b0, b1);
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
    if (!two) return;
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
  }
  static void multiply_pairs(const void* a0, const void* a1, size_t a_stride, const void* b0,
                             const void* b1) {
    load_inputs(a0, a1, a_stride, b0, b1);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (!two) return;
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
};

const char* instructions(Preparation preparation) {
  return preparation == Preparation::f32 ? "avx512" : "amx";
}

}  // namespace

constinit const MatmulKernels kAmxMatmul = {"amx", instructions, prepare<Bf16Lanes>,
                                            multiply<Bf16Lanes, Tiles<HardwareTile>>,
                                            unpack_row<Bf16Lanes, Tiles<HardwareTile>>};

}  // namespace galley::tensor
