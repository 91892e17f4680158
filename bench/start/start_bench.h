#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct StartBenchOptions {
  std::filesystem::path programs;  // the folder of galley and galley-job
  std::int64_t rounds = 10;
};

/// `galley bench start`: figures first_answer_ms (median; from before the fork of `galley up` on a
/// folder that does not exist to the first 200 of GET /healthz), first_answer_existing_ms (the same
/// on that folder once more), first_answer_ms_max (over both), idle_rss_mib (resident memory two
/// seconds after the start), binary_bytes.
Result<BenchReport> run_start_bench(const StartBenchOptions& options);

}  // namespace galley::bench
