#include "estimator/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace galley::estimator {
namespace {

/// Reads one row that starts at `at`, which moves past its line end; `line` counts line ends.
Result<std::vector<std::string>> take_csv_row(std::string_view text, std::size_t& at,
                                              std::size_t& line) {
  const std::size_t first_line = line;
  std::vector<std::string> fields(1);
  bool quoted = false;
  while (at < text.size()) {
    const char c = text[at++];
    if (quoted) {
      if (c == '\n') ++line;
      if (c != '"')
        fields.back() += c;
      else if (at < text.size() && text[at] == '"')
        fields.back() += text[at++];
      else
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++line;
      return fields;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  if (quoted)
    return Error{Errc::invalid_argument,
                 "line " + std::to_string(first_line) + " opens a quote that never closes"};
  return fields;
}

}  // namespace

std::size_t CsvTable::column(std::initializer_list<std::string_view> names) const {
  for (const auto name : names)
    if (const auto found = std::ranges::find(header, name); found != header.end())
      return static_cast<std::size_t>(found - header.begin());
  return kAbsent;
}

Result<CsvTable> parse_csv(std::string_view text, std::size_t most_rows) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable table;
  std::size_t at = 0;
  std::size_t line = 1;
  while (at < text.size()) {
    const std::size_t first_line = line;
    GALLEY_TRY(auto fields, take_csv_row(text, at, line));
    if (fields.size() == 1 && trim(fields[0]).empty()) continue;
    if (table.header.empty()) {
      for (auto& field : fields) field = std::string(trim(field));
      table.header = std::move(fields);
      continue;
    }
    if (fields.size() != table.header.size())
      return Error{Errc::invalid_argument,
                   "line " + std::to_string(first_line) + " has " + std::to_string(fields.size()) +
                       " fields where the header has " + std::to_string(table.header.size())};
    if (table.rows.size() == most_rows)
      return Error{Errc::too_large,
                   "the table has more than " + std::to_string(most_rows) + " rows"};
    table.rows.push_back(std::move(fields));
    table.lines.push_back(first_line);
  }
  if (table.header.empty()) return Error{Errc::invalid_argument, "the table has no header line"};
  return table;
}

Result<double> csv_number(std::string_view field) {
  field = trim(field);
  if (field.starts_with('$')) field.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value))
    return Error{Errc::invalid_argument, "'" + std::string(field.substr(0, 40)) + "' is no number"};
  return value;
}

}  // namespace galley::estimator
