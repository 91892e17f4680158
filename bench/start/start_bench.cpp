#include "start/start_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/client.h"
#include "resident.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "statistics.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;
using support::ServerProcess;

constexpr std::chrono::microseconds kRetry{500};  // the resolution of first_answer_ms
constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::seconds kSettle{2};

/// Asks on the local socket until somebody answers: its address is known before the server is.
Status wait_for_answer(const std::filesystem::path& data) {
  const auto deadline = Steady::now() + kPatience;
  GALLEY_TRY(auto client, http::Client::open(
                              {.server = "unix:" + (data / "galley.sock").string(), .retries = 0}));
  for (;;) {
    const auto answer = client->send({.method = "GET", .target = "/healthz"});
    if (answer && answer->status == 200) return ok();
    if (Steady::now() > deadline)
      return Error{Errc::timeout, "galley up has not answered GET /healthz"};
    std::this_thread::sleep_for(kRetry);
  }
}

struct Started {
  ServerProcess server;
  double ms = 0;
};

Result<Started> time_start(const support::ServerOptions& options) {
  const auto begin = Steady::now();
  GALLEY_TRY(auto server, ServerProcess::begin(options));
  if (auto answered = wait_for_answer(options.data); !answered)
    return Error{Errc::unavailable, answered.error().message + ": " + server.stderr_text()};
  const double ms = std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
  GALLEY_TRY_STATUS(server.wait_ready());
  return Started{std::move(server), ms};
}

}  // namespace

Result<BenchReport> run_start_bench(const StartBenchOptions& options) {
  const auto program = options.programs / "galley";
  std::vector<double> fresh;
  std::vector<double> existing;
  double rss_mib = 0;
  for (std::int64_t round = 1; round <= options.rounds; ++round) {
    GALLEY_TRY_STATUS(support::check_stop());
    GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
    const support::ServerOptions server{.program = program, .data = scratch / "data"};
    GALLEY_TRY(Started first, time_start(server));
    GALLEY_TRY_STATUS(first.server.stop());
    GALLEY_TRY(Started second, time_start(server));
    fresh.push_back(first.ms);
    existing.push_back(second.ms);
    fmt::print(stderr, "round {}/{}: first answer after {:.1f} ms, on the same folder {:.1f} ms\n",
               round, options.rounds, first.ms, second.ms);
    if (round == options.rounds) {
      std::this_thread::sleep_for(kSettle);
      GALLEY_TRY(rss_mib, support::resident_mib(second.server.pid()));
    }
    GALLEY_TRY_STATUS(second.server.stop());
  }

  std::error_code ignored;
  BenchReport report{.name = "start"};
  report.figures = {
      {"first_answer_ms", support::median(fresh)},
      {"first_answer_existing_ms", support::median(existing)},
      {"first_answer_ms_max",
       std::max(support::quantile(fresh, 1), support::quantile(existing, 1))},
      {"idle_rss_mib", rss_mib},
      {"binary_bytes", static_cast<double>(std::filesystem::file_size(program, ignored))}};
  return report;
}

}  // namespace galley::bench
