#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "error_reply.h"
#include "print.h"
#include "service_impl.h"

namespace galley::mlflow {
namespace {

using store::Transaction;
using tracking::Point;

constexpr std::int64_t kMaxRunsOfHistory = 100;
constexpr std::int64_t kBulkPoints = 25'000;
constexpr std::int64_t kIntervalPoints = 2500;
constexpr std::int64_t kMaxHistoryPage = 1'000'000;
constexpr std::size_t kAllPoints = std::size_t{1} << 40U;

Status check_runs(Service::Impl& service, const Call& call, std::span<const RunId> runs) {
  return service.read([&](Transaction& transaction) -> Status {
    for (const RunId& run : runs) GALLEY_TRY_STATUS(check_run(transaction, call.own_run(), run));
    return ok();
  });
}

/// By step; none where the run lacks the metric.
Result<std::vector<Point>> history(Service::Impl& service, const RunId& run,
                                   const std::string& key) {
  auto points = service.services.tracking.points(run, key, kAllPoints);
  if (!points && points.error().code == Errc::not_found) return std::vector<Point>{};
  return points;
}

Json print_point(const std::string& key, const Point& point, const std::string& run = {}) {
  Json printed = print_metric({key, point.step, point.value, point.at_ms});
  if (!run.empty()) printed["run_id"] = run;
  return printed;
}

Result<Reply> get_history(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto run, call.run());
  GALLEY_TRY(const auto key, call.text("metric_key"));
  GALLEY_TRY_STATUS(check_runs(service, call, std::span(&run, 1)));
  GALLEY_TRY(const auto points, history(service, run, key));
  PageOf page{.to = points.size(), .next_token = {}};
  if (call.has("max_results") || call.has("page_token")) {
    GALLEY_TRY(page, page_of(call, points.size(), kBulkPoints, kMaxHistoryPage));
  }
  Reply reply;
  Json metrics = Json::array();
  for (std::size_t i = page.from; i < page.to; ++i) metrics.push_back(print_point(key, points[i]));
  if (!metrics.empty()) reply.body["metrics"] = std::move(metrics);
  if (!page.next_token.empty()) reply.body["next_page_token"] = page.next_token;
  return reply;
}

Result<std::vector<RunId>> runs_of(const Call& call, std::string_view name) {
  GALLEY_TRY(const auto ids, call.texts(name));
  if (ids.empty()) return required(name);
  if (static_cast<std::int64_t>(ids.size()) > kMaxRunsOfHistory)
    return fault(
        fmt::format("GetMetricHistoryBulk request cannot specify more than {} run_ids."
                    " Received {} run_ids.",
                    kMaxRunsOfHistory, ids.size()));
  std::vector<RunId> runs;
  for (const std::string& id : ids) {
    const auto run = RunId::parse(id);
    if (!run) return missing(fmt::format("Run with id={} not found", id.substr(0, 256)));
    runs.push_back(*run);
  }
  return runs;
}

/// For the page: the values of one metric in several runs.
Result<Reply> get_history_bulk(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto runs, runs_of(call, "run_id"));
  GALLEY_TRY(const auto key, call.text("metric_key"));
  GALLEY_TRY(auto left, call.max_results(kBulkPoints, kBulkPoints));
  GALLEY_TRY_STATUS(check_runs(service, call, runs));
  Json metrics = Json::array();
  for (const RunId& run : runs) {
    GALLEY_TRY(const auto points, history(service, run, key));
    for (const Point& point : points) {
      if (left-- <= 0) break;
      metrics.push_back(print_point(key, point, run.str()));
    }
  }
  return Reply{{{"metrics", std::move(metrics)}}};
}

/// Between two steps, thinned to so many of each run that no spike disappears.
Result<Reply> get_history_interval(Service::Impl& service, const Call& call) {
  GALLEY_TRY(const auto runs, runs_of(call, "run_ids"));
  GALLEY_TRY(const auto key, call.text("metric_key"));
  GALLEY_TRY(const auto most, call.max_results(kIntervalPoints, kIntervalPoints));
  if (call.has("start_step") != call.has("end_step"))
    return fault("If either start step or end step are specified, both must be specified.");
  GALLEY_TRY(const auto from,
             call.integer_or("start_step", std::numeric_limits<std::int64_t>::min()));
  GALLEY_TRY(const auto to, call.integer_or("end_step", std::numeric_limits<std::int64_t>::max()));
  if (from > to)
    return fault(
        fmt::format("end_step must be greater than start_step. Found start_step={} and"
                    " end_step={}.",
                    from, to));
  GALLEY_TRY_STATUS(check_runs(service, call, runs));
  const bool whole = !call.has("start_step");
  Json metrics = Json::array();
  for (const RunId& run : runs) {
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(most, 4));
    std::vector<Point> points;
    if (whole) {
      auto thin = service.services.tracking.points(run, key, wanted);
      if (!thin && thin.error().code != Errc::not_found) return thin.error();
      if (thin) points = *std::move(thin);
    } else {
      GALLEY_TRY(points, history(service, run, key));
      std::erase_if(points, [&](const Point& p) { return p.step < from || p.step > to; });
      points = tracking::downsample(points, wanted);
    }
    for (const Point& point : points) metrics.push_back(print_point(key, point, run.str()));
  }
  return Reply{{{"metrics", std::move(metrics)}}};
}

}  // namespace

std::vector<Line> history_lines() {
  using enum Effect;
  return {{"GET",
           "/metrics/get-history",
           "MLflow: all values of a run's metric.",
           get_history,
           look,
           {},
           true},
          {"GET",
           "/metrics/get-history-bulk",
           "MLflow: a metric's values in several runs.",
           get_history_bulk,
           look,
           {},
           true},
          {"GET",
           "/metrics/get-history-bulk-interval",
           "MLflow: a metric's values in several runs, thinned.",
           get_history_interval,
           look,
           {},
           true}};
}

}  // namespace galley::mlflow
