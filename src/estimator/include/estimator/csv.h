#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galley::estimator {

/// A table with a header line, fields quoted where they hold commas, quotes or line ends (RFC
/// 4180).
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as many fields as the header
  std::vector<std::size_t> lines;              // where each row began, from 1

  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);
  /// Position of the first of these columns that exists; kAbsent without one.
  std::size_t column(std::initializer_list<std::string_view> names) const;
};

/// Errors: invalid_argument with the line: an open quote, a row of another length, no header; more
/// than most_rows rows.
Result<CsvTable> parse_csv(std::string_view text, std::size_t most_rows = 1'000'000);

/// A field as a number; surrounding spaces and a currency sign are dropped. Errors:
/// invalid_argument.
Result<double> csv_number(std::string_view field);

}  // namespace galley::estimator
