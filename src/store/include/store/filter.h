#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"

namespace galley::store {

/// What a field is compared with: a text in quotes, a whole number, a number, or a time, which is
/// written as a text ("2026-12-01T09:00Z") and stored in milliseconds.
enum class FilterType { text, integer, real, time };

/// A name that people may write and the column, or expression of ours, that it stands for.
struct FilterField {
  std::string_view name;
  std::string_view sql;
  FilterType type = FilterType::text;
};

/// Fields of which people choose the names: `metrics.loss` for the prefix "metrics.". A key with
/// other characters stands in quotes: `metrics."val/loss"`. In the expressions {} is the key's
/// parameter.
struct FilterFamily {
  std::string_view prefix;
  std::string_view text_sql;    // compared with a text in quotes; empty: it cannot be
  std::string_view number_sql;  // compared with a number; empty: it cannot be
};

/// One comparison as it was written, for those who answer a filter in another way than by its SQL.
struct FilterTerm {
  std::string_view field;       // the name of the field, or the prefix of its family
  std::string key{};            // behind the prefix
  std::string_view comparison;  // = != < <= > >=
  Value value;
};

/// A condition for a WHERE clause, with parameters :1, :2, … in the order of `parameters`.
/// Both are empty for an empty filter.
struct Filter {
  std::string sql;
  std::vector<Value> parameters;
  bool is_conjunction = true;       // the filter is `terms` joined by `and`, and nothing else
  std::vector<FilterTerm> terms{};  // only of a conjunction
};

inline constexpr std::size_t kMaxFilterBytes = 4096;
inline constexpr int kMaxFilterDepth = 32;            // of parentheses and nots inside each other
inline constexpr std::size_t kMaxFilterValues = 200;  // keys of families included
inline constexpr std::size_t kMaxFilterKeyBytes = 250;

/// Turns what a person wrote into SQL:
///
///   state = "running" and team in ("nlp", 'vision') and not (attempts >= 2 or exit_code != 0)
///
/// Comparisons are = != < <= > >= and [not] in (…); `and` binds tighter than `or`; keywords may be
/// written in either case. A backslash in a text takes the next character as it is. A comparison
/// with an absent value (the exit code of a running job) is never true, whichever it is.
/// The SQL holds nothing of the text: fields come from the table, values become parameters.
/// Pure. O(length). Errors: invalid_argument with field "filter", the position (from 1), and the
/// nearest name for a field that is not there.
/// The views of the answer's terms point into `fields` and `families`.
Result<Filter> parse_filter(std::string_view text, std::span<const FilterField> fields,
                            std::span<const FilterFamily> families = {});

}  // namespace galley::store
