#include "sampled_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galley::bench {
namespace {

constexpr std::int64_t kGib = std::int64_t{1} << 30;

protocol::GpuSample first_gpu(std::int64_t node, std::int64_t index) {
  protocol::GpuSample gpu;
  gpu.uuid = fmt::format("GPU-{:08x}-{:04x}-4c1d-9e57-{:012x}", node * 2'654'435'761 & 0xffffffff,
                         index, node * 1'000 + index);
  gpu.index = index;
  gpu.model = "NVIDIA H100 80GB HBM3";
  gpu.pci_bus_id = fmt::format("0000:{:02x}:00", 0x10 + index);
  gpu.temperature_celsius = 50;
  gpu.memory_temperature_celsius = 60;
  gpu.power_watts = 300;
  gpu.power_limit_watts = 700;
  gpu.memory_total_bytes = 80 * kGib;
  gpu.memory_used_bytes = 40 * kGib;
  gpu.utilization_ratio = 0.5;
  gpu.memory_utilization_ratio = 0.3;
  gpu.sm_clock_mhz = 1'980;
  gpu.memory_clock_mhz = 2'619;
  gpu.throttle_reasons = 0;
  gpu.performance_state = "P0";
  gpu.ecc_corrected_volatile = 0;
  gpu.ecc_uncorrected_volatile = 0;
  gpu.ecc_corrected_aggregate = index;
  gpu.ecc_uncorrected_aggregate = 0;
  gpu.remapped_rows_correctable = 0;
  gpu.remapped_rows_uncorrectable = 0;
  gpu.remapped_rows_pending = false;
  gpu.remapped_rows_failure = false;
  gpu.nvlinks_active = 18;
  gpu.nvlinks_total = 18;
  gpu.nvlink_errors = 0;
  return gpu;
}

}  // namespace

SampledFleet::SampledFleet(std::int64_t nodes, std::int64_t gpus_of_a_node, std::uint64_t seed)
    : random_(seed) {
  for (std::int64_t i = 0; i < nodes; ++i) {
    Node node{fmt::format("gpu{:05}", i), {}};
    node.sample.node = NodeId::trusted(fmt::format("node_{:026}", i));
    node.sample.driver = protocol::DriverState::ok;
    node.sample.host.cpu_busy_ratio = 0.3;
    node.sample.host.memory_total_bytes = 1'024 * kGib;
    node.sample.host.disk_total_bytes = 4'096 * kGib;
    node.sample.host.disk_read_bytes_since_start = 0;
    node.sample.host.disk_written_bytes_since_start = 0;
    node.sample.host.network_received_bytes_since_start = 0;
    node.sample.host.network_sent_bytes_since_start = 0;
    for (std::int64_t g = 0; g < gpus_of_a_node; ++g) node.sample.gpus.push_back(first_gpu(i, g));
    node.sample.jobs.push_back(
        {.attempt = AttemptId::trusted(fmt::format("att_{:026}", i)), .processes = 8});
    nodes_.push_back(std::move(node));
  }
}

const protocol::NodeSample& SampledFleet::next(std::size_t node) {
  protocol::NodeSample& sample = nodes_[node].sample;
  protocol::HostSample& host = sample.host;
  host.cpu_busy_ratio = std::clamp(*host.cpu_busy_ratio + noise(0.03), 0.0, 1.0);
  host.load_1m = *host.cpu_busy_ratio * 128;
  host.memory_used_bytes = static_cast<std::int64_t>((0.2 + 0.5 * *host.cpu_busy_ratio) * 1'024 *
                                                     static_cast<double>(kGib));
  host.disk_free_bytes = 2'000 * kGib + static_cast<std::int64_t>(noise(1e9));
  for (auto* counter :
       {&host.disk_read_bytes_since_start, &host.disk_written_bytes_since_start,
        &host.network_received_bytes_since_start, &host.network_sent_bytes_since_start})
    **counter += static_cast<std::int64_t>(std::abs(noise(1e9)));
  for (protocol::GpuSample& gpu : sample.gpus) {
    const bool moves = random_() % 400 == 0;  // a job comes or goes about twice an hour
    double used = *gpu.utilization_ratio;
    if (moves) used = random_() % 3 == 0 ? 0 : 0.9;
    if (used > 0) used = std::clamp(used + noise(0.04), 0.01, 1.0);
    gpu.utilization_ratio = std::round(used * 100) / 100;  // as nvidia-smi says it
    gpu.memory_utilization_ratio = std::round(used * 60) / 100;
    gpu.power_watts = std::round((80 + 600 * used + noise(4)) * 100) / 100;
    gpu.temperature_celsius = std::round(35 + 40 * used + noise(0.7));
    gpu.memory_temperature_celsius = *gpu.temperature_celsius + 10;
    gpu.sm_clock_mhz = used > 0.95 ? 1'965 : 1'980;
    if (moves)
      gpu.memory_used_bytes = static_cast<std::int64_t>(random_() % 80'000) * 1'024 * 1'024;
  }
  protocol::JobSample& job = sample.jobs.front();
  job.cpu_seconds += 40 + noise(3);
  job.rss_bytes = 200 * kGib + static_cast<std::int64_t>(noise(1e9));
  job.gpu_used_bytes = *sample.gpus.front().memory_used_bytes;
  return sample;
}

}  // namespace galley::bench
