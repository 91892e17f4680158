#include "metrics_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

#include "http/client.h"
#include "http/server.h"
#include "resident.h"
#include "sampled_fleet.h"
#include "scratch_folder.h"
#include "statistics.h"
#include "stop.h"
#include "store/database.h"
#include "telemetry/telemetry.h"

namespace galley::bench {
namespace {

using std::chrono::steady_clock;
using support::quantile;
using telemetry::Telemetry;

constexpr Millis kPeriod{5'000};
constexpr std::size_t kNodesWithHistory = 20;
constexpr int kHistoryPeriods = 3 * 720;
constexpr int kFleetPeriods = 72;

double ms_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count();
}

/// Processor time of this process, which a busy machine does not stretch.
double cpu_ms() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Numbers as a page would get them.
std::string print_series(const std::vector<telemetry::Series>& all) {
  std::string out = "[";
  for (const auto& series : all) {
    out += fmt::format("{{\"subject\":\"{}\",\"points\":[", series.subject);
    for (const auto& point : series.points)
      out += fmt::format("[{},{},{},{},{}],", point.at_ms, point.mean, point.min, point.max,
                         point.last);
    out += "]},";
  }
  return out + "]";
}

struct World {
  World(const MetricsBenchOptions& options, store::Database& database)
      : fleet(options.nodes, options.gpus_of_a_node, options.seed),
        store(database, clock, Telemetry::Options{.background = false}) {}

  Status pass(std::size_t nodes) {
    clock.advance(kPeriod);
    const auto begin = steady_clock::now();
    for (std::size_t i = 0; i < nodes; ++i) store.add(fleet.id(i), fleet.name(i), fleet.next(i));
    sampling_ms += ms_since(begin);
    samples += nodes;
    const auto worked = steady_clock::now();
    GALLEY_TRY_STATUS(store.work());
    periods_ms.push_back(ms_since(worked));
    return ok();
  }

