#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/table_chunk.h"

namespace galley::telemetry {

/// How long what is kept, from the finest on. A chunk of a coarser level covers chunk_ms, aligned
/// to it, and is made from the level below once that time is over.
struct Level {
  std::int64_t window_ms;
  std::int64_t chunk_ms;  // 0: chunks are as long as they happen to be
  std::int64_t keep_ms;
};
inline constexpr std::int64_t kMinuteMs = 60'000;
inline constexpr std::int64_t kHourMs = 60 * kMinuteMs;
inline constexpr std::int64_t kDayMs = 24 * kHourMs;
inline constexpr std::array<Level, 3> kLevels{
    {{5'000, 0, kHourMs}, {kMinuteMs, kHourMs, 2 * kDayMs}, {15 * kMinuteMs, kDayMs, 90 * kDayMs}}};

/// What a gauge did within a window.
struct Spread {
  float min = 0;
  float mean = 0;
  float max = 0;
  float last = 0;
};

/// The gauge of a group in a chunk: four columns, or one where it never moved within a window.
struct FieldColumns {
  std::string_view field;
  std::size_t min = 0;
  std::size_t mean = 0;
  std::size_t max = 0;
  std::size_t last = 0;
};
std::vector<FieldColumns> fields_of(const tracking::TableGroup& group, std::size_t first_column);

/// Calls back for each number of that field, of groups whose name is `group` or, when `whole_kind`,
/// begins with it.
struct Wanted {
  std::string_view group;
  bool whole_kind = false;
  std::string_view field;
};
using EachWindow =
    std::function<void(std::string_view group, std::int64_t at_ms, const Spread& spread)>;
void read_field(const tracking::TableReader& reader, const Wanted& wanted, const EachWindow& each);

/// Folds the windows of finer chunks into coarser ones. A window's mean is the mean of the means
/// that it is made of: these are of equally long times.
class Rollup {
 public:
  Rollup(std::int64_t from_ms, const Level& level);
  void add(const tracking::TableReader& reader);
  /// No times when there was nothing.
  tracking::TableChunk table() const;

 private:
  struct Sum {
    float min = std::numeric_limits<float>::infinity();
    float max = -std::numeric_limits<float>::infinity();
    double total = 0;
    std::int64_t count = 0;
    float last = 0;
    void add(const Spread& spread);
    Spread spread() const;
  };
  using Field = std::vector<Sum>;  // one for each window

  std::int64_t from_ms_;
  Level level_;
  std::size_t windows_;
  std::map<std::string, std::map<std::string, Field, std::less<>>, std::less<>> groups_;
};

/// The nearest number that compresses well: whole numbers below 2^24 stay as they are, others keep
/// 16 significant bits (an error below 0.001 %).
float rounded(float value);

}  // namespace galley::telemetry
