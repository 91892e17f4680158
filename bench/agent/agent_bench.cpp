#include "agent/agent_bench.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "api_client.h"
#include "base/json.h"
#include "pretended_gpus.h"
#include "resident.h"
#include "scratch_folder.h"
#include "server_process.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;
using support::ServerProcess;

constexpr int kGpus = 8;
constexpr int kJobs = 10;
constexpr std::chrono::seconds kSettle{6};  // a look at the GPUs lies in it
constexpr Millis kJobPatience{60'000};
constexpr const char* kJob =
    "for i in 1 2 3 4 5; do echo galley:: step=$i loss=0.$i; done; "
    "head -c 67108864 /dev/urandom > weights && echo galley:: checkpoint=weights";

struct Use {
  double own_s = 0;
  double children_s = 0;
};

Result<Use> use_of(pid_t pid) {
  Use use;
  GALLEY_TRY(use.own_s, support::cpu_seconds(pid));
  GALLEY_TRY(use.children_s, support::children_cpu_seconds(pid));
  return use;
}

Status wait(std::chrono::seconds time) {
  for (const auto end = Steady::now() + time; Steady::now() < end;) {
    GALLEY_TRY_STATUS(support::check_stop());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return ok();
}

Result<ServerProcess> start_agent(const std::filesystem::path& programs,
                                  const support::ScratchFolder& scratch,
                                  const ServerProcess& controller, support::ApiClient& client) {
  GALLEY_TRY_STATUS(support::install({.count = kGpus}, scratch / "programs"));
  GALLEY_TRY(const Json made, client.post("/api/v1/nodes/join-tokens", Json::object()));
  return ServerProcess::start(
      {.program = programs / "galley",
       .data = scratch / "agent",
       .arguments = {"--controller", controller.url(), "--join-token",
                     made.at("token").get<std::string>(), "--name", "gpu1"},
       .environment = {"PATH=" + (scratch / "programs").string() + ":" + std::getenv("PATH")},
       .role = "agent"});
}

Status run_jobs(support::ApiClient& client) {
  for (int i = 0; i < kJobs; ++i) {
    GALLEY_TRY_STATUS(support::check_stop());
    GALLEY_TRY(const Json job, client.post("/api/v1/jobs", {{"command", {"/bin/sh", "-c", kJob}}}));
    GALLEY_TRY(const Json end, client.wait_for_job(job.at("id").get<std::string>(), kJobPatience));
    if (end.at("state") != "succeeded")
      return Error{Errc::unavailable, "a job did not succeed: " + dump_json(end)};
  }
  return ok();
}

}  // namespace

Result<BenchReport> run_agent_bench(const AgentBenchOptions& options) {
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  GALLEY_TRY(auto controller, ServerProcess::start({.program = options.programs / "galley",
                                                    .data = scratch / "controller",
                                                    .role = "controller"}));
  GALLEY_TRY(auto client, support::ApiClient::open(controller.url(), controller.token()));
  GALLEY_TRY(auto agent, start_agent(options.programs, scratch, controller, client));
  GALLEY_TRY_STATUS(wait(kSettle));
  fmt::print(stderr, "an agent with {} GPUs and no jobs, for {} s\n", kGpus, options.seconds);
  GALLEY_TRY(const Use before, use_of(agent.pid()));
  const auto begin = Steady::now();
  GALLEY_TRY_STATUS(wait(std::chrono::seconds(options.seconds)));
  GALLEY_TRY(const Use after, use_of(agent.pid()));
  const double seconds = std::chrono::duration<double>(Steady::now() - begin).count();
  BenchReport report{.name = "agent"};
  GALLEY_TRY(report.figures["idle_rss_mib"], support::resident_mib(agent.pid()));
  constexpr double kPercent = 100;
  report.figures["agent_core_pct"] = kPercent * (after.own_s - before.own_s) / seconds;
  report.figures["smi_core_pct"] = kPercent * (after.children_s - before.children_s) / seconds;
  fmt::print(stderr, "{} jobs\n", kJobs);
  auto ran = run_jobs(client);
  support::end_supervisors(scratch / "agent");
  GALLEY_TRY_STATUS(std::move(ran));
  GALLEY_TRY_STATUS(wait(kSettle));
  GALLEY_TRY(report.figures["after_jobs_rss_mib"], support::resident_mib(agent.pid()));
  return report;
}

}  // namespace galley::bench
