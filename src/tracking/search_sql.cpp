#include "search_sql.h"

#include <fmt/format.h>

#include <array>

namespace galley::tracking {
namespace {

/// Where the values of a field are.
struct RunColumn {
  std::string_view table{};  // empty: the runs' own
  std::string_view key{};    // column of the key; empty: it has none
  std::string_view column;
  bool may_lack = false;  // some runs have none
};

/// In the order of RunField.
constexpr std::array<RunColumn, 13> kColumnOfField{{
    {.column = "created_ms"},
    {.column = "ended_ms", .may_lack = true},
    {.column = "name"},
    {.column = "state"},
    {.column = "job_id", .may_lack = true},
    {.column = "user_name"},
    {.column = "id"},
    {.table = "series", .key = "metric_key", .column = "last_value"},
    {.table = "run_params", .key = "param_key", .column = "value"},
    {.table = "run_tags", .key = "tag_key", .column = "value"},
    {.table = "run_datasets", .column = "name"},
    {.table = "run_datasets", .column = "digest"},
    {.table = "run_datasets", .column = "context"},
}};
static_assert(kColumnOfField.size() == static_cast<std::size_t>(RunField::dataset_tag) + 1);

const RunColumn& column_of(RunField field) {
  return kColumnOfField[static_cast<std::size_t>(field)];
}

/// SQLite's own "like" does not mind the case, and PostgreSQL's does.
std::string_view sql_of(RunComparison comparison, store::Database::Kind kind) {
  constexpr std::array<std::string_view, 6> kOperators{"=", "<>", "<", "<=", ">", ">="};
  const bool is_sqlite = kind == store::Database::Kind::sqlite;
  if (comparison == RunComparison::like) return is_sqlite ? "glob" : "like";
  if (comparison == RunComparison::like_in_any_case) return is_sqlite ? "like" : "ilike";
  return kOperators[static_cast<std::size_t>(comparison)];
}

/// A pattern of "like" as one of SQLite's "glob".
std::string glob_of(std::string_view pattern) {
  std::string glob;
  for (const char c : pattern) {
    if (c == '%')
      glob += '*';
    else if (c == '_')
      glob += '?';
    else if (c == '*' || c == '?' || c == '[')
      glob += std::string("[") + c + "]";
    else
      glob += c;
  }
  return glob;
}

}  // namespace

bool is_numeric(RunField field) {
  return field == RunField::created || field == RunField::ended || field == RunField::metric;
}

bool is_pattern(RunComparison comparison) {
  return comparison == RunComparison::like || comparison == RunComparison::like_in_any_case;
}

bool is_list(RunComparison comparison) {
  return comparison == RunComparison::among || comparison == RunComparison::not_among;
}

void add_comparison(SearchSql& sql, std::string_view column, const RunCondition& condition) {
  const bool is_sqlite = sql.kind() == store::Database::Kind::sqlite;
  if (is_list(condition.comparison)) {
    sql.add(column).add(condition.comparison == RunComparison::among ? " in (" : " not in (");
    for (std::size_t i = 0; i < condition.texts.size(); ++i) {
      if (i > 0) sql.add(", ");
      sql.value(condition.texts[i]);
    }
    sql.add(")");
    return;
  }
  sql.add(column).add(" ").add(sql_of(condition.comparison, sql.kind())).add(" ");
  if (condition.field == RunField::metric)
    sql.value(condition.number);
  else if (is_numeric(condition.field))
    sql.value(static_cast<std::int64_t>(condition.number));
  else if (is_sqlite && condition.comparison == RunComparison::like)
    sql.value(glob_of(condition.text));
  else
    sql.value(condition.text);
}

void add_condition(SearchSql& sql, const RunCondition& condition, std::string_view run_id) {
  const RunColumn& at = column_of(condition.field);
  if (at.table.empty()) {
    sql.add(" and ");
    return add_comparison(sql, fmt::format("r.{}", at.column), condition);
  }
  sql.add(
      fmt::format(" and exists (select 1 from {} x where x.run_id = {} and ", at.table, run_id));
  if (!at.key.empty()) sql.add(fmt::format("x.{} = ", at.key)).value(condition.key).add(" and ");
  add_comparison(sql, fmt::format("x.{}", at.column), condition);
  sql.add(")");
}

void add_order(SearchSql& sql, const RunOrder& order) {
  const RunColumn& at = column_of(order.field);
  const std::string_view direction = order.descending ? " desc, " : ", ";
  if (at.table.empty()) {
    if (at.may_lack) sql.add(fmt::format("r.{} is null, ", at.column));
    sql.add(fmt::format("r.{}", at.column)).add(direction);
    return;
  }
  if (at.key.empty()) return;  // a run has many of them
  for (const bool absent : {true, false})
    sql.add(fmt::format("(select x.{} from {} x where x.run_id = r.id and x.{} = ", at.column,
                        at.table, at.key))
        .value(order.key)
        .add(absent ? ") is null, " : ")");
  sql.add(direction);
}

}  // namespace galley::tracking
