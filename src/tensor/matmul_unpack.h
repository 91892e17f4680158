// Chunks: a few hundred columns of one panel as bytes, scales and offsets, for many input rows.
#pragma once

#include "matmul_sources.h"

namespace galley::tensor {
namespace {

/// Units in a chunk: the bytes of two panels stay in a 32 KiB L1 cache.
constexpr size_t kChunkUnits = 8;

/// Unit u has kUnitBytes of weights at weights + u * unit_stride, and scales (and offsets) of
/// sixteen f32 for each sub-block.
struct Chunk {
  const uint8_t* weights;
  size_t unit_stride;
  const float* scales;
  const float* offsets;
};

struct ChunkMemory {
  alignas(64) uint8_t weights[kChunkUnits * kUnitBytes];
  alignas(64) float scales[kChunkUnits * Sixteen::kSubBlocks * kPanelRows];
  alignas(64) float offsets[kChunkUnits * ThirtyTwoWithOffsets::kSubBlocks * kPanelRows];
};

/// Units [unit, unit + units) of a panel of a block format.
template <class V, class Source>
Chunk unpack(const uint8_t* panel, size_t unit, size_t units, ChunkMemory& memory) {
  constexpr size_t kSub = Source::Kind::kSubBlocks;
  constexpr bool kBytesAlready = Source::kBytes == kQ8Unit && Source::kUnits == 1;
  uint8_t* to = memory.weights;
  for (size_t u = 0; u < units; ++u)
    for (size_t s = 0; s < kSub; ++s) {
      const SubBlock at = Source::at(panel, unit + u, s);
      V::store(Source::scale(at), memory.scales + 16 * (kSub * u + s));
      if constexpr (Source::Kind::kOffsets)
        V::store(Source::offset(at), memory.offsets + 16 * (kSub * u + s));
      if constexpr (!kBytesAlready)
#pragma GCC unroll 4
        for (size_t i = 0; i < kUnitGroups / kSub / 2; ++i, to += 2 * kGroupBytes) {
          const TwoGroups<V> two = Source::groups(at, i);
          V::store_bytes(two.first, to);
          V::store_bytes(two.second, to + kGroupBytes);
        }
    }
  const float* offsets = Source::Kind::kOffsets ? memory.offsets : nullptr;
  if constexpr (kBytesAlready)
    return {panel + unit * kQ8Unit + 64, kQ8Unit, memory.scales, nullptr};
  else
    return {memory.weights, kUnitBytes, memory.scales, offsets};
}

/// The same for weights with a scale for each channel.
template <class V>
Chunk unpack_i8(const uint8_t* panel, size_t unit, size_t units, ChunkMemory& memory) {
  const auto scales = V::load(reinterpret_cast<const float*>(panel));
  for (size_t i = 0; i < ThirtyTwo::kSubBlocks * units; ++i)
    V::store(scales, memory.scales + 16 * i);
  return {panel + 64 + unit * kUnitBytes, kUnitBytes, memory.scales, nullptr};
}

}  // namespace
}  // namespace galley::tensor
