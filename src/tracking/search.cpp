#include "tracking/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <future>
#include <memory>

#include "checks.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;
using store::Value;

constexpr std::int64_t kMaxSearchPage = 1000;
constexpr std::int64_t kMaxSkipped = 10'000'000;

// Runs are walked in the order wanted until the page is full, or those that fulfil one condition
// are looked at one and all, whichever is likely to be less. Counting ends here: it costs time
// itself.
constexpr std::int64_t kMostCounted = 20'000;
constexpr double kCostOfSorting = 1.5;       // against walking in order
constexpr std::int64_t kCostOfProbing = 10;  // for one run's metric, against gathering the next run
constexpr double kShareOfAText = 0.3;  // of the runs, fulfilling a condition that is not counted

constexpr std::string_view kRunOfSearch =
    "select r.id, r.name, r.experiment, r.job_id, r.state, r.created_ms, r.ended_ms from ";

bool is_numeric(RunField field) {
  return field == RunField::created || field == RunField::ended || field == RunField::metric;
}

bool is_pattern(RunComparison comparison) {
  return comparison == RunComparison::like || comparison == RunComparison::like_in_any_case;
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

/// The text of a statement with its parameters.
class SearchSql {
 public:
  explicit SearchSql(store::Database::Kind kind) : kind_(kind) {}
  store::Database::Kind kind() const { return kind_; }
  SearchSql& add(std::string_view text) {
    sql_ += text;
    return *this;
  }
  SearchSql& value(Value value) {
    parameters_.push_back(std::move(value));
    sql_ += ":" + std::to_string(parameters_.size());
    return *this;
  }
  Result<std::vector<store::Row>> ask(Transaction& transaction) const {
    return transaction.query(sql_, parameters_);
  }

 private:
  store::Database::Kind kind_;
  std::string sql_;
  std::vector<Value> parameters_;
};

void add_comparison(SearchSql& sql, std::string_view column, const RunCondition& condition) {
  const bool is_sqlite = sql.kind() == store::Database::Kind::sqlite;
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

/// How the conditions are asked for.
struct SearchPlan {
  const RunCondition* leader = nullptr;         // its runs are looked at one and all
  std::vector<const RunCondition*> gathered{};  // their runs are gathered beforehand
};

/// `run_id` names the column that is at hand first, so that only runs that pass are fetched.
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
    case RunField::metric:
      return among("series", "metric_key", "last_value");
    case RunField::param:
      return among("run_params", "param_key", "value");
    case RunField::tag:
      return among("run_tags", "tag_key", "value");
  }
}

void add_conditions(SearchSql& sql, const RunSearch& search, const SearchPlan& plan,
                    std::string_view run_id) {
  for (const RunCondition& condition : search.conditions) {
    if (&condition == plan.leader) continue;
    if (std::ranges::find(plan.gathered, &condition) == plan.gathered.end()) {
      add_condition(sql, condition, run_id);
      continue;
    }
    sql.add(fmt::format(" and {} in (select x.run_id from series x where x.metric_key = ", run_id))
        .value(condition.key)
        .add(" and ");
    add_comparison(sql, "x.last_value", condition);
    sql.add(")");
  }
  if (search.experiments.empty()) return;
  sql.add(" and r.experiment in (");
  for (std::size_t i = 0; i < search.experiments.size(); ++i) {
    if (i > 0) sql.add(", ");
    sql.value(search.experiments[i]);
  }
  sql.add(")");
}

Status check_search(const RunSearch& search) {
  if (search.conditions.size() > kMaxConditions ||
      search.experiments.size() > kMaxSearchedExperiments)
    return Error{Errc::too_large,
                 fmt::format("a search has {} conditions and {} experiments",
                             search.conditions.size(), search.experiments.size()),
                 "filter",
                 fmt::format("at most {} and {}", kMaxConditions, kMaxSearchedExperiments)};
  for (const RunCondition& condition : search.conditions)
    if (is_numeric(condition.field) &&
        (is_pattern(condition.comparison) || !(std::abs(condition.number) < 9e18)) &&
        !(condition.field == RunField::metric && std::isinf(condition.number)))
      return Error{Errc::invalid_argument, "a number is compared in a way that it cannot be",
                   "filter", "= != < <= > >= and a number"};
  if (search.order.field != RunField::created && search.order.field != RunField::metric)
    return Error{Errc::invalid_argument, "runs cannot be ordered by this", "order",
                 "created or a metric"};
  return ok();
}

