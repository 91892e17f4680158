#include "trace_builder.h"

#include <algorithm>

namespace galley::simulation {
namespace {

constexpr std::size_t kMostTeams = 10'000;

}  // namespace

Status TraceBuilder::add(Job job, std::string_view team) {
  auto found = teams_.find(team);
  if (found == teams_.end()) {
    if (teams_.size() == kMostTeams)
      return Error{Errc::invalid_argument, trace_.name + " names more than 10000 teams"};
    found = teams_.emplace(std::string(team), static_cast<TeamIndex>(teams_.size())).first;
  }
  job.team = found->second;
  trace_.jobs.push_back(std::move(job));
  return ok();
}

Status TraceBuilder::add(const Job& job, std::string_view team, const CsvRow& row) {
  if (add(job, team)) return ok();
  return row.wrong("team", "is one more than 10000 teams", "the names of teams");
}

Trace TraceBuilder::finish() {
  // Teams are numbered as their names sort, so that the order of rows does not matter.
  std::vector<TeamIndex> sorted(teams_.size());
  for (const auto& [name, index] : teams_) {
    sorted[static_cast<std::size_t>(index)] = static_cast<TeamIndex>(trace_.teams.size());
    trace_.teams.push_back(name);
  }
  for (Job& job : trace_.jobs) job.team = sorted[static_cast<std::size_t>(job.team)];
  std::ranges::stable_sort(trace_.jobs, {}, &Job::submit);
  return std::move(trace_);
}

}  // namespace galley::simulation
