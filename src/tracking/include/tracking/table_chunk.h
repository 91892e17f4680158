#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracking/chunk.h"

namespace galley::tracking {

/// Series of one source that were measured at the same times: a machine's GPUs, say. One chunk
/// holds them all, since a row of the database for each would cost more than what it holds.
struct TableGroup {
  std::string name;  // what was measured; no line break
  std::vector<std::string> fields;
  bool operator==(const TableGroup&) const = default;
};

struct TableChunk {
  std::vector<std::int64_t> at_ms;  // 1 to kChunkPoints
  std::vector<TableGroup> groups;   // at most kMaxTableColumns fields over all
  /// Column after column, in the order of the groups' fields; NaN where nothing was measured.
  /// Single precision: half the bytes, and more than any sensor has.
  std::vector<float> values;
};

inline constexpr std::size_t kMaxTableColumns = 32'768;

/// Version 2 of a chunk (docs/formats/chunk.md), compressed.
std::string encode_table(const TableChunk& table);

/// A chunk of tables, read column by column: most readers want one of hundreds.
class TableReader {
 public:
  /// Errors: corrupt (says what is wrong), unsupported (another version).
  static Result<TableReader> open(std::string_view bytes);

  std::span<const std::int64_t> at_ms() const { return at_ms_; }
  const std::vector<TableGroup>& groups() const { return groups_; }
  std::size_t columns() const { return columns_; }
  /// The values of a column, one for each time. Requires column < columns().
  std::vector<float> column(std::size_t column) const;

 private:
  std::vector<std::int64_t> at_ms_;
  std::vector<TableGroup> groups_;
  std::size_t columns_ = 0;
  std::string packed_;
  std::size_t planes_at_ = 0;  // where the values begin in packed_
};

}  // namespace galley::tracking
