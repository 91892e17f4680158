#include "cluster/sample_judge.h"

#include <algorithm>

#include "cluster/xid.h"

namespace galley::cluster {
namespace {

using protocol::DriverState;
using protocol::GpuSample;

// Bits of nvidia-smi's clocks_throttle_reasons.active. A GPU that slows itself down to keep its
// temperature (software thermal slowdown) works as designed.
constexpr std::int64_t kHardwareSlowdown = 0x8;
constexpr std::int64_t kHardwareThermal = 0x40;
constexpr std::int64_t kPowerBrake = 0x80;

std::int64_t growth(const std::optional<std::int64_t>& before,
                    const std::optional<std::int64_t>& now) {
  // A counter that fell back has begun anew, with the driver.
  if (!before || !now || *now < *before) return 0;
  return *now - *before;
}

std::string number(std::int64_t count, const char* what) {
  return std::to_string(count) + " " + what;
}

}  // namespace

void SampleJudge::expect(const NodeId& node, const std::vector<std::string>& gpus) {
  for (const std::string& gpu : gpus) nodes_[node].gpus.try_emplace(gpu);
}

void SampleJudge::judge_gpu(const Subject& subject, const GpuSample& before, const GpuSample& now,
                            Node& node, std::vector<Evidence>& found) const {
  const auto add = [&](FaultReason reason, Severity severity, std::string text) {
    found.push_back({subject, reason, severity, std::move(text)});
  };
  if (now.lost)
    return add(FaultReason::gpu_lost, Severity::gone, "nvidia-smi cannot reach it any more");
  if (now.unreadable_fields >= limits_.unreadable_fields)
    add(FaultReason::unreadable, Severity::drain,
        number(now.unreadable_fields, "of its values cannot be read by the driver"));

  std::int64_t uncorrected = growth(before.ecc_uncorrected_volatile, now.ecc_uncorrected_volatile);
  // Some drivers count only for life.
  if (!now.ecc_uncorrected_volatile)
    uncorrected = growth(before.ecc_uncorrected_aggregate, now.ecc_uncorrected_aggregate);
  if (uncorrected > 0)
    add(FaultReason::ecc_uncorrected, Severity::exclude,
        number(uncorrected, "memory errors that could not be corrected"));
  const auto corrected = growth(before.ecc_corrected_volatile, now.ecc_corrected_volatile);
  if (corrected >= limits_.corrected_errors_per_look)
    add(FaultReason::ecc_corrected, Severity::doubt,
        number(corrected, "corrected memory errors since the last look"));
  if (now.remapped_rows_failure.value_or(false))
    add(FaultReason::row_remap_failed, Severity::exclude, "a bad memory row could not be replaced");
  else if (now.remapped_rows_pending.value_or(false))
    add(FaultReason::row_remap_pending, Severity::drain,
        "a bad memory row waits for a reset of the GPU to be replaced");
  if (now.retired_pages_pending.value_or(false))
    add(FaultReason::pages_pending, Severity::drain,
        "bad memory pages wait for the driver to be loaded again to be retired");
  if (now.retired_pages_double_bit.value_or(0) >= limits_.double_bit_pages)
    add(FaultReason::pages_pending, Severity::drain,
        number(*now.retired_pages_double_bit, "memory pages retired for uncorrected errors"));

  const std::int64_t throttle = now.throttle_reasons.value_or(0);
  if ((throttle & kPowerBrake) != 0)
    add(FaultReason::power_brake, Severity::doubt, "its power supply holds its clocks down");
  else if ((throttle & (kHardwareThermal | kHardwareSlowdown)) != 0)
    add(FaultReason::thermal_slowdown, Severity::doubt,
        "the hardware holds its clocks down" +
            (now.temperature_celsius
                 ? " at " + std::to_string(static_cast<int>(*now.temperature_celsius)) + " °C"
                 : std::string{}));

  if (now.nvlinks_active) {
    std::int64_t& most = node.most_links[subject.gpu];
    if (*now.nvlinks_active < most)
      add(FaultReason::nvlink_down, Severity::drain,
          number(*now.nvlinks_active, "of its NVLinks are up, of ") + std::to_string(most) +
              " that were");
    most = std::max(most, *now.nvlinks_active);
  }
  const auto link_errors = growth(before.nvlink_errors, now.nvlink_errors);
  if (link_errors >= limits_.nvlink_errors_per_look)
    add(FaultReason::nvlink_errors, Severity::doubt,
        number(link_errors, "errors of its NVLinks since the last look"));
}

std::vector<HealthEvent> SampleJudge::judge(const protocol::NodeSample& sample,
                                            const std::vector<std::string>& given) {
  Node& node = nodes_[sample.node];
  const Subject whole{sample.node};
  std::vector<HealthEvent> events;
  std::vector<std::string> faulty;
  const auto take = [&](Evidence evidence) {
    if (evidence.severity != Severity::note) faulty.push_back(evidence.subject.gpu);
    events.emplace_back(std::move(evidence));
  };

  for (const auto& xid : sample.xids) {
    const Severity severity = severity_of_xid(xid);
    const auto reason =
        severity == Severity::note ? FaultReason::user_xid : FaultReason::hardware_xid;
    // An address of which nothing is known is told of the node, and blames none of its GPUs.
    const bool known = !xid.uuid.empty() && node.gpus.contains(xid.uuid);
    take({known ? Subject{sample.node, xid.uuid} : whole, known ? reason : FaultReason::user_xid,
          known ? severity : Severity::note, xid.text});
  }

  if (sample.driver == DriverState::hang && !node.gpus.empty())
    take({whole, FaultReason::driver_hang, Severity::exclude, sample.driver_text});
  else if (sample.driver != DriverState::ok && !node.gpus.empty())
    take({whole, FaultReason::driver_failed, Severity::drain,
          sample.driver_text.empty() ? "there is no nvidia-smi any more" : sample.driver_text});
  else
    events.emplace_back(SeenWell{whole});

  if (sample.driver == DriverState::ok) {
    for (const auto& [uuid, last] : node.gpus)
      if (std::ranges::find(sample.gpus, uuid, &GpuSample::uuid) == sample.gpus.end())
        take({{sample.node, uuid},
              FaultReason::gpu_missing,
              Severity::gone,
              "nvidia-smi does not list it any more"});
    for (const GpuSample& gpu : sample.gpus) {
      const Subject subject{sample.node, gpu.uuid};
      const auto last = node.gpus.find(gpu.uuid);
      std::vector<Evidence> found;
      judge_gpu(subject, last == node.gpus.end() ? GpuSample{} : last->second, gpu, node, found);
      for (Evidence& evidence : found) take(std::move(evidence));
      if (std::ranges::find(faulty, gpu.uuid) == faulty.end())
        events.emplace_back(SeenWell{subject});
      // What was not told this time is still what it was.
      if (!gpu.lost && gpu.unreadable_fields < limits_.unreadable_fields) node.gpus[gpu.uuid] = gpu;

      if (std::ranges::find(given, gpu.uuid) == given.end()) continue;
      const auto stranger = std::ranges::find_if(
          gpu.processes, [](const auto& process) { return !process.attempt.has_value(); });
      if (stranger == gpu.processes.end()) {
        node.strangers.erase(gpu.uuid);
      } else if (std::exchange(node.strangers[gpu.uuid], stranger->pid) != stranger->pid) {
        take({subject, FaultReason::unknown_process, Severity::note,
              "process " + std::to_string(stranger->pid) + " (" + stranger->name + ") of " +
                  (stranger->user.empty() ? "an unknown user" : stranger->user) +
                  " uses it beside the job that holds it"});
      }
    }
  }

  for (const auto& test : sample.self_tests)
    events.emplace_back(SelfTestEnded{{sample.node, test.uuid}, test.passed, test.text});
  return events;
}

}  // namespace galley::cluster
