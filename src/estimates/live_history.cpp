#include "live_history.h"

#include <algorithm>
#include <array>

#include "controller/controller.h"
#include "tracking/tracking.h"

namespace galley::estimates {
namespace {

constexpr std::int64_t kEarlierRuns = 16;
constexpr std::size_t kMostPrograms = 256;
constexpr std::size_t kReplayedPoints = 2'000;

void note_run(LiveHistory& history, const estimator::EtaProfile& profile) {
  if (profile.checkpoints.empty()) return;
  history.runs.add(profile);
  history.totals.push_back(profile.total_progress);
  constexpr std::size_t kNewest = 16;
  if (history.totals.size() > kNewest) history.totals.erase(history.totals.begin());
  auto sorted = history.totals;
  std::ranges::sort(sorted);
  history.usual_total = sorted[sorted.size() / 2];
}

bool says_progress(std::string_view key) {
  constexpr std::array<std::string_view, 4> kNames{"step", "epoch", "total_steps", "total_epochs"};
  constexpr std::string_view kByAgent = "log/";
  if (key.starts_with(kByAgent)) key.remove_prefix(kByAgent.size());
  return std::ranges::find(kNames, key) != kNames.end();
}

}  // namespace

std::string program_of(const protocol::JobRecord& job) {
  std::string program = job.team + "\n" + job.name;
  for (const std::string& word : job.spec.command) {
    if (word.starts_with('-')) break;
    program += "\n" + word;
  }
  return program;
}

Status replay_run(const tracking::Tracking& tracking, const RunId& id, LiveRun& run) {
  GALLEY_TRY(const auto series, tracking.series(id));
  // Of all the metrics that have steps, the longest of each source tells best how far it was.
  std::array<const tracking::SeriesSummary*, 2> longest{};
  std::vector<const tracking::SeriesSummary*> wanted;
  for (const auto& one : series) {
    if (says_progress(one.key)) {
      wanted.push_back(&one);
      continue;
    }
    auto& best = longest[one.key.starts_with("log/") ? 1 : 0];
    if (best == nullptr || one.count > best->count) best = &one;
  }
  for (const auto* one : longest)
    if (one != nullptr) wanted.push_back(one);
  std::vector<tracking::MetricPoint> points;
  for (const auto* one : wanted) {
    GALLEY_TRY(const auto values, tracking.points(id, one->key, kReplayedPoints));
    for (const auto& value : values)
      points.push_back({one->key, value.step, value.value, value.at_ms});
  }
  std::ranges::stable_sort(points, {}, &tracking::MetricPoint::at_ms);
  run.add(points);
  return ok();
}

std::shared_ptr<LiveHistory> LiveHistories::read(const protocol::JobRecord& job,
                                                 const std::string& program) {
  auto history = std::make_shared<LiveHistory>();
  auto page = controller_.jobs({.where_sql = "state = 'succeeded' and team = :1 and name = :2",
                                .where_parameters = {job.team, job.name},
                                .limit = kEarlierRuns});
  if (!page) return history;
  std::ranges::reverse(page->jobs);
  for (const auto& earlier : page->jobs) {
    if (program_of(earlier) != program || !earlier.started_at || !earlier.finished_at) continue;
    LiveRun run(*earlier.started_at, {}, std::nullopt);
    if (!replay_run(tracking_, earlier.run_id, run)) continue;
    run.finish(*earlier.finished_at);
    note_run(*history, run.profile());
  }
  return history;
}

std::shared_ptr<const LiveHistory> LiveHistories::of(const protocol::JobRecord& job) {
  const std::string program = program_of(job);
  const auto known = programs_.find(program);
  if (known != programs_.end()) return known->second;
  if (programs_.size() >= kMostPrograms) programs_.erase(programs_.begin());
  return programs_[program] = read(job, program);
}

void LiveHistories::add(const protocol::JobRecord& job, const estimator::EtaProfile& profile) {
  const auto known = programs_.find(program_of(job));
  if (known == programs_.end()) return;  // it is read when it is asked for
  // Others may be reading the one that there is.
  auto grown = std::make_shared<LiveHistory>(*known->second);
  note_run(*grown, profile);
  known->second = std::move(grown);
}

}  // namespace galley::estimates
