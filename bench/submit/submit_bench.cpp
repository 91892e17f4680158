#include "submit/submit_bench.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "api_client.h"
#include "postgres_server.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "statistics.h"
#include "stop.h"
#include "submit/job_ends.h"
#include "submit/machine_limits.h"
#include "submit/submitters.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;
using support::median;
using support::quantile;
using support::ServerProcess;

constexpr Millis kJobTimeout{10'000};

/// A server on a folder of its own, so that one measurement's queue does not weigh on the next.
/// Its supervisors end with it.
struct Site {
  support::ScratchFolder scratch;
  std::optional<support::PostgresServer> postgres;
  ServerProcess server;

  Site(support::ScratchFolder folder, std::optional<support::PostgresServer> database,
       ServerProcess process)
      : scratch(std::move(folder)), postgres(std::move(database)), server(std::move(process)) {}
  Site(Site&&) = default;
  Site& operator=(Site&&) = delete;
  ~Site() {
    server.kill();
    if (!scratch.path().empty()) support::end_supervisors(scratch / "data");
  }

  static Result<Site> open(const SubmitBenchOptions& options) {
    GALLEY_TRY_STATUS(support::check_stop());
    GALLEY_TRY(auto scratch, support::ScratchFolder::make());
    std::optional<support::PostgresServer> postgres;
    std::vector<std::string> arguments;
    if (options.on_postgresql) {
      GALLEY_TRY(auto started, support::PostgresServer::start({.durable = true, .on_disk = true}));
      postgres.emplace(std::move(started));
      GALLEY_TRY(auto url, postgres->make_database("galley"));
      arguments = {"--database", std::move(url)};
    }
    GALLEY_TRY(auto server, ServerProcess::start({.program = options.programs / "galley",
                                                  .data = scratch / "data",
                                                  .arguments = std::move(arguments)}));
    return Site(std::move(scratch), std::move(postgres), std::move(server));
  }
};

std::string true_job() { return dump_json({{"name", "true"}, {"command", {"true"}}}); }

/// One that is accepted like any other and waits for its day.
std::string far_job() {
  return dump_json({{"name", "far"}, {"command", {"true"}}, {"start_at", "2100-01-01T00:00Z"}});
}

Result<std::vector<double>> time_true_jobs(const SubmitBenchOptions& options,
                                           double& fdatasync_ms) {
  GALLEY_TRY(const Site site, Site::open(options));
  GALLEY_TRY(fdatasync_ms, measure_fdatasync_ms(site.scratch.path()));
  GALLEY_TRY(auto ends, JobEnds::watch(site.server.url(), site.server.token()));
  GALLEY_TRY(auto client, support::ApiClient::open(site.server.url(), site.server.token()));
  std::vector<double> samples;
  GALLEY_TRY(const Json body, parse_json(true_job()));
  for (std::int64_t i = 0; i < options.samples; ++i) {
    GALLEY_TRY_STATUS(support::check_stop());
    const auto begin = Steady::now();
    GALLEY_TRY(const Json job, client.post("/api/v1/jobs", body));
    GALLEY_TRY(const JobEnds::End end, ends->wait(job.at("id").get<std::string>(), kJobTimeout));
    if (end.state != "succeeded")
      return Error{Errc::unavailable, "a job of `true` ended as " + end.state};
    samples.push_back(std::chrono::duration<double, std::milli>(end.at - begin).count());
  }
  return samples;
}

struct Acceptance {
  SubmitFigures submitted;
  double ended_per_s = 0;
};

Result<Acceptance> measure_acceptance(const SubmitBenchOptions& options, const std::string& body) {
  GALLEY_TRY(const Site site, Site::open(options));
  GALLEY_TRY(auto submitted, submit_for({.url = site.server.url(),
                                         .token = site.server.token(),
                                         .body = body,
                                         .clients = options.clients,
                                         .length = std::chrono::seconds(options.seconds)}));
  GALLEY_TRY(auto client, support::ApiClient::open(site.server.url(), site.server.token()));
  GALLEY_TRY(const Json overview, client.get("/api/v1/overview"));
  const double ended = overview.at("queue").at("succeeded_24h").get<double>();
  return Acceptance{std::move(submitted), ended / static_cast<double>(options.seconds)};
}

}  // namespace

Result<BenchReport> run_submit_bench(const SubmitBenchOptions& options) {
  GALLEY_TRY(const double spawn_wait_ms, measure_spawn_wait_ms());
  double fdatasync_ms = 0;
  GALLEY_TRY(const auto true_job_ms, time_true_jobs(options, fdatasync_ms));
  fmt::print(stderr, "{} jobs of `true`, one after the other: p50 {:.1f} ms, p99 {:.1f} ms\n",
             true_job_ms.size(), quantile(true_job_ms, 0.5), quantile(true_job_ms, 0.99));

  std::vector<double> waiting;
  std::vector<double> running;
  std::vector<double> ended;
  std::vector<double> p50_ms;
  std::vector<double> p99_ms;
  for (std::int64_t round = 1; round <= options.rounds; ++round) {
    GALLEY_TRY(const Acceptance far, measure_acceptance(options, far_job()));
    GALLEY_TRY(const Acceptance busy, measure_acceptance(options, true_job()));
    waiting.push_back(far.submitted.jobs_per_s);
    p50_ms.push_back(quantile(far.submitted.latencies_ms, 0.5));
    p99_ms.push_back(quantile(far.submitted.latencies_ms, 0.99));
    running.push_back(busy.submitted.jobs_per_s);
    ended.push_back(busy.ended_per_s);
    fmt::print(stderr,
               "round {}/{}: {:.0f} jobs/s accepted; {:.0f} jobs/s while {:.0f} jobs/s ran\n",
               round, options.rounds, waiting.back(), running.back(), ended.back());
  }

  BenchReport report{.name = "submit"};
  report.figures = {{"durable_jobs_per_s", median(waiting)},
                    {"durable_jobs_per_s_while_running", median(running)},
                    {"true_jobs_per_s_while_running", median(ended)},
                    {"submit_p50_ms", median(p50_ms)},
                    {"submit_p99_ms", median(p99_ms)},
                    {"true_job_p50_ms", quantile(true_job_ms, 0.5)},
                    {"true_job_p99_ms", quantile(true_job_ms, 0.99)},
                    {"spawn_wait_ms", spawn_wait_ms},
                    {"fdatasync_ms", fdatasync_ms},
                    {"clients", static_cast<double>(options.clients)}};
  return report;
}

}  // namespace galley::bench
