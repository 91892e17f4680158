#include "packed_matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/result.h"
#include "blocks.h"
#include "panel_layout.h"
#include "tensor/device.h"

namespace galley::tensor {
namespace {

constexpr std::uint32_t kNibbles = 0x0f0f0f0fU;

/// Four columns of one row, a byte each.
using Words = std::array<std::uint32_t, 8>;

std::uint32_t load_word(const std::byte* p) {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

void store_word(std::byte* p, std::uint32_t word) { std::memcpy(p, &word, sizeof word); }

void copy_f16(const std::byte* from, std::byte* to, std::size_t row) {
  std::memcpy(to + 2 * row, from, 2);
}

// One byte a weight of the 32 columns of a small block, or of sub-block j of a super-block.

Words nibbles_of_small(const std::byte* quants) {
  Words words;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint32_t pairs = load_word(quants + 4 * i);
    words[i] = pairs & kNibbles;
    words[i + 4] = pairs >> 4 & kNibbles;
  }
  return words;
}

Words nibbles_of_super(const std::byte* quants, std::size_t j) {
  Words words;
  for (std::size_t i = 0; i < 8; ++i)
    words[i] = load_word(quants + j / 2 * 32 + 4 * i) >> (j % 2 * 4) & kNibbles;
  return words;
}

Words words_q5_0(const std::byte* block) {
  Words words = nibbles_of_small(block + Q5_0::kQuants);
  const std::uint32_t high = load_word(block + Q5_0::kHigh);
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t four = high >> (4 * i);
    words[i] |= ((four & 1U) | (four & 2U) << 7 | (four & 4U) << 14 | (four & 8U) << 21) << 4;
  }
  return words;
}

Words words_q5_k(const std::byte* block, std::size_t j) {
  Words words = nibbles_of_super(block + Q5_K::kQuants, j);
  for (std::size_t i = 0; i < 8; ++i)
    words[i] |= (load_word(block + Q5_K::kHigh + 4 * i) >> j & 0x01010101U) << 4;
  return words;
}

Words words_q6_k(const std::byte* block, std::size_t j) {
  const std::size_t half = j / 4, quarter = j % 4;
  Words words;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t pairs =
        load_word(block + Q6_K::kLow + half * 64 + quarter % 2 * 32 + 4 * i);
    const std::uint32_t high = load_word(block + Q6_K::kHigh + half * 32 + 4 * i);
    words[i] = (pairs >> (quarter < 2 ? 0 : 4) & kNibbles) | (high >> (2 * quarter) & 0x03030303U)
                                                                 << 4;
  }
  return words;
}

// One row's share of the groups of 32 columns, which begin at `to`.

void put_bytes(const Words& words, std::byte* to, std::size_t row) {
  for (std::size_t i = 0; i < 8; ++i) store_word(to + kGroupBytes * i + 4 * row, words[i]);
}

void put_nibbles(const Words& words, std::size_t first, std::size_t count, std::byte* to,
                 std::size_t row) {
  for (std::size_t i = 0; i < count; i += 2)
    store_word(to + kGroupBytes * (i / 2) + 4 * row,
               (words[first + i] & kNibbles) | (words[first + i + 1] & kNibbles) << 4);
}

void put_nibbles(const Words& words, std::byte* to, std::size_t row) {
  put_nibbles(words, 0, 8, to, row);
}

void put_five_bits(const Words& words, std::byte* to, std::size_t row) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits |= (words[i] >> 4 & 0x01010101U) << i;
  store_word(to + 4 * row, bits);
  put_nibbles(words, to + kPlane, row);
}

void put_six_bits(const Words& words, std::byte* to, std::size_t row) {
  for (std::size_t first = 0; first < 8; first += 4, to += kSix) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits |= (words[first + i] >> 4 & 0x03030303U) << (2 * i);
    store_word(to + 4 * row, bits);
    put_nibbles(words, first, 4, to + kPlane, row);
  }
}

/// Where small block b of a row goes: its unit, and which half of it.
struct Place {
  std::byte* unit;
  std::size_t half;
};

Place place(std::byte* panel, std::size_t unit_bytes, std::size_t b) {
  return {panel + b / 2 * unit_bytes, b % 2};
}

