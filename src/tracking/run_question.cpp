#include "tracking/run_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "checks.h"
#include "search_sql.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;

constexpr std::string_view kMetrics = "metrics.";
constexpr std::string_view kParams = "params.";
constexpr std::string_view kTags = "tags.";
constexpr std::string_view kId = "runs.id";  // sorts by time of creation

/// A text as a number, null where it is none. PostgreSQL refuses to convert what is none.
std::string number_of(std::string_view column, store::Database::Kind kind) {
  if (kind == store::Database::Kind::sqlite)
    return fmt::format(
        "case when {0} glob '*[0-9]*' and not {0} glob '*[^-+.0-9eE]*' then cast({0} as real) end",
        column);
  return fmt::format(
      "case when {0} ~ '^[-+]?([0-9]{{1,60}}([.][0-9]{{0,60}})?|[.][0-9]{{1,60}})"
      "([eE][-+]?[0-9]{{1,2}})?$' then cast({0} as double precision) end",
      column);
}

/// The expressions of the three families, which a Filter's views point into.
struct RunFamilies {
  explicit RunFamilies(store::Database::Kind kind)
      : param_number(among("run_params", "param_key", number_of("x.value", kind))),
        tag_number(among("run_tags", "tag_key", number_of("x.value", kind))) {}

  static std::string among(std::string_view table, std::string_view key, std::string_view value) {
    return fmt::format("(select {} from {} x where x.run_id = runs.id and x.{} = {{}})", value,
                       table, key);
  }

  const std::string metric = among("series", "metric_key", "x.last_value");
  const std::string param_text = among("run_params", "param_key", "x.value");
  const std::string tag_text = among("run_tags", "tag_key", "x.value");
  const std::string param_number;
  const std::string tag_number;
  const std::array<store::FilterFamily, 3> all{
      store::FilterFamily{kMetrics, "", metric},
      store::FilterFamily{kParams, param_text, param_number},
      store::FilterFamily{kTags, tag_text, tag_number}};
};

struct Order {
  std::string column{};  // of runs; empty: `family` and `key` are used
  std::string_view family{};
  std::string key{};
  bool descending = true;

  bool by_age() const { return column == kId; }
};

Result<Order> parse_order(std::string_view text) {
  if (text.empty()) return Order{.column = std::string(kId)};
  Order order{.descending = text.starts_with('-')};
  const std::string_view name = order.descending ? text.substr(1) : text;
  for (const std::string_view family : {kMetrics, kParams, kTags})
    if (name.starts_with(family) && name.size() > family.size() &&
        name.size() - family.size() <= store::kMaxFilterKeyBytes && is_valid_utf8(name) &&
        name.find('\0') == std::string_view::npos) {
      order.family = family;
      order.key = name.substr(family.size());
      return order;
    }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kColumns{
      {{"created_at", "id"},
       {"id", "id"},
       {"name", "name"},
       {"experiment", "experiment"},
       {"job_id", "job_id"},
       {"state", "state"},
       {"ended_at", "ended_ms"},
       {"duration", "(ended_ms - created_ms)"}}};
  const auto* const found =
      std::ranges::find(kColumns, name, &std::pair<std::string_view, std::string_view>::first);
  if (found == kColumns.end())
    return Error{Errc::invalid_argument,
                 "found '" + to_valid_utf8(std::string(name.substr(0, 40))) + "'", "order",
                 "created_at, ended_at, duration, name, experiment, state, job_id, metrics.NAME, "
                 "params.NAME or tags.NAME, with a - before it for descending"};
  order.column = found->second;
  return order;
}

RunComparison comparison_of(std::string_view sign) {
  constexpr std::array<std::string_view, 6> kSigns{"=", "!=", "<", "<=", ">", ">="};
  return static_cast<RunComparison>(std::ranges::find(kSigns, sign) - kSigns.begin());
}

/// Adds the term to the search; false where it cannot be said in one.
bool add_term(RunSearch& search, const store::FilterTerm& term) {
  RunCondition condition{.key = term.key, .comparison = comparison_of(term.comparison)};
  const auto* const text = std::get_if<std::string>(&term.value);
  if (text != nullptr) condition.text = *text;
  if (term.field == kMetrics) {
    condition.field = RunField::metric;
    condition.number = std::get<double>(term.value);
  } else if (term.field == kParams || term.field == kTags) {
    if (text == nullptr) return false;
    condition.field = term.field == kParams ? RunField::param : RunField::tag;
  } else if (term.field == "created_at" || term.field == "ended_at") {
    condition.field = term.field == "ended_at" ? RunField::ended : RunField::created;
    condition.number = static_cast<double>(std::get<std::int64_t>(term.value));
  } else if (term.field == "experiment") {
    if (term.comparison != "=" || !search.experiments.empty()) return false;
    search.experiments.push_back(*text);
    return true;
  } else if (term.field == "id") {
    return false;
  } else {
    condition.field = term.field == "name"    ? RunField::name
                      : term.field == "state" ? RunField::state
                                              : RunField::job_id;
  }
  search.conditions.push_back(std::move(condition));
  return true;
}

