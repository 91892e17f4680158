#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace galley::bench {

/// What logging through the server costs. Eight clients send batches of 1,000 points, 200 after the
/// commit, of 1, 50 and 1,000 metrics:
///   points_per_cpu_s           points over the server's processor seconds, at 50 metrics: the
///                              process's less those of the clients' threads, and until all
///                              points lie in their series' chunks; median of rounds
///   points_per_cpu_s_1_metric, points_per_cpu_s_1000_metrics, points_per_s (at 50)
///   postgres_points_per_cpu_s  the same on PostgreSQL, whose own processes are not the server's;
///                              absent where none is installed
/// Then 200 clients each log a single metric five times a second, on a timetable:
///   log_metric_p50_ms, log_metric_p99_ms  from the time of the table to the answer
///   commit_ms_p50, commit_ms_p99          of one row written alone, in the same minute: the disk
Result<std::map<std::string, double>> measure_ingest();

}  // namespace galley::bench
