#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "simulation/simulate.h"

namespace galley::simulation {

inline WallTime at_s(std::int64_t seconds) { return WallTime{Millis{seconds * 1000}}; }
inline Millis for_s(std::int64_t seconds) { return Millis{seconds * 1000}; }
inline std::int64_t to_s(Millis time) { return time.count() / 1000; }

struct Row {
  std::int64_t submit_s = 0;
  std::int64_t duration_s = 0;
  std::int32_t gpus = 1;
  std::string team = "a";
};

/// The trace that these rows of a table are; rows are in the order of submission.
inline Trace trace_of(const std::vector<Row>& rows) {
  Trace trace;
  trace.name = "rows";
  for (const Row& row : rows) trace.teams.push_back(row.team);
  std::ranges::sort(trace.teams);
  trace.teams.erase(std::ranges::unique(trace.teams).begin(), trace.teams.end());
  for (const Row& row : rows) {
    Job job;
    job.submit = at_s(row.submit_s);
    job.duration = for_s(row.duration_s);
    job.gpus = row.gpus;
    job.may_be_cut = true;
    job.team =
        static_cast<TeamIndex>(std::ranges::find(trace.teams, row.team) - trace.teams.begin());
    trace.jobs.push_back(job);
  }
  return trace;
}

struct Cells {
  std::string team;
  std::int64_t gpus = 0;
  std::int64_t count = 1;
};

inline Cluster cluster_of(const std::string& text, const std::vector<Cells>& cells = {}) {
  auto cluster = parse_cluster(text);
  GALLEY_CHECK(cluster.has_value(), "the test names a cluster");
  for (const Cells& cell : cells) {
    scheduler::Team team;
    team.name = cell.team;
    team.guarantees.push_back({.gpu_type = "", .gpus = cell.gpus, .count = cell.count});
    cluster->teams.push_back(team);
  }
  return *cluster;
}

inline Workload workload_of(const std::vector<Row>& rows, const Cluster& cluster) {
  auto workload = prepare(trace_of(rows), cluster);
  GALLEY_CHECK(workload.has_value(), "the test's jobs fit");
  return *std::move(workload);
}

inline Outcome run(const Workload& workload, std::string_view policy) {
  auto made = make_policy(policy, workload);
  GALLEY_CHECK(made.has_value(), "the test names a policy");
  auto outcome = replay(workload, **made);
  if (!outcome) std::fprintf(stderr, "%s\n", outcome.error().message.c_str());
  GALLEY_CHECK(outcome.has_value(), "the replay ends");
  return *std::move(outcome);
}

/// Seconds of every job's first start; -1 where it was refused.
inline std::vector<std::int64_t> starts_of(const Outcome& outcome) {
  std::vector<std::int64_t> starts;
  for (const JobOutcome& job : outcome.jobs)
    starts.push_back(job.refused ? -1 : to_ms(job.first_start) / 1000);
  return starts;
}

}  // namespace galley::simulation