std::optional<RunSearch> as_search(const RunQuestion& question, const store::Filter& filter,
                                   const Order& order) {
  if (question.offset || !filter.is_conjunction || filter.terms.size() > kMaxConditions ||
      !(order.by_age() || order.family == kMetrics))
    return std::nullopt;
  RunSearch search{.limit = question.limit, .cursor = question.cursor};
  search.order = {.field = order.by_age() ? RunField::created : RunField::metric,
                  .key = order.key,
                  .descending = order.descending};
  for (const auto& term : filter.terms)
    if (!add_term(search, term)) return std::nullopt;
  return search;
}

/// Narrows `runs`. Comparisons of metrics that all must hold are looked up in their index rather
/// than run by run.
void add_where(SearchSql& sql, const store::Filter& filter, const RunFamilies& families) {
  if (!filter.is_conjunction) {
    // Its parameters are counted from 1: it comes first in every statement.
    sql.add(" and (").add(filter.sql, filter.parameters).add(")");
    return;
  }
  for (const auto& term : filter.terms) {
    const std::string_view sign = term.comparison == "!=" ? "<>" : term.comparison;
    if (term.field == kMetrics) {
      sql.add(" and runs.id in (select x.run_id from series x where x.metric_key = ");
      sql.value(term.key).add(" and x.last_value ").add(sign).add(" ").value(term.value).add(")");
      continue;
    }
    sql.add(" and ");
    const auto* const family =
        std::ranges::find(families.all, term.field, &store::FilterFamily::prefix);
    if (family != families.all.end()) {
      const auto left =
          std::holds_alternative<double>(term.value) ? family->number_sql : family->text_sql;
      const auto place = left.find("{}");
      sql.add(left.substr(0, place)).value(term.key).add(left.substr(place + 2));
    } else {
      sql.add(std::ranges::find(kRunFields, term.field, &store::FilterField::name)->sql);
    }
    sql.add(" ").add(sign).add(" ").value(term.value);
  }
}

/// Asks in the order of one column, or of one key with the runs that lack it behind.
class OwnSearch {
 public:
  OwnSearch(Transaction& transaction, store::Database::Kind kind, const store::Filter& filter,
            const RunFamilies& families, const Order& order)
      : transaction_(transaction),
        kind_(kind),
        filter_(filter),
        families_(families),
        order_(order) {}

  Result<std::int64_t> total() { return count(false); }

  Result<std::vector<Run>> page(std::int64_t offset, std::int64_t limit) {
    if (!order_.column.empty()) return rows(by_column(), offset, limit);
    GALLEY_TRY(auto runs, rows(by_key(), offset, limit));
    const auto found = static_cast<std::int64_t>(runs.size());
    if (found == limit) return runs;
    std::int64_t having = offset + found;
    if (found == 0 && offset > 0) {
      GALLEY_TRY(having, count(true));
    }
    GALLEY_TRY(auto others,
               rows(without_key(), std::max<std::int64_t>(offset - having, 0), limit - found));
    std::ranges::move(others, std::back_inserter(runs));
    return runs;
  }

 private:
  struct Keyed {
    std::string_view table;
    std::string_view key;
    std::string value;  // what must be there
    std::string sorted;
  };
  Keyed keyed() const {
    const std::string_view direction = order_.descending ? " desc" : "";
    if (order_.family == kMetrics)
      return {"series", "metric_key", "last_value", fmt::format("o.last_value{}", direction)};
    const bool param = order_.family == kParams;
    const std::string number = number_of("o.value", kind_);
    return {param ? "run_params" : "run_tags", param ? "param_key" : "tag_key", "value",
            fmt::format("({0}) is null, ({0}){1}, o.value{1}", number, direction)};
  }

  SearchSql begin(std::string_view columns, bool with_key) const {
    SearchSql sql(kind_);
    // On SQLite "cross join" also says which table is walked first.
    sql.add("select ").add(columns).add(" from ").add(
        with_key ? fmt::format("{} o cross join ", keyed().table) : "");
    sql.add("runs where runs.deleted_ms is null");
    add_where(sql, filter_, families_);
    if (with_key) {
      const Keyed by = keyed();
      sql.add(fmt::format(" and o.run_id = runs.id and o.{} is not null and o.{} = ", by.value,
                          by.key));
      sql.value(order_.key);
    }
    return sql;
  }

