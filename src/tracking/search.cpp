#include "tracking/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <future>
#include <memory>

#include "checks.h"
#include "search_sql.h"
#include "tracking/tracking.h"

namespace galley::tracking {
namespace {

using store::Transaction;

constexpr std::int64_t kMaxSearchPage = 50'000;
constexpr std::int64_t kMaxSkipped = 10'000'000;

// Runs are walked in the order wanted until the page is full, or those that fulfil one condition
// are looked at one and all, whichever is likely to be less. Counting ends here: it costs time
// itself.
constexpr std::int64_t kMostCounted = 20'000;
constexpr double kCostOfSorting = 1.5;       // against walking in order
constexpr std::int64_t kCostOfProbing = 10;  // for one run's metric, against gathering the next run
constexpr double kShareOfAText = 0.3;  // of the runs, fulfilling a condition that is not counted

/// How the conditions are asked for.
struct SearchPlan {
  const RunCondition* leader = nullptr;         // its runs are looked at one and all
  std::vector<const RunCondition*> gathered{};  // their runs are gathered beforehand
};

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
  if (search.view != RunSearch::View::all)
    sql.add(search.view == RunSearch::View::active ? " and r.deleted_ms is null"
                                                   : " and r.deleted_ms is not null");
  if (!search.owner.empty())
    sql.add(" and (r.id = ")
        .value(search.owner)
        .add(" or r.owner_run = ")
        .value(search.owner)
        .add(")");
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
        (is_pattern(condition.comparison) || is_list(condition.comparison) ||
         !(std::abs(condition.number) < 9e18)) &&
        !(condition.field == RunField::metric && std::isinf(condition.number)))
      return Error{Errc::invalid_argument, "a number is compared in a way that it cannot be",
                   "filter", "= != < <= > >= and a number"};
  for (const RunCondition& condition : search.conditions)
    if (is_list(condition.comparison) &&
        (condition.texts.empty() || condition.texts.size() > kMaxTexts))
      return Error{Errc::invalid_argument, "a list of a filter is empty or too long", "filter",
                   fmt::format("1 to {} texts", kMaxTexts)};
  if (search.then.size() >= kMaxOrders)
    return Error{Errc::too_large, "runs are ordered by too much", "order",
                 fmt::format("at most {} orders", kMaxOrders)};
  const auto is_none = [](const RunOrder& order) { return order.field >= RunField::dataset; };
  if (is_none(search.order) || std::ranges::any_of(search.then, is_none))
    return Error{Errc::invalid_argument, "runs cannot be ordered by their data sets", "order"};
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
  sql.add("select ").add(run_columns("r")).add(" from ");
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
  sql.add(" order by ");
  if (ordered_by_metric)
    sql.add("o.last_value").add(search.order.descending ? " desc, " : ", ");
  else if (!by_metric)
    add_order(sql, search.order);
  for (const RunOrder& order : search.then) add_order(sql, order);
  // Equal times are common where a program makes many runs; their ids go on rising. A column that
  // is named twice would keep the databases from walking an index.
  if (by_metric || search.order.field != RunField::created)
    sql.add("r.created_ms desc, r.id desc");
  else
    sql.add(search.order.descending ? "r.id desc" : "r.id");
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
      std::ranges::any_of(
          search.conditions,
          [](const RunCondition& condition) { return condition.field == RunField::metric; }) ||
      std::ranges::any_of(search.then,
                          [](const RunOrder& order) { return order.field == RunField::metric; });
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
