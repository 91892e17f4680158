#include "faults/faults_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>

#include "cluster/health.h"
#include "cluster/sample_judge.h"
#include "cluster/xid.h"
#include "faults/fake_machine.h"
#include "faults/fault_case.h"

namespace galley::bench {
namespace {

using cluster::Subject;

constexpr Millis kPeriod{5'000};
constexpr int kNodes = 20;

struct Replay {
  std::set<std::string> out;        // GPUs taken out by our judgement; "" is the driver
  std::optional<Millis> first_out;  // of what was expected
  bool quarantined = false;
};

class Player {
 public:
  Player(const FaultCase& fault, std::uint64_t seed)
      : fault_(fault),
        machine_(fault, seed),
        sampler_(
            [this](const auto& arguments, Millis limit) { return machine_.run(arguments, limit); },
            machine_.clock()) {}

  Replay play() {
    for (int n = 1; n < kNodes; ++n)
      for (std::size_t gpu = 0; gpu < FakeMachine::kGpus; ++gpu)
        apply(
            cluster::SeenWell{{NodeId::trusted("node_" + std::to_string(n)), machine_.uuid(gpu)}});
    for (std::size_t gpu = 0; gpu < FakeMachine::kGpus; ++gpu)
      apply(cluster::UseChanged{{node_, machine_.uuid(gpu)}, true});
    Millis next{0};
    while (machine_.now() < std::chrono::seconds(fault_.run_s) + machine_.onset()) {
      if (machine_.now() < next) machine_.clock().advance(next - machine_.now());
      next = std::max(next + kPeriod, machine_.now());
      look();
      next = std::max(next, machine_.now());
    }
    return std::move(replay_);
  }

  const FakeMachine& machine() const { return machine_; }

 private:
  bool is_expected(const std::string& gpu) const {
    if (fault_.expect == "node") return gpu.empty();
    if (fault_.expect == "gpus") return !gpu.empty();
    return fault_.is_hardware() && gpu == machine_.uuid(machine_.gpu());
  }

  void apply(const cluster::HealthEvent& event) {
    const auto outcome = core_.apply(event, machine_.clock().wall());
    for (const auto& transition : outcome.transitions) {
      if (!is_out(transition.now.state) || is_out(transition.from)) continue;
      if (is_expected(transition.subject.gpu) && !replay_.first_out)
        replay_.first_out = machine_.now();
      replay_.out.insert(transition.subject.gpu);
      replay_.quarantined |= transition.now.quarantined;
    }
    // Jobs that are stopped leave at once, and tests pass: the fault itself is what is looked at.
    for (const Subject& subject : outcome.evictions) apply(cluster::UseChanged{subject, false});
    for (const Subject& subject : outcome.self_tests) apply(cluster::SelfTestEnded{subject, true});
  }

  void look() {
    auto seen = sampler_.look();
    protocol::NodeSample sample;
    sample.node = node_;
    sample.driver = seen.driver;
    sample.driver_text = seen.driver_text;
    sample.gpus = std::move(seen.gpus);
    for (const auto& line : machine_.kernel_lines()) {
      auto event = cluster::parse_kernel_line(line);
      if (!event) continue;
      for (std::size_t gpu = 0; gpu < FakeMachine::kGpus; ++gpu)
        if (machine_.pci(gpu) == event->pci_bus_id) event->uuid = machine_.uuid(gpu);
      sample.xids.push_back(*std::move(event));
    }
    for (const auto& event : judge_.judge(sample)) apply(event);
    apply(cluster::TimePassed{});
  }

  const FaultCase& fault_;
  const NodeId node_ = NodeId::trusted("node_0");
  FakeMachine machine_;
  cluster::GpuSampler sampler_;
  cluster::SampleJudge judge_;
  cluster::HealthCore core_;
  Replay replay_;
};

struct Sums {
  std::int64_t cases = 0;
  std::int64_t hardware = 0;
  std::int64_t found = 0;
  std::int64_t false_exclusions = 0;
  std::vector<double> seconds;
};

void add(const FaultCase& fault, std::int64_t seed, Sums& sums) {
  Player player(fault, static_cast<std::uint64_t>(seed));
  const Replay replay = player.play();
  ++sums.cases;
  std::set<std::string> wrong = replay.out;
  if (fault.expect == "node") wrong.erase("");
  if (fault.expect == "gpus") wrong.clear();
  if (fault.expect == "gpu" || fault.expect == "quarantine")
    wrong.erase(player.machine().uuid(player.machine().gpu()));
  sums.false_exclusions += static_cast<std::int64_t>(wrong.size());
  if (!wrong.empty())
    fmt::print(stderr, "{} with seed {}: {} wrongly out\n", fault.name, seed, wrong.size());
  if (!fault.is_hardware()) return;
  ++sums.hardware;
  std::size_t expected = fault.expect == "gpus" ? FakeMachine::kGpus : 1;
  const bool found = replay.first_out && replay.out.size() - wrong.size() >= expected &&
                     (fault.expect != "quarantine" || replay.quarantined);
  if (!found) {
    fmt::print(stderr, "{} with seed {}: not found\n", fault.name, seed);
    return;
  }
  ++sums.found;
  const Millis took =
      *replay.first_out - player.machine().onset() - std::chrono::seconds(fault.persist_s);
  sums.seconds.push_back(std::max(0.0, static_cast<double>(took.count()) / 1e3));
}

}  // namespace

Result<BenchReport> run_faults_bench(const FaultsBenchOptions& options) {
  GALLEY_TRY(const auto cases, read_fault_cases(options.data));
  Sums sums;
  BenchReport report;
  report.name = "faults";
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    report.seeds.push_back(seed);
    for (const FaultCase& fault : cases) add(fault, seed, sums);
  }
  std::ranges::sort(sums.seconds);
  const auto number = [](std::int64_t count) { return static_cast<double>(count); };
  report.figures = {
      {"cases", number(sums.cases)},
      {"recorded", number(static_cast<std::int64_t>(cases.size()))},
      {"hardware_cases", number(sums.hardware)},
      {"hardware_recall_pct",
       sums.hardware == 0 ? 0 : 100 * number(sums.found) / number(sums.hardware)},
      {"false_exclusions", number(sums.false_exclusions)},
      {"exclusion_s_max", sums.seconds.empty() ? 0 : sums.seconds.back()},
      {"exclusion_s_p50", sums.seconds.empty() ? 0 : sums.seconds[sums.seconds.size() / 2]}};
  return report;
}

}  // namespace galley::bench
