#include "queue.h"

#include <algorithm>
#include <cmath>

namespace galley::scheduler {
namespace {

std::size_t class_of(const Job& job) { return static_cast<std::size_t>(job.spec.priority_class); }

}  // namespace

int JobQueue::band_of(const Job& job) {
  if (!job.spec.runtime) return kBands - 1;
  const double minutes = static_cast<double>(job.spec.runtime->typical.count()) / 60e3;
  return std::clamp(static_cast<int>(std::log2(std::max(minutes, 1.0)) / 2), 0, kBands - 1);
}

JobQueue::Entry JobQueue::entry_of(JobIndex index, const Job& job) {
  return {job.spec.seq, index, band_of(job), !job.has_private_cluster, job.spec.queued_at};
}

void JobQueue::add(JobIndex index, const Job& job) {
  Class& one = classes_[class_of(job)];
  const Entry entry = entry_of(index, job);
  if (job.is_gang) one.gangs[job.signature].insert(entry);
  if (job.needs_nodes && !job.is_gang && !job.has_private_cluster) one.whole_nodes.insert(entry);
  one.by_team[job.team][job.signature].insert(entry);
}

void JobQueue::remove(JobIndex index, const Job& job) {
  Class& one = classes_[class_of(job)];
  const Entry entry = entry_of(index, job);
  const auto erase = [&](Lines& lines) {
    const auto found = lines.find(job.signature);
    if (found == lines.end()) return false;
    const bool erased = found->second.erase(entry) > 0;
    if (found->second.empty()) lines.erase(found);
    return erased;
  };
  const auto team = one.by_team.find(job.team);
  if (team == one.by_team.end() || !erase(team->second)) return;
  erase(one.gangs);
  one.whole_nodes.erase(entry);
  if (team->second.empty()) one.by_team.erase(team);
}

std::optional<JobIndex> JobQueue::oldest_for_a_node(protocol::PriorityClass priority_class) const {
  const Line& line = classes_[static_cast<std::size_t>(priority_class)].whole_nodes;
  if (line.empty()) return std::nullopt;
  return line.begin()->job;
}

std::int64_t JobQueue::ahead(const Job& job) const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i <= class_of(job); ++i)
    for (const auto& [team, lines] : classes_[i].by_team)
      for (const auto& [signature, line] : lines)
        for (const Entry& entry : line)
          if (i < class_of(job) || entry.seq < job.spec.seq) ++count;
  return count;
}

QueueWalk::QueueWalk(const JobQueue& queue, const FairShare& shares, Aging aging)
    : queue_(queue), shares_(shares), aging_(aging) {}

int QueueWalk::band_of(const JobQueue::Entry& entry) const {
  if (!entry.is_lifted || lifts_ended_[static_cast<std::size_t>(entry.band)]) return entry.band;
  return std::max(0, entry.band - static_cast<int>((aging_.now - entry.queued_at) / aging_.limit));
}

QueueWalk::Head QueueWalk::head_of(Signature signature, Cursor cursor, By by) const {
  const JobQueue::Entry& entry = *cursor.second;
  return {by == By::band ? band_of(entry) : 0, entry.band, entry.seq, entry.job, signature, cursor};
}

QueueWalk::Heads QueueWalk::heads_of(const JobQueue::Lines& lines, By by) const {
  std::vector<Head> heads;
  heads.reserve(lines.size());
  for (const auto& [signature, line] : lines)
    heads.push_back(head_of(signature, {&line, line.begin()}, by));
  return Heads(std::greater<>{}, std::move(heads));
}

void QueueWalk::tidy(Heads& heads) const {
  while (!heads.empty()) {
    const Head& top = heads.top();
    const bool skipped = skipped_.contains(top.signature);
    if (!skipped && (top.band == top.own || !lifts_ended_[static_cast<std::size_t>(top.own)]))
      return;
    const Head moved = head_of(top.signature, top.cursor, By::band);
    heads.pop();
    if (!skipped) heads.push(moved);
  }
}

std::optional<QueueWalk::Head> QueueWalk::pop(Heads& heads, By by) {
  if (by == By::band) tidy(heads);
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    if (skipped_.contains(head.signature)) continue;
    Cursor cursor = head.cursor;
    if (++cursor.second != cursor.first->end()) heads.push(head_of(head.signature, cursor, by));
    return head;
  }
  return std::nullopt;
}

void QueueWalk::open_class() {
  const auto& one = queue_.classes_[class_];
  class_open_ = true;
  in_aged_ = true;
  aged_heads_ = heads_of(one.gangs, By::acceptance);
  team_heads_.clear();
  teams_ = {};
  for (const auto& [team, lines] : one.by_team) {
    team_heads_.emplace(team, heads_of(lines, By::band));
    push_team(team);
  }
}

void QueueWalk::push_team(std::size_t team) {
  Heads& heads = team_heads_.at(team);
  tidy(heads);
  if (!heads.empty()) teams_.push({heads.top().band, claim_of(team), shares_.name(team), team});
}

double QueueWalk::claim_of(std::size_t team) const {
  const auto charged = charged_.find(team);
  return shares_.claim(team, aging_.now) + (charged == charged_.end() ? 0 : charged->second);
}

std::optional<JobIndex> QueueWalk::next() {
  for (; class_ < JobQueue::kClasses; ++class_, class_open_ = false) {
    if (!class_open_) open_class();
    while (in_aged_ && !aged_ended_) {
      const auto head = pop(aged_heads_, By::acceptance);
      // Acceptance orders ages too: the first that is not past the limit ends this part.
      if (!head || !old_enough(*head->cursor.second)) {
        in_aged_ = false;
      } else {
        seen_by_age_.insert(head->job);
        return head->job;
      }
    }
    while (!teams_.empty()) {
      const TeamLine line = teams_.top();
      teams_.pop();
      Heads& heads = team_heads_.at(line.team);
      tidy(heads);
      const bool stale =
          heads.empty() || heads.top().band != line.band || claim_of(line.team) > line.claim;
      if (stale) {  // it was given something, or its first job was left out
        push_team(line.team);
        continue;
      }
      const auto head = pop(heads, By::band);
      push_team(line.team);
      if (seen_by_age_.contains(head->job)) continue;
      return head->job;
    }
  }
  return std::nullopt;
}

void QueueWalk::charge(std::size_t team, double gpu_seconds) {
  charged_[team] += gpu_seconds / shares_.weight(team);
}

}  // namespace galley::scheduler
