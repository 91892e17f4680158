#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "tracking/chunk.h"

namespace galley::tracking {

/// The most that one batch holds; a longer call makes several.
inline constexpr std::size_t kMaxBatchPoints = 32'768;

/// Points of several series as one call reported them: each key once, then a row of columns. The
/// writer thread of the store only puts the packed bytes away; making them is the callers' work.
class PointBatch {
 public:
  /// Errors: invalid_argument (key), too_large (past kMaxBatchPoints).
  Status add(std::string_view key, std::int64_t step, double value, std::int64_t at_ms);

  std::size_t size() const { return points_.size(); }
  bool empty() const { return points_.empty(); }
  const std::vector<std::string>& keys() const { return keys_; }
  /// The index into keys() of each point.
  std::span<const std::uint32_t> key_of() const { return key_of_; }
  std::span<const Point> points() const { return points_; }

  /// Version 3 of a chunk (docs/formats/chunk.md). Requires a point at least.
  std::string pack() const;
  /// Errors: corrupt (says what is wrong), unsupported (another version).
  static Result<PointBatch> unpack(std::string_view bytes);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>{}(key);
    }
  };
  /// The index of a key, which is checked when it is new.
  Result<std::uint32_t> index_of(std::string_view key);

  std::vector<std::string> keys_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
  std::vector<std::uint32_t> key_of_;
  std::vector<Point> points_;
};

}  // namespace galley::tracking