  ManualClock clock;
  SampledFleet fleet;
  Telemetry store;
  double sampling_ms = 0;
  std::size_t samples = 0;
  std::vector<double> periods_ms;
};

Status fill(World& world) {
  const std::size_t few = std::min(kNodesWithHistory, world.fleet.size());
  for (int i = 0; i < kHistoryPeriods && !support::stop_requested(); ++i) {
    GALLEY_TRY_STATUS(world.pass(few));
    if (i % 100 == 0) fmt::print(stderr, "\rhistory: {} of {} periods ", i, kHistoryPeriods);
  }
  world.samples = 0;
  world.sampling_ms = 0;
  world.periods_ms.clear();
  for (int i = 0; i < kFleetPeriods && !support::stop_requested(); ++i) {
    GALLEY_TRY_STATUS(world.pass(world.fleet.size()));
    fmt::print(stderr, "\rfleet: {} of {} periods      ", i, kFleetPeriods);
  }
  fmt::print(stderr, "\r{:50}\r", "");
  return ok();
}

http::Router routes(const World& world) {
  http::Router router;
  router.add("GET", "/metrics", http::Run::pool, [&world](const http::Request&) {
    auto response = http::Response::text("");
    response.shared_body = world.store.text();
    return response;
  });
  router.add("GET", "/query", http::Run::pool, [&world](const http::Request& request) {
    const auto minutes = std::stol(std::string(request.query_value("minutes").value_or("60")));
    const auto node = std::stoul(std::string(request.query_value("node").value_or("0")));
    const WallTime now = world.clock.wall();
    telemetry::Query query{.node = world.fleet.id(node),
                           .metric = telemetry::kGpuUtilization,
                           .subject = {},
                           .from = now - std::chrono::minutes(minutes),
                           .to = now + Millis{1},
                           .step = std::max(kPeriod, Millis{minutes * 60'000 / 300})};
    const auto found = world.store.query(query);
    if (!found) return http::problem(found.error(), request.id);
    return http::Response::json(print_series(*found));
  });
  return router;
}

Result<double> timed_get(http::Client& client, const std::string& target, std::size_t& bytes) {
  const auto begin = steady_clock::now();
  GALLEY_TRY(const auto answer, http::expect_ok(client.send({"GET", target, {}, {}})));
  bytes = answer.body.size();
  return ms_since(begin);
}

}  // namespace

Result<BenchReport> run_metrics_bench(const MetricsBenchOptions& options) {
  if (options.nodes < 1 || options.gpus_of_a_node < 1 || options.gpus_of_a_node > 64)
    return Error{Errc::invalid_argument,
                 fmt::format("found {} nodes of {} GPUs", options.nodes, options.gpus_of_a_node),
                 "nodes", "at least one node with 1 to 64 GPUs"};
  GALLEY_TRY(const auto folder, support::ScratchFolder::make());
  GALLEY_TRY(const auto database,
             store::open_sqlite({.path = (folder.path() / "galley.db").string()}));
  World world(options, *database);
  GALLEY_TRY_STATUS(fill(world));
  GALLEY_TRY(const auto server, http::Server::start({.listen = {"127.0.0.1:0"}}, routes(world)));
  GALLEY_TRY(const auto client,
             http::Client::open({.server = "http://" + server->addresses().front(),
                                 .max_body_bytes = std::size_t{256} << 20U}));
  std::vector<double> scrapes;
  std::vector<double> scrapes_cpu;
  std::vector<double> prints_cpu;
  std::vector<double> queries;
  std::size_t scrape_bytes = 0;
  std::size_t bytes = 0;
  const std::size_t few = std::min(kNodesWithHistory, world.fleet.size());
  // From the first scrape on the text is put together with each period's work, as in a server.
  GALLEY_TRY([[maybe_unused]] const double first, timed_get(*client, "/metrics", scrape_bytes));
  for (std::int64_t i = 0; i < options.rounds && !support::stop_requested(); ++i) {
    const double printing = cpu_ms();
    std::string text;
    world.store.print(text);
    prints_cpu.push_back(cpu_ms() - printing);
    text = {};
    GALLEY_TRY_STATUS(world.store.work());
    const double scraping = cpu_ms();
    GALLEY_TRY(const double scrape, timed_get(*client, "/metrics", scrape_bytes));
    scrapes.push_back(scrape);
    scrapes_cpu.push_back(cpu_ms() - scraping);
    for (const int minutes : {5, 60, 180}) {
      // Short looks go to any machine, long ones to those with a history.
      const std::size_t node =
          static_cast<std::size_t>(i) * 7'919 % (minutes == 5 ? world.fleet.size() : few);
      GALLEY_TRY(
          const double query,
          timed_get(*client, fmt::format("/query?node={}&minutes={}", node, minutes), bytes));
      queries.push_back(query);
    }
  }
  GALLEY_TRY(const double rss_mib, support::resident_mib(getpid()));
  double stored = 0;
  GALLEY_TRY_STATUS(database->read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select sum(length(columns)) * 3600000.0 /"
                                     " sum(last_ms - first_ms + 5000) from telemetry_chunks"
                                     " where level = 0 and node_id <> ''"));
    stored = row->real(0) / static_cast<double>(options.gpus_of_a_node);
    return ok();
  }));
  constexpr double kMib = 1024.0 * 1024.0;
  BenchReport report{.name = "metrics"};
  report.figures = {{"scrape_p50_ms", quantile(scrapes, 0.5)},
                    {"scrape_p99_ms", quantile(scrapes, 0.99)},
                    {"scrape_cpu_p50_ms", quantile(scrapes_cpu, 0.5)},
                    {"print_cpu_p50_ms", quantile(prints_cpu, 0.5)},
                    {"scrape_mib", static_cast<double>(scrape_bytes) / kMib},
                    {"query_p50_ms", quantile(queries, 0.5)},
                    {"query_p99_ms", quantile(queries, 0.99)},
                    {"rss_mib", rss_mib},
                    {"store_mib", static_cast<double>(world.store.bytes()) / kMib},
                    {"sample_us", world.sampling_ms * 1e3 / static_cast<double>(world.samples)},
                    {"period_p50_ms", quantile(world.periods_ms, 0.5)},
                    {"period_max_ms", quantile(world.periods_ms, 1)},
                    {"stored_bytes_per_gpu_hour", stored}};
  report.seeds = {static_cast<std::int64_t>(options.seed)};
  return report;
}

}  // namespace galley::bench
