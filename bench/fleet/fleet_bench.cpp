#include "fleet/fleet_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "api_client.h"
#include "fleet/simulated_agents.h"
#include "resident.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "statistics.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;
using support::quantile;

struct People {
  std::vector<double> latencies_ms;
  std::vector<std::string> jobs;
};

/// One person's requests at an even pace: a submission now and then, looks otherwise.
Result<People> use_it(const FleetBenchOptions& options, const support::ServerProcess& server) {
  People people;
  GALLEY_TRY(auto client, support::ApiClient::open(server.url(), server.token()));
  const std::vector<std::string> looks{"/api/v1/jobs?limit=50", "/api/v1/overview", "/api/v1/teams",
                                       "/api/v1/runs?limit=50"};
  const auto rate = options.jobs_per_s + options.reads_per_s;
  const auto begin = Steady::now();
  const Json job{{"name", "true"}, {"command", {"true"}}, {"resources", {{"gpus", 1}}}};
  for (std::int64_t i = 0; i < rate * options.seconds; ++i) {
    GALLEY_TRY_STATUS(support::check_stop());
    std::this_thread::sleep_until(begin + std::chrono::milliseconds(1'000 * i / rate));
    const bool submits = i % rate < options.jobs_per_s;
    const auto sent = Steady::now();
    auto answer = submits ? client.post("/api/v1/jobs", job)
                          : client.get(looks[static_cast<std::size_t>(i) % looks.size()]);
    if (!answer) return std::move(answer).error();
    people.latencies_ms.push_back(
        std::chrono::duration<double, std::milli>(Steady::now() - sent).count());
    if (submits) people.jobs.push_back(answer->at("id").get<std::string>());
  }
  return people;
}

/// From the decision to the arrival, of each job's attempt.
Result<std::vector<double>> assign_times(const People& people, const support::ServerProcess& server,
                                         const SimulatedAgents::Figures& figures) {
  std::vector<double> times;
  GALLEY_TRY(auto client, support::ApiClient::open(server.url(), server.token()));
  for (const std::string& job : people.jobs) {
    GALLEY_TRY(const Json record, client.wait_for_job(job, Millis{10'000}));
    if (record.at("state") != "succeeded")
      return Error{Errc::unavailable, "a job ended as " + record.at("state").get<std::string>()};
    GALLEY_TRY(const Json shown, client.get("/api/v1/jobs/" + job));
    const Json& attempt = shown.at("attempt_list").at(0);
    const auto arrived = figures.assigned_ms.find(attempt.at("id").get<std::string>());
    if (arrived == figures.assigned_ms.end()) continue;
    GALLEY_TRY(const auto decided, parse_rfc3339(attempt.at("created_at").get<std::string>()));
    times.push_back(static_cast<double>(arrived->second - to_ms(decided)));
  }
  return times;
}

}  // namespace

Result<BenchReport> run_fleet_bench(const FleetBenchOptions& options) {
  GALLEY_TRY(auto scratch, support::ScratchFolder::make());
  GALLEY_TRY(auto server, support::ServerProcess::start({.program = options.programs / "galley",
                                                         .data = scratch / "data",
                                                         .role = "controller"}));
  const auto joining = Steady::now();
  GALLEY_TRY(auto agents,
             SimulatedAgents::start(
                 {.url = server.url(), .token = server.token(), .count = options.agents}));
  fmt::print(stderr, "{} agents joined in {:.1f} s\n", options.agents,
             std::chrono::duration<double>(Steady::now() - joining).count());
  std::this_thread::sleep_for(std::chrono::seconds(2));  // one heartbeat of each, and quiet
  (void)agents->take();
  GALLEY_TRY(const double cpu_before, support::cpu_seconds(server.pid()));
  const auto begin = Steady::now();
  GALLEY_TRY(const People people, use_it(options, server));
  const double seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  GALLEY_TRY(const double cpu_after, support::cpu_seconds(server.pid()));
  GALLEY_TRY(const double rss_mib, support::resident_mib(server.pid()));
  const auto figures = agents->take();
  if (figures.broken) return *figures.broken;
  GALLEY_TRY(const auto assign_ms, assign_times(people, server, figures));
  agents.reset();

  BenchReport report{.name = "fleet"};
  report.figures = {{"controller_cores", (cpu_after - cpu_before) / seconds},
                    {"api_p99_ms", quantile(people.latencies_ms, 0.99)},
                    {"api_p50_ms", quantile(people.latencies_ms, 0.5)},
                    {"assign_p99_ms", quantile(assign_ms, 0.99)},
                    {"assign_p50_ms", quantile(assign_ms, 0.5)},
                    {"heartbeat_p99_ms", quantile(figures.heartbeat_ms, 0.99)},
                    {"heartbeats_per_s", static_cast<double>(figures.heartbeats) / seconds},
                    {"rss_mib", rss_mib},
                    {"failures", static_cast<double>(figures.failures)},
                    {"agents", static_cast<double>(options.agents)},
                    {"jobs", static_cast<double>(assign_ms.size())}};
  return report;
}

}  // namespace galley::bench