/// Where a page begins: among the runs that have the ordering metric, or among the others.
struct SearchPlace {
  bool has_metric = true;
  std::int64_t skipped = 0;

  std::string str() const { return fmt::format("{}{}", has_metric ? 'm' : 'n', skipped); }
  static Result<SearchPlace> parse(std::string_view cursor) {
    SearchPlace place;
    if (cursor.empty()) return place;
    const auto [end, errc] =
        std::from_chars(cursor.data() + 1, cursor.data() + cursor.size(), place.skipped);
    place.has_metric = cursor.front() == 'm';
    if (errc == std::errc{} && end == cursor.data() + cursor.size() && place.skipped >= 0 &&
        place.skipped <= kMaxSkipped && (place.has_metric || cursor.front() == 'n'))
      return place;
    return Error{Errc::invalid_argument, "the cursor is none of a search", "cursor",
                 "the next_cursor of the page before"};
  }
};

Result<std::int64_t> count_rows(Transaction& transaction, SearchSql sql) {
  sql.add(" limit ").value(kMostCounted).add(") counted");
  GALLEY_TRY(const auto rows, sql.ask(transaction));
  return rows.front().integer(0);
}

Result<SearchPlan> plan_search(Transaction& transaction, store::Database::Kind kind,
                               const RunSearch& search, std::int64_t rows_wanted) {
  SearchPlan plan;
  std::int64_t fewest = kMostCounted;
  std::vector<std::pair<const RunCondition*, std::int64_t>> counts;
  double share = 1;
  for (const RunCondition& condition : search.conditions) {
    if (condition.field != RunField::metric || condition.comparison == RunComparison::not_equal) {
      share *= kShareOfAText;
      continue;
    }
    SearchSql sql(kind);
    sql.add("select count(*) from (select 1 from series where metric_key = ")
        .value(condition.key)
        .add(" and ");
    add_comparison(sql, "last_value", condition);
    GALLEY_TRY(const auto count, count_rows(transaction, std::move(sql)));
    counts.emplace_back(&condition, count);
    if (plan.leader == nullptr || count < fewest) {
      fewest = count;
      plan.leader = &condition;
    }
  }
  if (plan.leader == nullptr) return plan;
  // As if the conditions had nothing to do with each other.
  GALLEY_TRY(const auto rows, transaction.query("select count(*) from runs"));
  const auto runs = static_cast<double>(std::max<std::int64_t>(rows.front().integer(0), 1));
  for (const auto& [condition, count] : counts)
    share *= std::min(1.0, static_cast<double>(count) / runs);
  const double walked = share > 0 ? std::min(runs, static_cast<double>(rows_wanted) / share) : runs;
  if (kCostOfSorting * static_cast<double>(fewest) >= walked) return SearchPlan{};
  for (const auto& [condition, count] : counts)
    if (condition != plan.leader && count < kMostCounted && count < kCostOfProbing * fewest)
      plan.gathered.push_back(condition);
  return plan;
}

