#include "node_watch.h"

#include <algorithm>
#include <cmath>

#include "cluster/inventory.h"

namespace galley::agent {
namespace {

protocol::DeviceRecord record_of(const cluster::GpuDevice& gpu) {
  protocol::DeviceRecord device;
  device.id = gpu.uuid;
  device.index = gpu.index;
  device.model = gpu.name;
  device.memory_bytes = gpu.memory_total_bytes;
  return device;
}

}  // namespace

std::vector<std::string> update_devices(std::vector<protocol::DeviceRecord>& devices,
                                        const cluster::GpuReport& report) {
  std::vector<std::string> notes;
  if (report.error) notes.push_back(describe(*report.error));
  // A look that failed says nothing about any one device.
  if (report.stale) return notes;
  for (auto& device : devices) {
    if (std::ranges::find(report.devices, device.id, &cluster::GpuDevice::uuid) !=
        report.devices.end())
      continue;
    device.state = "out_of_service";
    device.reason = "nvidia-smi no longer lists it";
    notes.push_back("GPU " + device.id + ": " + device.reason);
  }
  for (const cluster::GpuDevice& gpu : report.devices) {
    const auto known = std::ranges::find(devices, gpu.uuid, &protocol::DeviceRecord::id);
    if (known == devices.end())
      devices.push_back(record_of(gpu));
    else
      *known = record_of(gpu);
    if (const auto errors = gpu.ecc_errors_uncorrected.value_or(0); errors > 0)
      notes.push_back("GPU " + gpu.uuid + ": " + std::to_string(errors) +
                      " uncorrected memory errors");
  }
  return notes;
}

NodeWatch::NodeWatch(NodeWatchOptions options)
    : options_(std::move(options)), host_(options_.data_folder), probe_(options_.gpu_probe) {}

Result<std::unique_ptr<NodeWatch>> NodeWatch::start(NodeWatchOptions options) {
  auto watch = std::unique_ptr<NodeWatch>(new NodeWatch(std::move(options)));
  GALLEY_TRY(const cluster::Inventory inventory, cluster::take_inventory(watch->probe_));
  protocol::NodeRecord& record = watch->record_;
  record.id = watch->options_.id;
  record.name = watch->options_.name.empty() ? inventory.host.hostname : watch->options_.name;
  // A fraction of a processor is nothing that a job can ask for; the last one is.
  record.cpus = std::max<std::int64_t>(1, static_cast<std::int64_t>(inventory.host.cpus));
  record.memory_bytes = inventory.host.memory_bytes;
  watch->take_gpus(inventory.gpus);
  (void)watch->sample();
  watch->gpu_thread_ = std::thread([w = watch.get()] { w->watch_gpus(); });
  return watch;
}

NodeWatch::~NodeWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_wanted_.notify_one();
  if (gpu_thread_.joinable()) gpu_thread_.join();
}

void NodeWatch::watch_gpus() {
  std::unique_lock lock(mutex_);
  while (!stop_wanted_.wait_for(lock, options_.gpu_interval, [&] { return stopping_; })) {
    lock.unlock();
    const cluster::GpuReport& report = probe_.look();
    take_gpus(report);
    lock.lock();
  }
}

void NodeWatch::take_gpus(const cluster::GpuReport& report) {
  const std::lock_guard lock(mutex_);
  gpu_notes_ = update_devices(record_.devices, report);
}

protocol::NodeRecord NodeWatch::sample() {
  const auto sample = host_.sample();
  const std::lock_guard lock(mutex_);
  record_.notes = gpu_notes_;
  if (sample) {
    record_.load_1m = sample->load.minutes1;
    record_.cpu_used_ratio = sample->cpu_busy_ratio.value_or(0);
    record_.memory_used_bytes = sample->memory.total_bytes - sample->memory.available_bytes;
    record_.disk_free_bytes = sample->disk_free_bytes;
  } else {
    record_.notes.push_back(describe(sample.error()));
  }
  return record_;
}

protocol::NodeRecord NodeWatch::node() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

}  // namespace galley::agent
