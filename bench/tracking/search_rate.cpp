#include "search_rate.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>

#include "base/clock.h"
#include "base/id.h"
#include "statistics.h"
#include "store/database.h"
#include "support/scratch_folder.h"
#include "tracking/tracking.h"

namespace galley::bench {
namespace {

using tracking::RunComparison;
using tracking::RunCondition;
using tracking::RunField;
using tracking::RunSearch;

constexpr int kMetrics = 50;
constexpr int kRepetitions = 9;

template <class Act>
Result<double> median_ms(const Act& act) {
  std::vector<double> took;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    GALLEY_TRY_STATUS(act());
    took.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  return support::median(took);
}

/// Runs with their metrics' newest values, drawn by the database itself: an hour of programs'
/// reports would leave the same rows.
Status fill_runs(store::Database& database, IdSource& ids, std::int64_t runs) {
  constexpr std::int64_t kAtOnce = 5000;
  const auto execute = [&](const std::string& sql) {
    return database.write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.execute(sql));
      return ok();
    });
  };
  GALLEY_TRY_STATUS(execute("drop index series_by_value"));
  for (std::int64_t made = 0; made < runs; made += kAtOnce) {
    fmt::print(stderr, "\r{} of {} runs   ", made, runs);
    const RunId first = ids.next<RunTag>();
    GALLEY_TRY_STATUS(database.write([&](store::Transaction& transaction) -> Status {
      for (std::int64_t i = made; i < std::min(runs, made + kAtOnce); ++i) {
        const RunId run = ids.next<RunTag>();
        GALLEY_TRY_STATUS(tracking::create_run(
            transaction,
            {.id = run, .name = fmt::format("run {}", i), .experiment = "bench", .created = {}}));
        GALLEY_TRY_STATUS(transaction.execute(
            "insert into run_params (run_id, param_key, value) values (:1, 'optimizer', :2)",
            {run.str(), std::string(i % 10 == 0 ? "sgd" : "adam")}));
      }
      return ok();
    }));
    GALLEY_TRY_STATUS(execute(fmt::format(
        "insert into series (run_id, metric_key, point_count, last_step, last_value, last_ms,"
        " min_value, max_value) with recursive keys(k) as (select 0 union all select k + 1 from"
        " keys where k < {}) select runs.id, 'metric_' || k, 0, 1000,"
        " abs(random() % 1000000) / 1000000.0, 1, 0, 1 from runs cross join keys"
        " where runs.id > '{}'",
        kMetrics - 1, first.str())));
  }
  fmt::print(stderr, "\rindex{:30}", "");
  return execute("create index series_by_value on series (metric_key, last_value, run_id)");
}

RunCondition metric_above(int metric, double number) {
  return {.field = RunField::metric,
          .key = fmt::format("metric_{}", metric),
          .comparison = RunComparison::greater,
          .number = number};
}

std::map<std::string, RunSearch> searches() {
  const tracking::RunOrder by_metric{.field = RunField::metric, .key = "metric_3"};
  const RunCondition sgd{.field = RunField::param, .key = "optimizer", .text = "sgd"};
  return {{"half", {.conditions = {metric_above(7, 0.5)}, .order = by_metric}},
          {"tenth", {.conditions = {metric_above(7, 0.9)}, .order = by_metric}},
          {"thousandth", {.conditions = {metric_above(7, 0.999)}, .order = by_metric}},
          {"three_metrics",
           {.conditions = {metric_above(7, 0.5), metric_above(8, 0.5), metric_above(9, 0.5)},
            .order = by_metric}},
          {"param", {.conditions = {metric_above(7, 0.5), sgd}, .order = by_metric}},
          {"rare_together",
           {.conditions = {metric_above(7, 0.95), metric_above(8, 0.95), metric_above(9, 0.95)},
            .order = by_metric}},
          {"newest", {.conditions = {metric_above(7, 0.9)}}}};
}

Result<double> measure_searches(tracking::Tracking& tracking,
                                std::map<std::string, double>& figures) {
  double slowest = 0;
  for (auto& [name, search] : searches()) {
    RunSearch wanted = search;
    GALLEY_TRY(const double first_ms, median_ms([&]() -> Status {
                 GALLEY_TRY(const auto page, tracking.search(wanted));
                 if (page.runs.empty())
                   return Error{Errc::internal, "search " + name + " has found no run"};
                 return ok();
               }));
    figures[fmt::format("search_100k_{}_ms", name)] = first_ms;
    slowest = std::max(slowest, first_ms);
    if (name != "half") continue;
    for (int page = 0; page < 10; ++page) {
      GALLEY_TRY(const auto found, tracking.search(wanted));
      wanted.cursor = found.next_cursor;
    }
    GALLEY_TRY(const double tenth_ms, median_ms([&]() -> Status {
                 GALLEY_TRY_STATUS(tracking.search(wanted));
                 return ok();
               }));
    figures["search_100k_tenth_page_ms"] = tenth_ms;
    slowest = std::max(slowest, tenth_ms);
  }
  return slowest;
}

}  // namespace

Result<std::map<std::string, double>> measure_reads(std::int64_t runs) {
  GALLEY_TRY(const auto folder, support::ScratchFolder::make());
  GALLEY_TRY(const auto database,
             store::open_sqlite({.path = (folder / "reads.db").string(), .durable = false}));
  IdSource ids(system_clock());
  tracking::Tracking tracking(*database, system_clock(), ids);
  std::map<std::string, double> figures;

  constexpr std::int64_t kPoints = 1'000'000;
  constexpr std::size_t kShown = 2000;
  GALLEY_TRY(const auto run, tracking.create_run("long", "bench"));
  std::vector<tracking::MetricPoint> points;
  for (std::int64_t i = 0; i < kPoints; ++i)
    points.push_back({"loss", i,
                      std::sin(1e-4 * static_cast<double>(i)) + 1e-3 * static_cast<double>(i % 17),
                      i});
  GALLEY_TRY_STATUS(tracking.log_metrics(run.id, points));
  GALLEY_TRY(figures["downsample_1m_ms"], median_ms([&]() -> Status {
               GALLEY_TRY(const auto shown, tracking.points(run.id, "loss", kShown));
               if (shown.size() < kShown / 2)
                 return Error{Errc::internal, "the plot of a long series is too thin"};
               return ok();
             }));
  GALLEY_TRY_STATUS(fill_runs(*database, ids, runs));
  GALLEY_TRY(figures["search_100k_ms"], measure_searches(tracking, figures));
  figures["search_runs"] = static_cast<double>(runs);
  fmt::print(stderr, "\r{:40}\r", "");
  return figures;
}

}  // namespace galley::bench
