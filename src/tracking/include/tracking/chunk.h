#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::tracking {

/// A chunk is sealed at this many points: about 12 KiB raw, the most that one append rewrites.
inline constexpr std::size_t kChunkPoints = 512;

/// One value of a series. The value may be any double; a NaN keeps its bits.
struct Point {
  std::int64_t step = 0;
  double value = 0;
  std::int64_t at_ms = 0;
};

/// The bytes of a chunk of 1 to kChunkPoints points (docs/formats/chunk.md): raw columns while it
/// grows, delta-coded and compressed once it is sealed.
enum class ChunkForm { growing, sealed };
std::string encode_chunk(std::span<const Point> points, ChunkForm form);

/// Errors: corrupt (says what is wrong), unsupported (a newer version).
Result<std::vector<Point>> decode_chunk(std::string_view bytes);

}  // namespace galley::tracking
