#include "node_watch.h"

#include <algorithm>
#include <cmath>

namespace galley::agent {
namespace {

constexpr const char* kOutOfService = "out_of_service";

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
                                        const cluster::GpuReport& report,
                                        const ShareableGpus& shareable) {
  std::vector<std::string> notes;
  if (report.error) notes.push_back(describe(*report.error));
  // A look that failed says nothing about any one device.
  if (report.stale) return notes;
  for (auto& device : devices) {
    if (std::ranges::find(report.devices, device.id, &cluster::GpuDevice::uuid) !=
        report.devices.end())
      continue;
    device.state = kOutOfService;
    device.reason = "nvidia-smi no longer lists it";
    notes.push_back("GPU " + device.id + ": " + device.reason);
  }
  for (const cluster::GpuDevice& gpu : report.devices) {
    const auto known = std::ranges::find(devices, gpu.uuid, &protocol::DeviceRecord::id);
    protocol::DeviceRecord device = record_of(gpu);
    // The driver's numbers may move while the node is up; an operator's mark stays on its GPU.
    device.shareable = known == devices.end() ? shareable.holds(gpu.index) : known->shareable;
    if (known == devices.end())
      devices.push_back(std::move(device));
    else
      *known = std::move(device);
    if (const auto errors = gpu.ecc_errors_uncorrected.value_or(0); errors > 0)
      notes.push_back("GPU " + gpu.uuid + ": " + std::to_string(errors) +
                      " uncorrected memory errors");
  }
  return notes;
}

std::optional<protocol::TopologyRecord> choose_topology(const cluster::StatedNode& stated,
                                                        std::string_view node, int device_count,
                                                        const cluster::TopologyReport& report,
                                                        std::string& note) {
  note.clear();
  const Status fits = check_device_count(stated, node, device_count);
  if (stated.tree && fits) return record_of(*stated.tree);
  if (!fits) note = describe(fits.error()) + "; its cells are discovered";
  if (report.error)
    note += (note.empty() ? "" : "; ") +
            std::string(report.tree ? "the cells of its GPUs are forged by halving: "
                                    : "its GPUs have no cells: ") +
            describe(*report.error);
  if (!report.tree) return std::nullopt;
  return record_of(*report.tree);
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
  GALLEY_TRY_STATUS(watch->take_stated(inventory.gpus));
  watch->take_gpus(inventory.gpus);
  watch->take_topology(inventory.topology);
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
  // Counted from the start of each look: one that hangs must not delay the next.
  Instant next = std::chrono::steady_clock::now();
  for (;;) {
    next = std::max(next + options_.gpu_interval, std::chrono::steady_clock::now());
    if (stop_wanted_.wait_until(lock, next, [&] { return stopping_; })) return;
    lock.unlock();
    take_gpus(options_.look ? options_.look() : probe_.look());
    if (const auto indices = devices_without_cells())
      take_topology(look_at_topology(probe_, *indices));
    lock.lock();
  }
}

void NodeWatch::take_gpus(const cluster::GpuReport& report) {
  const std::lock_guard lock(mutex_);
  gpu_notes_ = update_devices(record_.devices, report, options_.shareable_gpus);
}

Status NodeWatch::take_stated(const cluster::GpuReport& gpus) {
  if (options_.topology) {
    GALLEY_TRY(stated_, stated_node(*options_.topology, record_.name));
    record_.zone = stated_.zone;
  }
  // A driver that does not answer says nothing against what an operator states.
  if (gpus.error) return ok();
  GALLEY_TRY_STATUS(
      check_device_count(stated_, record_.name, static_cast<int>(gpus.devices.size())));
  for (const std::int64_t index : options_.shareable_gpus.indices)
    if (std::ranges::find(gpus.devices, index, &cluster::GpuDevice::index) == gpus.devices.end())
      return Error{Errc::invalid_argument,
                   "GPU " + std::to_string(index) + " cannot be shared: node '" + record_.name +
                       "' has " + std::to_string(gpus.devices.size()) +
                       " GPUs and none of this number",
                   "shareable-gpus", "numbers as nvidia-smi lists them"};
  return ok();
}

void NodeWatch::take_topology(const cluster::TopologyReport& report) {
  const std::lock_guard lock(mutex_);
  devices_in_cells_ = record_.devices.size();
  if (devices_in_cells_ == 0) return;
  record_.topology = choose_topology(stated_, record_.name, static_cast<int>(devices_in_cells_),
                                     report, topology_note_);
}

std::optional<std::vector<int>> NodeWatch::devices_without_cells() const {
  const std::lock_guard lock(mutex_);
  if (record_.devices.size() == devices_in_cells_) return std::nullopt;
  std::vector<int> indices;
  for (const protocol::DeviceRecord& device : record_.devices)
    indices.push_back(device.state == kOutOfService ? -1 : static_cast<int>(device.index));
  return indices;
}

protocol::NodeRecord NodeWatch::sample() {
  const auto sample = host_.sample();
  const std::lock_guard lock(mutex_);
  record_.notes = gpu_notes_;
  if (!topology_note_.empty()) record_.notes.push_back(topology_note_);
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
