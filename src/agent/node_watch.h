#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/shareable_gpus.h"
#include "base/clock.h"
#include "base/result.h"
#include "cluster/gpu.h"
#include "cluster/host.h"
#include "cluster/inventory.h"
#include "cluster/topology_file.h"
#include "protocol/records.h"

namespace galley::agent {

struct NodeWatchOptions {
  NodeId id;
  std::string name;                   // empty: the host's
  std::filesystem::path data_folder;  // whose disk counts
  cluster::GpuProbeOptions gpu_probe{};
  Millis gpu_interval{10'000};  // a look wakes the driver, so not at every heartbeat
  /// Instead of the probe's own look, once the inventory is taken.
  std::function<cluster::GpuReport()> look{};
  std::optional<cluster::TopologyFile> topology{};  // instead of discovery
  ShareableGpus shareable_gpus{};
};

/// Keeps the picture of this machine. GPUs are looked at on a thread of their own, since a driver
/// in trouble hangs whoever asks it; a GPU that was seen once stays in the record, out of service
/// while it is not seen. sample() by one thread, the rest by any. Destroying it may wait for one
/// look.
class NodeWatch {
 public:
  /// Takes the inventory; blocks for at most twice the probe's timeout. Errors: an unreadable
  /// /proc; a stated topology that says nothing of this node or another number of GPUs; shareable
  /// GPUs that it does not have.
  static Result<std::unique_ptr<NodeWatch>> start(NodeWatchOptions options);
  ~NodeWatch();

  /// The load now, and what the last look at the GPUs gave. Costs 0.1 ms.
  protocol::NodeRecord sample();
  /// What the last sample gave.
  protocol::NodeRecord node() const;

 private:
  explicit NodeWatch(NodeWatchOptions options);
  Status take_stated(const cluster::GpuReport& gpus);
  void take_gpus(const cluster::GpuReport& report);
  void take_topology(const cluster::TopologyReport& report);
  void watch_gpus();
  /// The driver's numbers of the devices in the record, when there are more than their cells know.
  std::optional<std::vector<int>> devices_without_cells() const;

  const NodeWatchOptions options_;
  cluster::HostSampler host_;
  cluster::GpuProbe probe_;  // of the GPU thread, once that runs
  cluster::StatedNode stated_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable stop_wanted_;
  bool stopping_ = false;
  protocol::NodeRecord record_;
  std::vector<std::string> gpu_notes_;
  std::size_t devices_in_cells_ = 0;
  std::string topology_note_;

  std::thread gpu_thread_;
};

/// Brings known devices up to date with a look at the GPUs; answers what an operator should know.
/// Pure.
std::vector<std::string> update_devices(std::vector<protocol::DeviceRecord>& devices,
                                        const cluster::GpuReport& report,
                                        const ShareableGpus& shareable = {});

/// The cells of a node with that many devices: the stated ones where they fit, else what the look
/// gave. Puts what an operator should know into the note. Pure.
std::optional<protocol::TopologyRecord> choose_topology(const cluster::StatedNode& stated,
                                                        std::string_view node, int device_count,
                                                        const cluster::TopologyReport& report,
                                                        std::string& note);

}  // namespace galley::agent