  SearchSql by_column() const {
    SearchSql sql = begin(columns_, false);
    const std::string_view direction = order_.descending ? " desc" : "";
    if (order_.by_age()) return std::move(sql.add(fmt::format(" order by runs.id{}", direction)));
    return std::move(sql.add(
        fmt::format(" order by {0} is null, {0}{1}, runs.id desc", order_.column, direction)));
  }
  SearchSql by_key() const {
    return std::move(begin(columns_, true)
                         .add(" order by ")
                         .add(keyed().sorted)
                         .add(order_.descending ? ", o.run_id desc" : ", o.run_id"));
  }
  SearchSql without_key() const {
    const Keyed by = keyed();
    SearchSql sql = begin(columns_, false);
    sql.add(
        fmt::format(" and not exists (select 1 from {} o where o.run_id = runs.id and o.{}"
                    " is not null and o.{} = ",
                    by.table, by.value, by.key));
    sql.value(order_.key).add(") order by runs.id desc");
    return sql;
  }

  Result<std::vector<Run>> rows(SearchSql sql, std::int64_t offset, std::int64_t limit) {
    sql.add(" limit ").value(limit).add(" offset ").value(offset);
    GALLEY_TRY(const auto found, sql.ask(transaction_));
    std::vector<Run> runs;
    runs.reserve(found.size());
    for (const auto& row : found) runs.push_back(run_of(row));
    return runs;
  }

  Result<std::int64_t> count(bool with_key) {
    GALLEY_TRY(const auto found, begin("count(*)", with_key).ask(transaction_));
    return found.front().integer(0);
  }

  Transaction& transaction_;
  const store::Database::Kind kind_;
  const store::Filter& filter_;
  const RunFamilies& families_;
  const Order& order_;
  const std::string columns_ = run_columns("runs");
};

Result<std::int64_t> offset_of(const RunQuestion& question) {
  if (question.offset && !question.cursor.empty())
    return Error{Errc::invalid_argument, "found an offset and a cursor", "offset",
                 "one of the two"};
  if (question.offset) return *question.offset;
  if (question.cursor.empty()) return 0;
  std::int64_t offset = 0;
  const char* const begin = question.cursor.data();
  const char* const end = begin + question.cursor.size();
  const auto [stop, errc] = std::from_chars(begin + 1, end, offset);
  if (question.cursor.front() == 'o' && errc == std::errc{} && stop == end && offset >= 0 &&
      offset <= kMaxRunOffset)
    return offset;
  return Error{Errc::invalid_argument, "the cursor is none of this list", "cursor",
               "the next_cursor of the page before"};
}

}  // namespace

Result<RunAnswer> Tracking::find(const RunQuestion& question) {
  const RunFamilies families(database_.kind());
  GALLEY_TRY(const auto filter, store::parse_filter(question.filter, kRunFields, families.all));
  GALLEY_TRY(const auto order, parse_order(question.order));
  const bool of_runs_alone =
      std::ranges::none_of(families.all, [&](const store::FilterFamily& family) {
        return question.filter.find(family.prefix) != std::string::npos;
      });
  const bool plain = of_runs_alone && order.by_age() && order.descending && !question.offset;
  const auto told = plain ? std::nullopt : as_search(question, filter, order);
  const bool own = !plain && !told;
  RunAnswer answer;
  if (plain) {
    GALLEY_TRY(auto page, list({.where_sql = filter.sql, .where_parameters = filter.parameters},
                               question.limit, question.cursor));
    answer = {std::move(page.runs), std::move(page.next_cursor)};
  } else if (told) {
    GALLEY_TRY(auto page, search(*told));
    answer = {std::move(page.runs), std::move(page.next_cursor)};
  }
  if (!own && !question.with_total) return answer;
  std::int64_t offset = 0;
  if (own) {
    GALLEY_TRY(offset, offset_of(question));
  }
  if (!of_runs_alone || order.family == kMetrics) GALLEY_TRY_STATUS(settle_all());
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    OwnSearch asked(transaction, database_.kind(), filter, families, order);
    if (question.with_total) {
      GALLEY_TRY(answer.total, asked.total());
    }
    if (own) {
      GALLEY_TRY(answer.runs, asked.page(offset, question.limit + 1));
    }
    return ok();
  }));
  if (own && static_cast<std::int64_t>(answer.runs.size()) > question.limit) {
    answer.runs.pop_back();
    answer.next_cursor = 'o' + std::to_string(offset + question.limit);
  }
  return answer;
}

}  // namespace galley::tracking
