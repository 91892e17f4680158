#include "failover/failover_bench.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "failover/load.h"
#include "failover/rig.h"
#include "statistics.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Millis kPatience{30'000};
constexpr std::chrono::milliseconds kPoll{5};
constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr int kLongJobs = 3;

enum class Fault { kill, stop, database, partition, disk };
struct Kind {
  Fault fault;
  const char* name;
  int of_twenty;
};
constexpr std::array kKinds{Kind{Fault::kill, "kill", 12}, Kind{Fault::stop, "stop", 4},
                            Kind{Fault::database, "database", 2},
                            Kind{Fault::partition, "partition", 1}, Kind{Fault::disk, "disk", 1}};

double ms_between(Instant from, Instant to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// Each kind in its proportion and at least once where there are five, spread over the run.
std::vector<Kind> plan_of(std::int64_t faults, const std::string& only) {
  if (const auto kind = std::ranges::find(kKinds, only, &Kind::name); kind != kKinds.end())
    return std::vector<Kind>(static_cast<std::size_t>(faults), *kind);
  std::vector<std::pair<double, Kind>> order;
  for (const Kind& kind : kKinds) {
    const double share = static_cast<double>(faults) * kind.of_twenty / 20;
    const auto count = std::max<std::int64_t>(
        faults >= static_cast<std::int64_t>(kKinds.size()) ? 1 : 0, std::llround(share));
    for (std::int64_t i = 0; i < count; ++i)
      order.emplace_back((static_cast<double>(i) + 0.5) / static_cast<double>(count), kind);
  }
  std::ranges::stable_sort(order, {}, [](const auto& entry) { return entry.first; });
  std::vector<Kind> plan;
  for (const auto& [at, kind] : order) plan.push_back(kind);
  while (static_cast<std::int64_t>(plan.size()) > faults)
    plan.erase(std::ranges::find(plan, Fault::kill, &Kind::fault));
  return plan;
}

struct Healed {
  double accept_ms = 0;
  double placement_ms = 0;
};

class Run {
 public:
  Run(FailoverRig& rig, std::uint64_t seed)
      : rig_(rig), random_(seed), asking_(leader_client(rig.urls(), rig.token())) {}

  Status begin();
  Result<Healed> inject(const Kind& kind);
  Status finish(BenchReport& report);

 private:
  /// A job that takes a GPU for a moment, and leaves a mark when somebody else has it.
  Json small_job() const;
  Result<Json> ask(const http::Client::Call& call);
  Result<Instant> cause(const Kind& kind, int leader);
  Status repair(const Kind& kind, int leader);
  Result<Instant> first_placement_after(Instant healed);

  FailoverRig& rig_;
  std::mt19937_64 random_;
  support::LeaderClient asking_;
  std::optional<SteadySubmits> load_;
  std::vector<std::string> long_jobs_;
};

Json Run::small_job() const {
  const std::string script =
      "exec 9>>\"$0/$CUDA_VISIBLE_DEVICES\"; flock -n 9 || : >\"$1/$CUDA_VISIBLE_DEVICES.$$\"; "
      "sleep 0.05";
  return {{"name", "small"},
          {"command",
           {"/bin/sh", "-c", script, rig_.folder("gpus").string(), rig_.folder("twice").string()}},
          {"resources", {{"gpus", 1}}}};
}

/// Repeats until the leader answers.
Result<Json> Run::ask(const http::Client::Call& call) {
  const auto deadline = Steady::now() + kPatience;
  for (;;) {
    auto answer = asking_.ask(call);
    if (answer || Steady::now() > deadline) return answer;
    std::this_thread::sleep_for(kPoll);
  }
}

Status Run::begin() {
  GALLEY_TRY_STATUS(make_folders(rig_.folder("gpus")));
  GALLEY_TRY_STATUS(make_folders(rig_.folder("twice")));
  for (int i = 0; i < kLongJobs; ++i) {
    const Json body{
        {"name", "long"}, {"command", {"/bin/sleep", "100000"}}, {"resources", {{"gpus", 1}}}};
    http::Client::Call call{.method = "POST", .target = "/api/v1/jobs", .body = dump_json(body)};
    call.headers.set("Content-Type", "application/json");
    call.headers.set("Idempotency-Key", "long-" + std::to_string(i));
    GALLEY_TRY(const Json job, ask(call));
    long_jobs_.push_back(job.at("id").get<std::string>());
  }
  for (const std::string& job : long_jobs_) {
    const auto deadline = Steady::now() + kPatience;
    for (;;) {
      GALLEY_TRY(const Json now, ask({.target = "/api/v1/jobs/" + job}));
      if (now.at("state") == "running") break;
      if (Steady::now() > deadline)
        return Error{Errc::timeout, "a long job does not run: " + dump_json(now)};
      std::this_thread::sleep_for(kPoll);
    }
  }
  load_.emplace(rig_.urls(), rig_.token(), small_job());
  GALLEY_TRY_STATUS(load_->first_after(Steady::now(), kPatience));
  return ok();
}

/// The instant from which service is possible again.
Result<Instant> Run::cause(const Kind& kind, int leader) {
  switch (kind.fault) {
    case Fault::kill:
      rig_.kill_controller(leader);
      break;
    case Fault::stop:
      ::kill(rig_.pid(leader), SIGSTOP);
      break;
    case Fault::partition:
      GALLEY_TRY_STATUS(rig_.network().set_connected(leader, false));
      break;
    case Fault::database:
      GALLEY_TRY_STATUS(rig_.database().crash());
      GALLEY_TRY_STATUS(rig_.database().restart());
      break;
    case Fault::disk:
      GALLEY_TRY_STATUS(rig_.fill_disk());
      std::this_thread::sleep_for(std::chrono::seconds(1));  // long enough to be refused
      GALLEY_TRY_STATUS(rig_.free_disk());
      break;
  }
  return Steady::now();
}

Status Run::repair(const Kind& kind, int leader) {
  if (kind.fault == Fault::kill) return rig_.start_controller(leader);
  if (kind.fault == Fault::stop) ::kill(rig_.pid(leader), SIGCONT);
  if (kind.fault == Fault::partition) return rig_.network().set_connected(leader, true);
  return ok();
}

/// When the first program ran that was given its GPU after the fault, by the agent's own record.
Result<Instant> Run::first_placement_after(Instant healed) {
  const Instant now = Steady::now();
  const WallTime wall = system_clock().wall();
  const auto healed_ms = to_ms(wall - std::chrono::duration_cast<Millis>(now - healed));
  const std::string sql = fmt::format(
      "select min(started_ms) from attempts where created_ms >= {0} and started_ms >= {0}",
      healed_ms);
  while (Steady::now() < now + kPatience) {
    const auto answer = rig_.database().run(FailoverRig::kDatabase, sql);
    // A database that is not back yet answers nothing.
    if (std::int64_t at = 0;
        answer &&
        std::from_chars(answer->data(), answer->data() + answer->size(), at).ec == std::errc{})
      return healed + Millis{at - healed_ms};
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return Error{Errc::timeout, "no job was placed after a fault"};
}

Result<Healed> Run::inject(const Kind& kind) {
  constexpr std::uint64_t kMostPauseMs = 400;
  std::this_thread::sleep_for(std::chrono::milliseconds(random_() % kMostPauseMs));
  GALLEY_TRY_STATUS(rig_.wait_for_leader());
  const auto leader = rig_.leader();
  if (!leader) return Error{Errc::unavailable, "no controller leads"};
  GALLEY_TRY(const Instant healed, cause(kind, *leader));
  GALLEY_TRY(const auto first, load_->first_after(healed, kPatience));
  GALLEY_TRY(const Instant placed, first_placement_after(healed));
  GALLEY_TRY_STATUS(repair(kind, *leader));
  return Healed{ms_between(healed, first.at), ms_between(healed, placed)};
}

Status Run::finish(BenchReport& report) {
  const auto accepted = load_->accepted();
  load_.reset();
  GALLEY_TRY(const std::string stored,
             rig_.database().run(FailoverRig::kDatabase, "select string_agg(id, ' ') from jobs"));
  std::set<std::string, std::less<>> known;
  for (const std::string_view id : split(stored, ' ')) known.emplace(id);
  double disturbed = 0;
  for (const std::string& job : long_jobs_) {
    GALLEY_TRY(const Json now, ask({.target = "/api/v1/jobs/" + job}));
    if (now.at("state") != "running" || now.at("attempts") != 1) ++disturbed;
  }
  double twice = 0;
  for (const auto& mark : std::filesystem::directory_iterator(rig_.folder("twice"))) {
    (void)mark;
    ++twice;
  }
  report.figures["submits"] = static_cast<double>(accepted.size());
  report.figures["lost_submits"] = static_cast<double>(
      std::ranges::count_if(accepted, [&](const auto& job) { return !known.contains(job); }));
  report.figures["disturbed_jobs"] = disturbed;
  report.figures["double_allocations"] = twice;
  return ok();
}

void summarise(const std::string& prefix, const std::vector<Healed>& all, BenchReport& report) {
  std::vector<double> accept;
  std::vector<double> placement;
  for (const Healed& one : all) {
    accept.push_back(one.accept_ms);
    placement.push_back(one.placement_ms);
  }
  if (all.empty()) return;
  report.figures[prefix + "first_accept_ms_max"] = std::ranges::max(accept);
  report.figures[prefix + "first_accept_ms_p50"] = support::median(accept);
  report.figures[prefix + "first_placement_ms_max"] = std::ranges::max(placement);
  report.figures[prefix + "first_placement_ms_p50"] = support::median(placement);
}

}  // namespace

Result<BenchReport> run_failover_bench(const FailoverBenchOptions& options) {
  GALLEY_TRY(auto rig, FailoverRig::start(options.programs));
  Run run(*rig, options.seed);
  if (auto begun = run.begin(); !begun) {
    fmt::print(stderr, "{}", rig->said());
    return std::move(begun).error();
  }
  const std::vector<Kind> plan = plan_of(options.faults, options.only);
  std::vector<Healed> all;
  std::map<std::string, std::vector<Healed>> by_kind;
  for (const Kind& kind : plan) {
    GALLEY_TRY_STATUS(support::check_stop());
    auto result = run.inject(kind);
    if (!result) fmt::print(stderr, "{}", rig->said());
    GALLEY_TRY(const Healed healed, std::move(result));
    all.push_back(healed);
    by_kind[kind.name].push_back(healed);
    fmt::print(stderr, "fault {}/{} ({}): accepts after {:.0f} ms, places after {:.0f} ms\n",
               all.size(), plan.size(), kind.name, healed.accept_ms, healed.placement_ms);
  }
  BenchReport report{.name = "failover"};
  report.figures["faults"] = static_cast<double>(all.size());
  summarise("", all, report);
  for (const auto& [name, healed] : by_kind) summarise(name + "_", healed, report);
  GALLEY_TRY_STATUS(run.finish(report));
  report.seeds = {static_cast<std::int64_t>(options.seed)};
  return report;
}

}  // namespace galley::bench
