#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::simulation {

/// One row of a table, by the names of its columns. Valid during the call that it is given to.
class CsvRow {
 public:
  /// An absent optional column reads as the empty text.
  std::string_view text(std::string_view column) const;
  /// A whole number between the two, both allowed. Errors: invalid_argument naming file, line and
  /// column, with what would be right.
  Result<std::int64_t> number(std::string_view column, std::int64_t least, std::int64_t most) const;
  /// A number with or without a fraction. Errors: the same.
  Result<double> real(std::string_view column, double least, double most) const;
  /// An error about this row's column.
  Error wrong(std::string_view column, std::string_view what, std::string expected) const;

 private:
  friend class CsvReader;
  CsvRow(std::string_view file, std::span<const std::string_view> columns)
      : file_(file), columns_(columns) {}

  std::string_view file_;
  std::span<const std::string_view> columns_;
  std::int64_t line_ = 0;
  std::vector<std::string_view> fields_;
};

struct CsvForm {
  std::vector<std::string_view> required;  // columns that have to be there
};

/// Reads a comma-separated table with a header line. The traces quote nothing, so a quote is an
/// error like any other unexpected text. Refused: a missing or repeated column, a row with more or
/// fewer fields than the header, bytes that are not UTF-8, no rows at all. `file` is for errors.
/// Errors: invalid_argument, and whatever `take` returns.
Status read_csv(std::string_view file, std::string_view bytes, const CsvForm& form,
                const std::function<Status(const CsvRow&)>& take);

}  // namespace galley::simulation
