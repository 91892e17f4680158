// The products of one instruction set: panels, chunks of columns, tiles of rows, and the table.
#pragma once

#include "matmul_bytes.h"
#include "matmul_floats.h"
#include "matmul_prepare.h"

namespace galley::tensor {
namespace {

/// Rows whose totals of two panels stay in an L2 cache.
constexpr size_t kRowBlock = 512;

/// Up to so many rows of floats, memory is waited for: shorter chunks let it work while they are
/// multiplied.
constexpr size_t kFewRows = 8;

/// An instruction set without tiles.
struct NoTiles {
  static constexpr bool kUsed = false;
  struct Memory {};
};

/// The layout of one thread's scratch memory.
template <class Tiles>
struct Work {
  alignas(64) float totals[kRowBlock * kPanelStep * kPanelRows];
  alignas(64) ChunkMemory chunks[kPanelStep];
  alignas(64) FloatMemory floats[kPanelStep];
  alignas(64) typename Tiles::Memory tiles;
};

/// Bytes of one column of a panel that holds floats; 0 for formats of blocks.
inline size_t float_column_bytes(Format format) {
  const size_t bytes = format == Format::f32                             ? 4
                       : format == Format::f16 || format == Format::bf16 ? 2
                                                                         : 0;
  return bytes * kPanelRows;
}

/// Rows [first, first + count) of the input times panels panel .. panel + V::kPanels - 1.
struct Part {
  const MatmulCall& call;
  size_t panel;
  size_t panel_end;
  size_t first;
  size_t count;

  const uint8_t* rows() const {
    return reinterpret_cast<const uint8_t*>(call.input->data) + first * call.input->stride;
  }
  /// A panel past the end is the last one again; its results are dropped.
  const uint8_t* panel_at(size_t p) const {
    const size_t last = panel_end - 1;
    const size_t index = panel + p < last ? panel + p : last;
    return reinterpret_cast<const uint8_t*>(call.matrix->data) + index * call.matrix->panel_bytes;
  }
};

template <class V>
struct PanelPointers {
  const uint8_t* at[V::kPanels];

  explicit PanelPointers(const Part& part) {
    for (size_t p = 0; p < V::kPanels; ++p) at[p] = part.panel_at(p);
  }
};

template <class V, class Source, class Tiles>
void multiply_blocks(const Part& part, Work<Tiles>& work) {
  using Kind = typename Source::Kind;
  const PreparedLayout layout(part.call.matrix->columns);
  const size_t units = layout.padded / kActivationBlock;
  const uint8_t* row = part.rows();
  const Int8Rows rows{row, row + layout.scales,
                      row + (Kind::kSubBlocks == 4 ? layout.fine_corrections : layout.corrections),
                      row + layout.sums, part.call.input->stride};
  const PanelPointers<V> panels(part);
  if (part.count <= V::kDirectRows) {
    split_rows<V::kDirectRows>(part.count, [&]<size_t kRows>() {
      for (size_t p = 0; p < V::kPanels; ++p)
        direct_rows<V, Source, kRows>(panels.at[p], units, rows, work.totals + 16 * p);
    });
    return;
  }
  for (size_t unit = 0; unit < units; unit += kChunkUnits) {
    const size_t some = units - unit < kChunkUnits ? units - unit : kChunkUnits;
    Chunk chunks[V::kPanels];
    Ahead ahead{{}, Source::kBytes / Source::kUnits};
    for (size_t p = 0; p < V::kPanels; ++p) {
      chunks[p] = unpack<V, Source>(panels.at[p], unit, some, work.chunks[p]);
      ahead.panels[p] = unit + some < units
                            ? Source::at(panels.at[p], unit + some, 0).base
                            : panels.at[p] + V::kPanels * part.call.matrix->panel_bytes;
    }
    const Int8Rows x = rows.from_unit(unit, Kind::kSubBlocks);
    if constexpr (Tiles::kUsed)
      Tiles::template blocks<V, Kind>(chunks, some, x, part.count, ahead, work);
    else
      int8_rows<V, Kind>(chunks, some, x, part.count, ahead, work.totals);
  }
}

template <class V, class Tiles>
void multiply_channels(const Part& part, Work<Tiles>& work) {
  const size_t columns = part.call.matrix->columns;
  const PreparedRowLayout layout(columns);
  const size_t units = layout.padded / kActivationBlock;
  const size_t stride = part.call.input->stride;
  auto* dots = reinterpret_cast<std::int32_t*>(work.totals);
  for (size_t r = 0; r < part.count; ++r)
    for (size_t p = 0; p < V::kPanels; ++p)
      V::store_ints(V::all_ints(int_at(part.rows() + r * stride + layout.correction)),
                    dots + 16 * (r * V::kPanels + p));
  const PanelPointers<V> panels(part);
  for (size_t unit = 0; unit < units; unit += kChunkUnits) {
    const size_t some = units - unit < kChunkUnits ? units - unit : kChunkUnits;
    Chunk chunks[V::kPanels];
    for (size_t p = 0; p < V::kPanels; ++p)
      chunks[p] = {panels.at[p] + 64 + unit * kUnitBytes, kUnitBytes, nullptr, nullptr};
    if constexpr (Tiles::kUsed)
      Tiles::template channels<V>(chunks, some, part.rows() + 64 * unit, stride, part.count, work);
    else
      channel_rows<V>(chunks, some, part.rows() + 64 * unit, stride, part.count, dots);
  }
  for (size_t r = 0; r < part.count; ++r) {
    const auto scale = V::all(float_at(part.rows() + r * stride + layout.scale));
    for (size_t p = 0; p < V::kPanels; ++p) {
      const size_t i = 16 * (r * V::kPanels + p);
      const auto weight_scale = V::load(reinterpret_cast<const float*>(panels.at[p]));
      V::store(V::multiply(V::multiply(V::to_floats(V::load_ints(dots + i)), weight_scale), scale),
               work.totals + i);
    }
  }
}

/// Where the results of a part's panel go: to what was there or not, with bias or without.
template <class V>
class Place {
 public:
  Place(const Part& part, size_t p) : call_(part.call), bias_(V::zero()) {
    const size_t column = (part.panel + p) * kPanelRows;
    if (part.panel + p >= part.panel_end) return;
    const size_t left = call_.matrix->rows - column;
    width_ = left < kPanelRows ? left : kPanelRows;
    out_ = call_.out + part.first * call_.out_stride + column;
    if (call_.bias != nullptr) bias_ = V::load_first(call_.bias + column, width_);
  }