/// Runs in the order of a metric (of those that have it), or by age.
Result<std::vector<store::Row>> ask_for_runs(Transaction& transaction, store::Database::Kind kind,
                                             const RunSearch& search, const SearchPlace& place,
                                             std::int64_t limit) {
  GALLEY_TRY(const SearchPlan plan, plan_search(transaction, kind, search, place.skipped + limit));
  const RunCondition* const leader = plan.leader;
  const bool by_metric = search.order.field == RunField::metric;
  const bool ordered_by_metric = by_metric && place.has_metric;
  SearchSql sql(kind);
  sql.add(kRunOfSearch);
  // On SQLite "cross join" also says which table is walked first.
  std::string_view run_id = "r.id";
  if (leader != nullptr) {
    sql.add("series l cross join ");
    run_id = "l.run_id";
  }
  if (ordered_by_metric) {
    sql.add("series o cross join ");
    if (leader == nullptr) run_id = "o.run_id";
  }
  sql.add("runs r where r.id = ").add(run_id);
  if (leader != nullptr) {
    sql.add(" and l.metric_key = ").value(leader->key).add(" and ");
    add_comparison(sql, "l.last_value", *leader);
  }
  if (leader != nullptr && ordered_by_metric) sql.add(" and o.run_id = l.run_id");
  if (ordered_by_metric)
    sql.add(" and o.last_value is not null and o.metric_key = ").value(search.order.key);
  else if (by_metric)
    sql.add(
           " and not exists (select 1 from series o where o.run_id = r.id"
           " and o.last_value is not null and o.metric_key = ")
        .value(search.order.key)
        .add(")");
  add_conditions(sql, search, plan, run_id);
  const std::string_view direction =
      search.order.descending || (by_metric && !ordered_by_metric) ? " desc" : "";
  if (ordered_by_metric)
    sql.add(" order by o.last_value").add(direction).add(", o.run_id").add(direction);
  else
    sql.add(" order by r.id").add(direction);
  sql.add(" limit ").value(limit).add(" offset ").value(place.skipped);
  return sql.ask(transaction);
}

}  // namespace

Status Tracking::settle_all() {
  std::vector<RunId> waiting;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query("select run_id from waiting_runs"));
    for (const store::Row& row : rows) waiting.push_back(RunId::trusted(row.text(0)));
    return ok();
  }));
  // Queued together, so that they share commits.
  std::vector<std::future<Status>> answers;
  for (const RunId& run : waiting) {
    auto answer = std::make_shared<std::promise<Status>>();
    answers.push_back(answer->get_future());
    database_.write_async(
        [run](Transaction& transaction) {
          const Status settled = settle_points(transaction, run);
          return !settled && settled.error().code == Errc::corrupt ? ok() : settled;
        },
        [answer](Status status) { answer->set_value(std::move(status)); });
  }
  Status all = ok();
  for (auto& answer : answers)
    if (Status status = answer.get(); !status) all = std::move(status);
  return all;
}

Result<RunPage> Tracking::search(const RunSearch& search) {
  GALLEY_TRY_STATUS(check_search(search));
  GALLEY_TRY(SearchPlace place, SearchPlace::parse(search.cursor));
  const bool needs_metrics =
      search.order.field == RunField::metric ||
      std::ranges::any_of(search.conditions, [](const RunCondition& condition) {
        return condition.field == RunField::metric;
      });
  if (needs_metrics) GALLEY_TRY_STATUS(settle_all());
  const std::int64_t limit = std::clamp<std::int64_t>(search.limit, 1, kMaxSearchPage);
  RunPage page;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    // One more than asked for shows whether there is a next page.
    std::int64_t wanted = limit + 1;
    GALLEY_TRY(auto rows, ask_for_runs(transaction, database_.kind(), search, place, wanted));
    if (search.order.field == RunField::metric && place.has_metric &&
        static_cast<std::int64_t>(rows.size()) < wanted) {
      const auto found = static_cast<std::int64_t>(rows.size());
      place = {.has_metric = false, .skipped = 0};
      GALLEY_TRY(auto others,
                 ask_for_runs(transaction, database_.kind(), search, place, wanted - found));
      // The next page begins among the others, behind those that this one has taken.
      place.skipped = -found;
      std::ranges::move(others, std::back_inserter(rows));
    }
    for (const store::Row& row : rows) page.runs.push_back(run_of(row));
    return ok();
  }));
  if (static_cast<std::int64_t>(page.runs.size()) > limit) {
    page.runs.pop_back();
    place.skipped += limit;
    page.next_cursor = place.str();
  }
  return page;
}

}  // namespace galley::tracking
