#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct AgentBenchOptions {
  std::filesystem::path programs;  // the folder of galley and galley-job
  std::int64_t seconds = 60;       // of the measurement; at least one look at the GPUs
};

/// `galley bench agent`: what `galley agent` takes from a machine of eight GPUs, of which it looks
/// every 5 s, while it runs nothing, and afterwards what is left of ten jobs that told metrics and
/// registered a file of 64 MiB.
///
/// Figures: idle_rss_mib, after_jobs_rss_mib, agent_core_pct (processor time of the agent while it
/// runs nothing, of one core), smi_core_pct (of what it starts, which is a stand-in for nvidia-smi
/// and no measure of the real one).
Result<BenchReport> run_agent_bench(const AgentBenchOptions& options);

}  // namespace galley::bench