  void put(size_t row, typename V::Floats sum) const {
    if (width_ == 0) return;
    float* out = out_ + row * call_.out_stride;
    if (call_.bias != nullptr) sum = V::add(sum, bias_);
    if (call_.accumulate) sum = V::add(V::load_first(out, width_), sum);
    V::store_first(sum, out, width_);
  }

 private:
  const MatmulCall& call_;
  float* out_ = nullptr;
  size_t width_ = 0;  // 0: a panel past the end
  typename V::Floats bias_;
};

/// With panels whose bytes are the weights.
template <class V, class Input>
void multiply_whole(const Part& part, size_t steps) {
  const PanelPointers<V> panels(part);
  const Place<V> places[] = {{part, 0}, {part, V::kPanels - 1}};
  const size_t stride = part.call.input->stride;
  size_t row = 0;
  split_rows<V::kFloatRows>(part.count, [&]<size_t kRows>() {
    whole_tile<V, Input, kRows>(
        panels.at, part.call.matrix->panel_bytes, steps, part.rows() + row * stride, stride,
        [&](size_t r, size_t p, typename V::Floats sum) { places[p].put(row + r, sum); });
    row += kRows;
  });
}

template <class V, class Tiles>
void multiply_floats(const Part& part, Work<Tiles>& work) {
  const PackedMatrix& matrix = *part.call.matrix;
  const bool rounded = part.call.input->preparation == Preparation::bf16;
  const bool pairs = rounded && V::kDotsBf16;
  // For tiles: other lanes multiply such panels whole.
  const bool direct = pairs && matrix.format == Format::bf16;
  // With few rows short chunks, so that reading and multiplying overlap.
  const bool whole = direct || (matrix.format != Format::f16 && matrix.format != Format::bf16);
  const size_t step = whole || part.count > kFewRows ? kFloatChunk : kActivationBlock;
  const size_t column_bytes = float_column_bytes(matrix.format);
  for (size_t first = 0; first < matrix.columns; first += step) {
    const size_t left = matrix.columns - first;
    const size_t columns = left < step ? left : step;
    const float* weights[V::kPanels];
    Ahead ahead{{}, kStepsAhead * (pairs ? 2 : 1) * column_bytes};
    for (size_t p = 0; p < V::kPanels; ++p) {
      const uint8_t* panel = part.panel_at(p);
      ahead.panels[p] =
          panel + (left > step ? (first + step) * column_bytes : V::kPanels * matrix.panel_bytes);
      float* own = work.floats[p].weights;
      if (direct) {
        weights[p] = reinterpret_cast<const float*>(panel + 32 * first);
        continue;
      }
      weights[p] =
          unpack_floats<V>(matrix.format, panel, first, columns, work.chunks[p], work.floats[p]);
      if (!rounded) continue;
      if constexpr (V::kDotsBf16)
        floats_to_pairs<V>(weights[p], columns, own);
      else
        floats_to_rounded<V>(weights[p], columns, own);
      weights[p] = own;
    }
    const size_t stride = part.call.input->stride;
    if (!rounded) {
      float_rows<V, FloatInput<V>>(weights, columns, part.rows() + 4 * first, stride, part.count,
                                   ahead, work.totals);
    } else if constexpr (Tiles::kUsed) {
      Tiles::template pairs<V>(weights, round_up(columns, kPairColumns), part.rows() + 2 * first,
                               stride, part.count, work);
    } else if constexpr (V::kDotsBf16) {
      float_rows<V, PairInput<V>>(weights, round_up(columns, kPairColumns) / 2,
                                  part.rows() + 2 * first, stride, part.count, ahead, work.totals);
    } else {
      float_rows<V, RoundedInput<V>>(weights, columns, part.rows() + 2 * first, stride, part.count,
                                     ahead, work.totals);
    }
  }
}

/// Does products whose panels' bytes are the weights, and says whether this is one. Tiles have
/// their own order of sums.
template <class V, class Tiles>
bool multiply_as_they_lie(const Part& part) {
  const PackedMatrix& matrix = *part.call.matrix;
  const Preparation preparation = part.call.input->preparation;
  if (preparation == Preparation::f32 && matrix.format == Format::f32) {
    multiply_whole<V, FloatInput<V>>(part, matrix.columns);
    return true;
  }
  if constexpr (V::kDotsBf16 && !Tiles::kUsed) {
    if (preparation == Preparation::bf16 && matrix.format == Format::bf16) {
      multiply_whole<V, PairInput<V>>(part, round_up(matrix.columns, kPairColumns) / 2);
      return true;
    }
  }
  return false;
}

template <class V, class Tiles>
void multiply_part(const Part& part, Work<Tiles>& work) {
  if (multiply_as_they_lie<V, Tiles>(part)) return;
  for (size_t i = 0; i < part.count * V::kPanels; ++i) V::store(V::zero(), work.totals + 16 * i);
  switch (part.call.input->preparation) {
    case Preparation::f32:
    case Preparation::bf16:
      multiply_floats<V>(part, work);
      break;
    case Preparation::int8_row:
      multiply_channels<V>(part, work);
      break;
    case Preparation::int8_blocks:
      with_source<V>(part.call.matrix->format,
                     [&]<class Source>(Source) { multiply_blocks<V, Source>(part, work); });
  }
  for (size_t p = 0; p < V::kPanels; ++p) {
    const Place<V> place(part, p);
    for (size_t r = 0; r < part.count; ++r)
      place.put(r, V::load(work.totals + 16 * (r * V::kPanels + p)));
  }
}

template <class V, class Tiles = NoTiles>
void unpack_row(const PackedMatrix& matrix, size_t row, float* out, std::byte* scratch) {
  auto& work = *reinterpret_cast<Work<Tiles>*>(scratch);
  const auto* panel =
      reinterpret_cast<const uint8_t*>(matrix.data) + row / kPanelRows * matrix.panel_bytes;
  for (size_t first = 0; first < matrix.columns; first += kFloatChunk) {
    const size_t left = matrix.columns - first;
    const size_t columns = left < kFloatChunk ? left : kFloatChunk;
    const float* all =
        unpack_floats<V>(matrix.format, panel, first, columns, work.chunks[0], work.floats[0]);
    for (size_t k = 0; k < columns; ++k) out[first + k] = all[16 * k + row % kPanelRows];
  }
}

template <class V, class Tiles = NoTiles>
void multiply(const MatmulCall& call, size_t panel_begin, size_t panel_end, std::byte* scratch) {
  static_assert(V::kPanels <= kPanelStep && sizeof(Work<Tiles>) <= kMatmulScratchBytes);
  auto& work = *reinterpret_cast<Work<Tiles>*>(scratch);
  for (size_t first = 0; first < call.input->rows; first += kRowBlock) {
    const size_t left = call.input->rows - first;
    const size_t count = left < kRowBlock ? left : kRowBlock;
    for (size_t panel = panel_begin; panel < panel_end; panel += V::kPanels)
      multiply_part<V, Tiles>({call, panel, panel_end, first, count}, work);
  }
}

}  // namespace
}  // namespace galley::tensor