void pack_q8_0(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  const auto [unit, half] = place(panel, kQ8Unit, b);
  copy_f16(block + Q8_0::kD, unit + 32 * half, row);
  Words words;
  for (std::size_t i = 0; i < 8; ++i)
    words[i] = load_word(block + Q8_0::kQuants + 4 * i) ^ 0x80808080U;
  put_bytes(words, unit + 64 + half * kUnitBytes / 2, row);
}

void pack_q4_0(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  const auto [unit, half] = place(panel, kQ40Unit, b);
  copy_f16(block + Q4_0::kD, unit + 32 * half, row);
  put_nibbles(nibbles_of_small(block + Q4_0::kQuants), unit + 64 + half * kUnitNibbles / 2, row);
}

void pack_q4_1(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  const auto [unit, half] = place(panel, kQ41Unit, b);
  copy_f16(block + Q4_1::kD, unit + 32 * half, row);
  copy_f16(block + Q4_1::kMin, unit + 64 + 32 * half, row);
  put_nibbles(nibbles_of_small(block + Q4_1::kQuants), unit + 128 + half * kUnitNibbles / 2, row);
}

void pack_q5_0(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  const auto [unit, half] = place(panel, kQ50Unit, b);
  copy_f16(block + Q5_0::kD, unit + 32 * half, row);
  const Words words = words_q5_0(block);
  put_five_bits(words, unit + 64 + half * kFive, row);
}

void pack_scales(const std::byte* block, std::byte* super, std::size_t row) {
  copy_f16(block + Q4_K::kD, super, row);
  copy_f16(block + Q4_K::kDmin, super + 32, row);
  for (std::size_t j = 0; j < 8; ++j) {
    const ScaleMin sub = scale_min(block + Q4_K::kScales, j);
    super[kQ4KScales + 16 * j + row] = static_cast<std::byte>(sub.scale);
    super[kQ4KMins + 16 * j + row] = static_cast<std::byte>(sub.min);
  }
}

void pack_q4_k(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  std::byte* super = panel + b * kQ4KSuper;
  pack_scales(block, super, row);
  for (std::size_t j = 0; j < 8; ++j)
    put_nibbles(nibbles_of_super(block + Q4_K::kQuants, j), super + kQ4KHead + 256 * j, row);
}

void pack_q5_k(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  std::byte* super = panel + b * kQ5KSuper;
  pack_scales(block, super, row);
  for (std::size_t j = 0; j < 8; ++j)
    put_five_bits(words_q5_k(block, j), super + kQ4KHead + kFive * j, row);
}

void pack_q6_k(const std::byte* block, std::byte* panel, std::size_t b, std::size_t row) {
  std::byte* super = panel + b * kQ6KSuper;
  copy_f16(block + Q6_K::kD, super, row);
  for (std::size_t j = 0; j < 16; ++j) super[kQ6KScales + 16 * j + row] = block[Q6_K::kScales + j];
  for (std::size_t j = 0; j < 8; ++j)
    put_six_bits(words_q6_k(block, j), super + kQ6KHead + 2 * kSix * j, row);
}

// Formats without blocks: `count` columns from column k on.

void pack_f32(const std::byte* from, std::byte* panel, std::size_t k, std::size_t count,
              std::size_t row) {
  std::byte* to = panel + 64 * k + 4 * row;
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + 64 * i, from + 4 * i, 4);
}

void pack_f16(const std::byte* from, std::byte* panel, std::size_t k, std::size_t count,
              std::size_t row) {
  std::byte* to = panel + 32 * k + 2 * row;
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + 32 * i, from + 2 * i, 2);
}

void pack_bf16(const std::byte* from, std::byte* panel, std::size_t k, std::size_t count,
               std::size_t row) {
  std::byte* to = panel + 32 * k + 4 * row;  // k is even
  for (std::size_t i = 0; i < count; i += 2)
    std::memcpy(to + 32 * i, from + 2 * i, i + 1 < count ? 4 : 2);
}

void pack_i8(const std::byte* from, std::byte* panel, std::size_t k, std::size_t count,
             std::size_t row) {
  std::byte* to = panel + 64 + kGroupBytes * (k / kGroupColumns) + 4 * row;
  std::size_t i = 0;
  for (; i + kGroupColumns <= count; i += kGroupColumns, to += kGroupBytes)
    store_word(to, load_word(from + i) ^ 0x80808080U);
  for (; i < count; ++i, ++to) *to = from[i] ^ std::byte{0x80};
}

