#include "simulation/csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace galley::simulation {
namespace {

constexpr std::size_t kShown = 40;  // characters of a wrong field in its error

std::string shown(std::string_view text) {
  if (text.size() <= kShown) return std::string(text);
  return std::string(text.substr(0, kShown)) + "...";
}

Error broken(std::string_view file, std::int64_t line, std::string what, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = fmt::format("{}:{}: {}", file, line, to_valid_utf8(what)),
          .expected = std::move(expected)};
}

/// Cuts the next line off; a line may end in CR LF.
std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Status check_header(std::string_view file, std::span<const std::string_view> columns,
                    const CsvForm& form) {
  for (auto column = columns.begin(); column != columns.end(); ++column)
    if (std::find(columns.begin(), column, *column) != column)
      return broken(file, 1, fmt::format("the column \"{}\" is there twice", shown(*column)),
                    "each column once");
  for (const auto required : form.required)
    if (std::ranges::find(columns, required) == columns.end())
      return broken(file, 1, fmt::format("the column \"{}\" is missing", required),
                    fmt::format("a header with {}", fmt::join(form.required, ",")));
  return ok();
}

}  // namespace

std::string_view CsvRow::text(std::string_view column) const {
  const auto found = std::ranges::find(columns_, column);
  if (found == columns_.end()) return {};
  return fields_[static_cast<std::size_t>(found - columns_.begin())];
}

Error CsvRow::wrong(std::string_view column, std::string_view what, std::string expected) const {
  return broken(file_, line_, fmt::format("{} {}", column, what), std::move(expected));
}

Result<std::int64_t> CsvRow::number(std::string_view column, std::int64_t least,
                                    std::int64_t most) const {
  const auto field = text(column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (field.empty() || error != std::errc{} || end != field.data() + field.size() ||
      value < least || value > most)
    return wrong(column, fmt::format("is \"{}\"", shown(field)),
                 fmt::format("a whole number from {} to {}", least, most));
  return value;
}

Result<double> CsvRow::real(std::string_view column, double least, double most) const {
  const auto field = text(column);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (field.empty() || error != std::errc{} || end != field.data() + field.size() ||
      !(value >= least && value <= most))
    return wrong(column, fmt::format("is \"{}\"", shown(field)),
                 fmt::format("a number from {:.0f} to {:.0f}", least, most));
  return value;
}

/// Fills rows; a class only so that CsvRow can keep its making to itself.
class CsvReader {
 public:
  static Status read(std::string_view file, std::string_view bytes, const CsvForm& form,
                     const std::function<Status(const CsvRow&)>& take) {
    const auto columns = split(next_line(bytes), ',');
    GALLEY_TRY_STATUS(check_header(file, columns, form));
    CsvRow row(file, columns);
    row.line_ = 1;
    std::int64_t rows = 0;
    while (!bytes.empty()) {
      const auto line = next_line(bytes);
      ++row.line_;
      if (!is_valid_utf8(line)) return broken(file, row.line_, "the row is not text", "UTF-8");
      row.fields_ = split(line, ',');
      if (row.fields_.size() != columns.size())
        return broken(file, row.line_, fmt::format("the row has {} fields", row.fields_.size()),
                      fmt::format("{} fields, as in the header", columns.size()));
      GALLEY_TRY_STATUS(take(row));
      ++rows;
    }
    if (rows == 0) return broken(file, 1, "the file has no rows", "a header and at least one row");
    return ok();
  }
};

Status read_csv(std::string_view file, std::string_view bytes, const CsvForm& form,
                const std::function<Status(const CsvRow&)>& take) {
  return CsvReader::read(file, bytes, form, take);
}

}  // namespace galley::simulation
