#include "search_sql.h"

#include <fmt/format.h>

#include <array>

namespace galley::tracking {
namespace {

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
  const auto among = [&](std::string_view table, std::string_view key, std::string_view column) {
    sql.add(fmt::format(" and exists (select 1 from {} x where x.run_id = {} and x.{} = ", table,
                        run_id, key));
    sql.value(condition.key).add(" and ");
    add_comparison(sql, fmt::format("x.{}", column), condition);
    sql.add(")");
  };
  const auto own = [&](std::string_view column) {
    sql.add(" and ");
    add_comparison(sql, column, condition);
  };
  const auto of_dataset = [&](std::string_view column) {
    sql.add(
        fmt::format(" and exists (select 1 from run_datasets x where x.run_id = {} and ", run_id));
    add_comparison(sql, fmt::format("x.{}", column), condition);
    sql.add(")");
  };
  switch (condition.field) {
    case RunField::created:
      return own("r.created_ms");
    case RunField::ended:
      return own("r.ended_ms");
    case RunField::name:
      return own("r.name");
    case RunField::state:
      return own("r.state");
    case RunField::job_id:
      return own("r.job_id");
    case RunField::user:
      return own("r.user_name");
    case RunField::id:
      return own("r.id");
    case RunField::dataset:
      return of_dataset("name");
    case RunField::dataset_digest:
      return of_dataset("digest");
    case RunField::dataset_tag:
      return of_dataset("context");
    case RunField::metric:
      return among("series", "metric_key", "last_value");
    case RunField::param:
      return among("run_params", "param_key", "value");
    case RunField::tag:
      return among("run_tags", "tag_key", "value");
  }
}

void add_order(SearchSql& sql, const RunOrder& order) {
  const std::string_view direction = order.descending ? " desc, " : ", ";
  const auto own = [&](std::string_view column) { sql.add(column).add(direction); };
  const auto among = [&](std::string_view table, std::string_view key, std::string_view column) {
    for (const bool absent : {true, false}) {
      sql.add(fmt::format("(select x.{} from {} x where x.run_id = r.id and x.{} = ", column, table,
                          key))
          .value(order.key)
          .add(absent ? ") is null, " : ")");
    }
    sql.add(direction);
  };
  switch (order.field) {
    case RunField::created:
      return own("r.created_ms");
    case RunField::ended:
      sql.add("r.ended_ms is null, ");
      return own("r.ended_ms");
    case RunField::name:
      return own("r.name");
    case RunField::state:
      return own("r.state");
    case RunField::job_id:
      sql.add("r.job_id is null, ");
      return own("r.job_id");
    case RunField::user:
      return own("r.user_name");
    case RunField::id:
      return own("r.id");
    case RunField::metric:
      return among("series", "metric_key", "last_value");
    case RunField::param:
      return among("run_params", "param_key", "value");
    case RunField::tag:
      return among("run_tags", "tag_key", "value");
    case RunField::dataset:
    case RunField::dataset_digest:
    case RunField::dataset_tag:
      return;
  }
}

}  // namespace galley::tracking
