#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct FailoverBenchOptions {
  std::filesystem::path programs;  // the folder of galley and galley-job
  std::int64_t faults = 20;
  std::string
      only;  // kind of all faults: kill, stop, database, partition or disk; empty: a mixture
  std::uint64_t seed = 1;
};

/// `galley bench failover`: three controllers on one PostgreSQL and two machines with pretended
/// GPUs under a steady load of jobs, and faults in a row: of twenty, twelve SIGKILL and four
/// SIGSTOP of the leader, two crashes of the database, one partition of the leader (by network
/// namespace) and one full disk of the database. Each begins when the one before has healed.
///
/// Figures, over all faults and for each kind (kill_…, stop_…, database_…, partition_…, disk_…):
/// first_accept_ms_max and _p50 (from the instant that the fault allows service again to the first
/// job that is accepted), first_placement_ms_max and _p50 (to the first start of a program that was
/// given its GPU after that instant),
/// lost_submits (accepted, and not in the database at the end), disturbed_jobs (long ones that are
/// no longer in their first attempt), double_allocations (GPUs on which two programs met).
/// Needs root, for the network namespaces. Errors: unavailable (a fault that did not heal in 30 s).
Result<BenchReport> run_failover_bench(const FailoverBenchOptions& options);

}  // namespace galley::bench