/// Puts block b of one row, which begins at the pointer, into a panel.
using PackBlock = void (*)(const std::byte*, std::byte*, std::size_t b, std::size_t row);
using PackColumns = void (*)(const std::byte*, std::byte*, std::size_t k, std::size_t count,
                             std::size_t row);

struct Layout {
  Format format;
  std::size_t columns;  // of a piece
  std::size_t bytes;    // of a piece
  std::size_t head;     // before the pieces
  PackBlock pack_block;
  PackColumns pack_columns;  // of formats without blocks
};

constexpr std::array<Layout, 11> kLayouts{{
    {Format::f32, 1, 64, 0, nullptr, pack_f32},
    {Format::f16, 1, 32, 0, nullptr, pack_f16},
    {Format::bf16, 32, 1024, 0, nullptr, pack_bf16},
    {Format::i8, kActivationBlock, kUnitBytes, 64, nullptr, pack_i8},
    {Format::q8_0, kActivationBlock, kQ8Unit, 0, pack_q8_0, nullptr},
    {Format::q4_0, kActivationBlock, kQ40Unit, 0, pack_q4_0, nullptr},
    {Format::q4_1, kActivationBlock, kQ41Unit, 0, pack_q4_1, nullptr},
    {Format::q5_0, kActivationBlock, kQ50Unit, 0, pack_q5_0, nullptr},
    {Format::q4_k, kSuperBlock, kQ4KSuper, 0, pack_q4_k, nullptr},
    {Format::q5_k, kSuperBlock, kQ5KSuper, 0, pack_q5_k, nullptr},
    {Format::q6_k, kSuperBlock, kQ6KSuper, 0, pack_q6_k, nullptr},
}};

const Layout& layout_of(Format format) {
  const auto index = static_cast<std::size_t>(format);
  GALLEY_CHECK(index < kLayouts.size() && kLayouts[index].format == format, "a known format");
  return kLayouts[index];
}

}  // namespace

bool can_multiply(Format format, Activation activation) {
  const bool plain = format == Format::f32 || format == Format::f16 || format == Format::bf16;
  return activation != Activation::int8 || !plain;
}

std::size_t packed_panel_bytes(Format format, std::size_t columns) {
  const Layout& layout = layout_of(format);
  const std::size_t pieces = round_up(columns, layout.columns) / layout.columns;
  return round_up(layout.head + pieces * layout.bytes, 64);
}

std::size_t packed_bytes(Format format, std::size_t rows, std::size_t columns) {
  return panel_count(rows) * packed_panel_bytes(format, columns);
}

PackedMatrix packed_matrix(const MatrixSource& source, Activation activation, std::byte* data) {
  return {source.format,
          activation,
          source.rows,
          source.columns,
          packed_panel_bytes(source.format, source.columns),
          data};
}

void pack_panels(const MatrixSource& source, const PackedMatrix& to, std::size_t panel_begin,
                 std::size_t panel_end) {
  const Layout& layout = layout_of(source.format);
  const std::size_t values = block_values(source.format);
  const std::size_t bytes = block_bytes(source.format);
  GALLEY_CHECK(source.columns % values == 0 && source.first_column % values == 0,
               "a packed matrix is whole blocks");
  const std::size_t blocks = source.columns / values;
  for (std::size_t p = panel_begin; p < panel_end; ++p) {
    std::byte* panel = to.data + p * to.panel_bytes;
    std::memset(panel, 0, to.panel_bytes);
    const std::size_t first = p * kPanelRows;
    const std::size_t rows = std::min(kPanelRows, source.rows - first);
    std::array<const std::byte*, kPanelRows> from{};
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t r = source.first_row + first + row;
      from[row] = source.bytes + r * source.row_stride + source.first_column / values * bytes;
      if (source.format == Format::i8) std::memcpy(panel + 4 * row, source.scales + r, 4);
    }
    // Block by block, so that all rows write one piece of the panel while it is in the L1 cache.
    const std::size_t step = layout.pack_block != nullptr ? 1 : kActivationBlock;
    for (std::size_t b = 0; b < blocks; b += step)
      for (std::size_t row = 0; row < rows; ++row) {
        const std::byte* block = from[row] + b * bytes;
        if (layout.pack_block != nullptr)
          layout.pack_block(block, panel, b, row);
        else
          layout.pack_columns(block, panel, b, std::min(step, blocks - b), row);
      }
  }
}

}  // namespace galley::tensor
