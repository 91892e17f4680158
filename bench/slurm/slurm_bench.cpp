#include "slurm/slurm_bench.h"

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "api_client.h"
#include "base/file.h"
#include "process/child.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "slurm_cluster.h"
#include "statistics.h"
#include "stop.h"
#include "submit/submitters.h"

namespace galley::bench {
namespace {

using support::median;
using support::quantile;
using Wall = std::chrono::system_clock;

constexpr Millis kStartTimeout{30'000};
constexpr std::chrono::microseconds kLookPause{500};

/// What both start: it writes the time at which it runs.
std::vector<std::string> clock_command(const std::filesystem::path& mark) {
  return {
      "/bin/sh", "-c",
      "date +%s%N > " + mark.string() + ".new && mv " + mark.string() + ".new " + mark.string()};
}

/// Milliseconds from `begin` to the time in the file, once that is there.
Result<double> read_clock(const std::filesystem::path& mark, Wall::time_point begin) {
  constexpr std::int64_t kMostBytes = 64;
  const auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto text = read_file(mark, kMostBytes); text && text->ends_with('\n')) {
      std::int64_t ns = 0;
      (void)std::from_chars(text->data(), text->data() + text->size(), ns);
      const auto started = Wall::time_point(std::chrono::nanoseconds(ns));
      return std::chrono::duration<double, std::milli>(started - begin).count();
    }
    std::this_thread::sleep_for(kLookPause);
  }
  return Error{Errc::timeout, "a small job did not start within 30 s"};
}

/// sbatch processes, as many at once as there are clients, each started as the one before ends.
Result<double> measure_sbatch(const SlurmBenchOptions& options,
                              const support::SlurmCluster& cluster) {
  std::atomic<std::int64_t> jobs = 0;
  std::mutex mutex;  // guards failed
  std::optional<Error> failed;
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + std::chrono::seconds(options.seconds);
  {
    std::vector<std::jthread> clients;
    for (std::int64_t i = 0; i < options.clients; ++i)
      clients.emplace_back([&] {
        while (std::chrono::steady_clock::now() < end) {
          const auto sent = process::run_child(
              {"sbatch", "--parsable", "--hold", "--output=/dev/null", "--chdir=/"},
              {.stdin_bytes = "#!/bin/sh\ntrue\n"});
          if (sent && sent->succeeded()) {
            ++jobs;
            continue;
          }
          const std::lock_guard lock(mutex);
          failed = sent ? Error{Errc::unavailable, "sbatch: " + sent->stderr_bytes} : sent.error();
          return;
        }
      });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  GALLEY_TRY_STATUS(cluster.run({"scancel", "--state=PENDING", "--partition=main"}));
  if (failed) return *failed;
  return static_cast<double>(jobs) / took.count();
}

Result<double> measure_submits(const SlurmBenchOptions& options,
                               const support::ServerProcess& server) {
  GALLEY_TRY(
      const auto figures,
      submit_for({.url = server.url(),
                  .token = server.token(),
                  .body = dump_json(
                      {{"name", "far"}, {"command", {"true"}}, {"start_at", "2100-01-01T00:00Z"}}),
                  .clients = options.clients,
                  .length = std::chrono::seconds(options.seconds)}));
  return figures.jobs_per_s;
}

Result<double> time_slurm_start(const std::filesystem::path& mark) {
  const auto command = clock_command(mark);
  const auto begin = Wall::now();
  GALLEY_TRY(const auto sent,
             process::run_child({"sbatch", "--parsable", "--output=/dev/null", "--chdir=/"},
                                {.stdin_bytes = "#!/bin/sh\n" + command.back() + "\n"}));
  if (!sent.succeeded()) return Error{Errc::unavailable, "sbatch: " + sent.stderr_bytes};
  return read_clock(mark, begin);
}

Result<double> time_our_start(support::ApiClient& client, const std::filesystem::path& mark) {
  const Json body{{"name", "clock"}, {"command", clock_command(mark)}};
  const auto begin = Wall::now();
  GALLEY_TRY_STATUS(client.post("/api/v1/jobs", body));
  return read_clock(mark, begin);
}

/// A server on a folder of its own; its supervisors end with it.
struct Site {
  support::ScratchFolder scratch;
  std::optional<support::ServerProcess> server;

  explicit Site(support::ScratchFolder folder) : scratch(std::move(folder)) {}
  Site(Site&&) = default;
  Site& operator=(Site&&) = delete;
  ~Site() {
    if (server) server->kill();
    if (!scratch.path().empty()) support::end_supervisors(scratch / "data");
  }
};

Result<Site> open_site(const SlurmBenchOptions& options) {
  GALLEY_TRY(auto scratch, support::ScratchFolder::make());
  Site site(std::move(scratch));
  GALLEY_TRY(auto server, support::ServerProcess::start({.program = options.programs / "galley",
                                                         .data = site.scratch / "data"}));
  site.server.emplace(std::move(server));
  return site;
}

}  // namespace

Result<BenchReport> run_slurm_bench(const SlurmBenchOptions& options) {
  GALLEY_TRY(const auto cluster,
             support::SlurmCluster::start(
                 {.gpus = 0,
                  .settings = {"MaxJobCount=200000", "MinJobAge=2",
                               "SchedulerParameters=batch_sched_delay=0,sched_min_interval=0"}}));
  ::setenv("SLURM_CONF", cluster.conf().c_str(), 1);  // no thread of ours runs yet
  std::vector<double> our_rates;
  std::vector<double> slurm_rates;
  std::vector<double> our_ms;
  std::vector<double> slurm_ms;
  for (std::int64_t round = 1; round <= options.rounds; ++round) {
    GALLEY_TRY_STATUS(support::check_stop());
    // A fresh server each time, so that one round's queue does not weigh on the next.
    GALLEY_TRY(const Site site, open_site(options));
    GALLEY_TRY(auto client, support::ApiClient::open(site.server->url(), site.server->token()));
    for (std::int64_t i = 0; i < options.samples; ++i) {
      GALLEY_TRY_STATUS(support::check_stop());
      const auto mark = site.scratch / fmt::format("mark-{}", i);
      GALLEY_TRY(const double ours, time_our_start(client, mark.string() + "-ours"));
      our_ms.push_back(ours);
      GALLEY_TRY(const double slurms, time_slurm_start(mark.string() + "-slurm"));
      slurm_ms.push_back(slurms);
    }
    GALLEY_TRY(const double our_rate, measure_submits(options, *site.server));
    GALLEY_TRY(const double slurm_rate, measure_sbatch(options, cluster));
    our_rates.push_back(our_rate);
    slurm_rates.push_back(slurm_rate);
    fmt::print(stderr,
               "round {}/{}: {:.0f} jobs/s accepted, sbatch {:.0f} jobs/s; start after {:.1f} ms, "
               "Slurm {:.1f} ms\n",
               round, options.rounds, our_rate, slurm_rate, median(our_ms), median(slurm_ms));
  }
  BenchReport report{.name = "slurm"};
  report.figures = {{"submit_ratio", median(our_rates) / median(slurm_rates)},
                    {"submit_to_start_ratio", median(our_ms) / median(slurm_ms)},
                    {"submit_jobs_per_s", median(our_rates)},
                    {"submit_to_start_ms", median(our_ms)},
                    {"submit_to_start_p99_ms", quantile(our_ms, 0.99)},
                    {"clients", static_cast<double>(options.clients)}};
  report.peers["slurm"] = {{"submit_jobs_per_s", median(slurm_rates)},
                           {"submit_to_start_ms", median(slurm_ms)},
                           {"submit_to_start_p99_ms", quantile(slurm_ms, 0.99)}};
  return report;
}

}  // namespace galley::bench
