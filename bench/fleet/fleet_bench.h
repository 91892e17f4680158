#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct FleetBenchOptions {
  std::filesystem::path programs;  // the folder of galley
  std::int64_t agents = 1'000;
  std::int64_t seconds = 10;      // of the measurement
  std::int64_t jobs_per_s = 10;   // submitted meanwhile
  std::int64_t reads_per_s = 40;  // other requests of people meanwhile
};

/// `galley bench fleet`: one `galley controller` process with a thousand agents of eight GPUs at
/// one heartbeat a second, while people submit and look. The agents are simulated in this process
/// and share the machine's cores with the controller.
///
/// Figures: controller_cores (its processor time over the time of the measurement), api_p99_ms (of
/// people's requests), assign_p99_ms (from the decision, as the attempt's record says, to the
/// arrival at the agent), heartbeat_p99_ms, heartbeats_per_s, rss_mib (at the end), failures
/// (answers of 400 and more to agents).
Result<BenchReport> run_fleet_bench(const FleetBenchOptions& options);

}  // namespace galley::bench
