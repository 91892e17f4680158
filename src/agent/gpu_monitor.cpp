#include "gpu_monitor.h"

#include <algorithm>

#include "job_monitor.h"

namespace galley::agent {
namespace {

using protocol::DriverState;
using protocol::GpuSample;

cluster::GpuDevice device_of(const GpuSample& gpu) {
  cluster::GpuDevice device;
  device.index = static_cast<int>(gpu.index);
  device.uuid = gpu.uuid;
  device.name = gpu.model;
  device.memory_total_bytes = gpu.memory_total_bytes.value_or(0);
  device.memory_used_bytes = gpu.memory_used_bytes;
  device.utilization_ratio = gpu.utilization_ratio;
  device.temperature_celsius = gpu.temperature_celsius;
  device.power_watts = gpu.power_watts;
  device.ecc_errors_uncorrected = gpu.ecc_uncorrected_volatile;
  return device;
}

}  // namespace

GpuMonitor::GpuMonitor(GpuMonitorOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      host_(options_.data_folder),
      sampler_(cluster::run_smi_program(options_.smi_program), clock, options_.sampler),
      kernel_log_(options_.kernel_log, options_.data_folder / "kernel_log.position") {}

Result<std::unique_ptr<GpuMonitor>> GpuMonitor::open(GpuMonitorOptions options,
                                                     const Clock& clock) {
  auto monitor = std::unique_ptr<GpuMonitor>(new GpuMonitor(std::move(options), clock));
  GALLEY_TRY(monitor->self_tests_, SelfTests::start(monitor->options_.self_tests));
  return monitor;
}

/// Whose processes hold memory, and how much of it each job has.
void GpuMonitor::add_owners(protocol::NodeSample& sample) const {
  const auto attempts = options_.data_folder / "attempts";
  JobUse use = look_at_jobs(attempts);
  for (GpuSample& gpu : sample.gpus)
    for (protocol::GpuProcess& process : gpu.processes) {
      const auto owner = use.attempt_of_pid.find(process.pid);
      if (owner != use.attempt_of_pid.end())
        process.attempt = owner->second;
      else
        process.attempt = attempt_of_process(process.pid, attempts);
      process.user = user_of_process(process.pid);
      if (!process.attempt) continue;
      const auto job = std::ranges::find(use.jobs, *process.attempt, &protocol::JobSample::attempt);
      if (job != use.jobs.end()) job->gpu_used_bytes += process.gpu_used_bytes.value_or(0);
    }
  sample.jobs = std::move(use.jobs);
}

void GpuMonitor::add_xids(protocol::NodeSample& sample) {
  for (const GpuSample& gpu : sample.gpus)
    if (!gpu.pci_bus_id.empty()) uuid_at_[gpu.pci_bus_id] = gpu.uuid;
  sample.xids = kernel_log_.read();
  for (protocol::XidEvent& event : sample.xids) {
    const auto gpu = uuid_at_.find(event.pci_bus_id);
    if (gpu == uuid_at_.end()) continue;
    event.uuid = gpu->second;
    last_xid_[event.uuid] = event.xid;
  }
  for (GpuSample& gpu : sample.gpus)
    if (const auto last = last_xid_.find(gpu.uuid); last != last_xid_.end())
      gpu.last_xid = last->second;
}

GpuMonitor::Taken GpuMonitor::take() {
  Taken taken;
  protocol::NodeSample& sample = taken.sample;
  auto look = sampler_.look();
  sample.node = options_.node;
  sample.at = clock_.wall();
  sample.driver = look.driver;
  sample.driver_text = std::move(look.driver_text);
  sample.gpus = std::move(look.gpus);
  sample.host = host_.sample();
  add_owners(sample);
  add_xids(sample);
  sample.self_tests = self_tests_->take_results();

  if (sample.driver == DriverState::ok) {
    last_devices_.clear();
    // A GPU that cannot be reached is one that is not there any more.
    for (const GpuSample& gpu : sample.gpus)
      if (!gpu.lost && gpu.memory_total_bytes) last_devices_.push_back(device_of(gpu));
  } else if (sample.driver != DriverState::absent) {
    taken.inventory.stale = true;
    taken.inventory.error = Error{Errc::unavailable, sample.driver_text};
  }
  taken.inventory.devices = last_devices_;
  return taken;
}

}  // namespace galley::agent
