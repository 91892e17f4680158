#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct SubmitBenchOptions {
  std::filesystem::path programs;  // the folder of galley and galley-job
  bool on_postgresql = false;      // a PostgreSQL of its own instead of SQLite
  std::int64_t clients = 8;        // threads, each with one kept connection
  std::int64_t rounds = 3;
  std::int64_t seconds = 3;    // of one measurement
  std::int64_t samples = 150;  // jobs of `true`, one after the other
};

/// `galley bench submit`: how fast jobs are accepted, each answer meaning that the job is on disk,
/// and how soon a small one is done. Client and server share the machine's cores.
///
/// Figures, medians over the rounds: durable_jobs_per_s (jobs that may not start yet, so that
/// nothing but acceptance runs), durable_jobs_per_s_while_running (jobs of `true`, executed at the
/// same time) and true_jobs_per_s_while_running (those that also ended); submit_p50_ms,
/// submit_p99_ms of one request among the first kind; true_job_p50_ms, true_job_p99_ms (from before
/// the request to the arrival of its "succeeded" event, one job at a time). The machine's own
/// limits of the same run: spawn_wait_ms (posix_spawn and wait for /bin/true), fdatasync_ms (4 KiB
/// appended), medians. On PostgreSQL the server is started for the run, with fsync, in the folder
/// for temporary files; it shares the cores too.
Result<BenchReport> run_submit_bench(const SubmitBenchOptions& options);

}  // namespace galley::bench
