#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "cluster/host.h"
#include "protocol/samples.h"

namespace galley::agent {

/// Bytes that went in and out since the machine started.
struct TrafficTotals {
  std::int64_t in_bytes = 0;
  std::int64_t out_bytes = 0;
};
/// /proc/diskstats: whole disks, no partitions, loops, RAM disks or mapped devices. Pure.
std::optional<TrafficTotals> parse_diskstats(std::string_view text);
/// /proc/net/dev: physical and bonded interfaces count once; lo, bridges and containers' ends do
/// not. Pure.
std::optional<TrafficTotals> parse_net_dev(std::string_view text);

/// Samples this machine. Not thread-safe. A sample costs 0.2 ms.
class HostMonitor {
 public:
  explicit HostMonitor(std::filesystem::path data_folder) : sampler_(std::move(data_folder)) {}
  /// What cannot be read is absent.
  protocol::HostSample sample();

 private:
  cluster::HostSampler sampler_;
};

}  // namespace galley::agent
