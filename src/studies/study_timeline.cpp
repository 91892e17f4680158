// Pools and GPUs over a study's life.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "shelf.h"
#include "studies/study_charts.h"

namespace galley::studies {
namespace {

constexpr std::size_t kMostTimelineSteps = 500;
constexpr std::int64_t kMostAttempts = 200'000;  // the newest; a study of a year has fewer

/// A change of how many GPUs a kind of work holds.
struct Change {
  std::int64_t at_ms = 0;
  int kind = 0;  // 0: this study, 1: other studies, 2: people
  double gpus = 0;
};

/// The attempts with GPUs that ran between the two times.
Result<std::vector<Change>> read_changes(store::Transaction& transaction, const StudyId& study,
                                         std::int64_t from_ms, std::int64_t to_ms) {
  constexpr std::string_view kAttempts =
      "select a.created_ms, a.finished_ms, a.gpu_milli, coalesce(s.study_id, '') from attempts a"
      " left join (select job_id, min(study_id) as study_id from study_jobs group by job_id) s"
      " on s.job_id = a.job_id where a.gpu_milli > 0 and a.created_ms < :1 and {}"
      " order by a.created_ms desc limit :2";
  // By parts, so that each finds its index.
  const std::vector<std::pair<std::string_view, std::vector<store::Value>>> parts{
      {"a.state in ('starting', 'running')", {to_ms, kMostAttempts}},
      {"a.finished_ms is not null and a.finished_ms > :3", {to_ms, kMostAttempts, from_ms}}};
  std::vector<Change> changes;
  for (const auto& [where, parameters] : parts) {
    GALLEY_TRY(const auto rows,
               transaction.query(fmt::format(fmt::runtime(kAttempts), where), parameters));
    for (const auto& row : rows) {
      const std::string owner = row.text(3);
      Change change{.at_ms = std::max(row.integer(0), from_ms),
                    .kind = owner == study.str() ? 0
                            : owner.empty()      ? 2
                                                 : 1,
                    .gpus = static_cast<double>(row.integer(2)) / 1000};
      changes.push_back(change);
      if (row.is_null(1) || row.integer(1) >= to_ms) continue;
      change.at_ms = row.integer(1);
      change.gpus *= -1;
      changes.push_back(change);
    }
  }
  std::ranges::stable_sort(changes, {}, &Change::at_ms);
  return changes;
}

/// Means over equal stretches where there are more changes than a chart shows: what a stretch held
/// on average is what was used.
void add_share(StudyTimeline& line, const std::vector<Change>& changes, std::int64_t from_ms,
               std::int64_t to_ms) {
  double held[3] = {0, 0, 0};
  const auto push = [&](double at_s, const double(&gpus)[3]) {
    line.share_at_s.push_back(at_s);
    line.this_gpus.push_back(gpus[0]);
    line.tuning_gpus.push_back(gpus[1]);
    line.people_gpus.push_back(gpus[2]);
  };
  const auto seconds = [&](std::int64_t at_ms) {
    return static_cast<double>(at_ms - from_ms) / 1000;
  };
  if (changes.size() <= kMostTimelineSteps) {
    if (changes.empty() || changes.front().at_ms > from_ms) push(0, held);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      held[changes[i].kind] += changes[i].gpus;
      const bool is_last = i + 1 == changes.size() || changes[i + 1].at_ms > changes[i].at_ms;
      if (is_last) push(seconds(changes[i].at_ms), held);
    }
    return;
  }
  const double width = std::max(1.0, static_cast<double>(to_ms - from_ms) / kMostTimelineSteps);
  std::size_t next = 0;
  for (std::size_t step = 0; step < kMostTimelineSteps; ++step) {
    const double begin = static_cast<double>(from_ms) + width * static_cast<double>(step);
    const double end = begin + width;
    double area[3] = {0, 0, 0};
    double at = begin;
    while (next < changes.size() && static_cast<double>(changes[next].at_ms) < end) {
      const double until = std::max(at, static_cast<double>(changes[next].at_ms));
      for (int kind = 0; kind < 3; ++kind) area[kind] += held[kind] * (until - at);
      at = until;
      held[changes[next].kind] += changes[next].gpus;
      ++next;
    }
    for (int kind = 0; kind < 3; ++kind)
      area[kind] = (area[kind] + held[kind] * (end - at)) / width;
    push((begin - static_cast<double>(from_ms)) / 1000, area);
  }
}

void add_pools(StudyTimeline& line, const std::vector<PoolHistory::Point>& points) {
  const auto push = [&](const PoolHistory::Point& point) {
    line.at_s.push_back(point.at_s);
    line.live.push_back(point.pools.live);
    line.stop.push_back(point.pools.stop);
    line.dead.push_back(point.pools.dead);
    line.ended.push_back(point.pools.ended);
  };
  const std::size_t most = std::min(points.size(), kMostTimelineSteps);
  for (std::size_t i = 0; i < most; ++i)
    push(points[most < 2 ? i : i * (points.size() - 1) / (most - 1)]);
}

}  // namespace

Result<StudyTimeline> Studies::timeline(std::string_view name) const {
  GALLEY_TRY(const auto shelved, shelf().find(name));
  StudyTimeline line;
  StudyId id;
  {
    const std::lock_guard lock(shelved->mutex);
    GALLEY_TRY_STATUS(shelf().refresh(*shelved));
    id = shelved->record.id;
    line.began = shelved->record.created;
    line.until_s = shelved->record.ended
                       ? std::chrono::duration<double>(*shelved->record.ended - line.began).count()
                       : shelf().at_s(*shelved);
    add_pools(line, shelved->live->history().points());
  }
  const std::int64_t from_ms = to_ms(line.began);
  const std::int64_t until_ms = from_ms + static_cast<std::int64_t>(std::ceil(line.until_s * 1000));
  std::vector<Change> changes;
  GALLEY_TRY_STATUS(database().read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(changes, read_changes(transaction, id, from_ms, until_ms));
    return ok();
  }));
  add_share(line, changes, from_ms, until_ms);
  return line;
}

}  // namespace galley::studies
