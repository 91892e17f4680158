#include "scheduler/virtual_cluster.h"

#include <algorithm>

#include "base/result.h"

namespace galley::scheduler {
namespace {

bool allows(const VirtualMember& member, int chain) {
  return member.chains.empty() || std::ranges::find(member.chains, chain) != member.chains.end();
}

}  // namespace

/// Best fit: the cell with the fewest GPUs left that holds the member; ties to the lowest number.
std::optional<std::vector<std::size_t>> VirtualCluster::place(
    std::span<const VirtualMember> members, std::vector<Free>& free) const {
  std::vector<std::size_t> chosen;
  for (const VirtualMember& member : members) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < free.size(); ++i) {
      const Free& cell = free[i];
      if (cell.lost || cell.gpus < member.gpus || cell.cpu_milli < member.cpu_milli ||
          cell.memory_mib < member.memory_mib || !allows(member, cells_[i].chain))
        continue;
      if (!best || cell.gpus < free[*best].gpus) best = i;
    }
    if (!best) return std::nullopt;
    Free& cell = free[*best];
    cell.gpus -= member.gpus;
    cell.cpu_milli -= member.cpu_milli;
    cell.memory_mib -= member.memory_mib;
    chosen.push_back(*best);
  }
  return chosen;
}

VirtualCluster::VirtualCluster(std::vector<VirtualCell> cells) : cells_(std::move(cells)) {
  for (const VirtualCell& cell : cells_)
    free_.push_back({cell.gpus, cell.cpu_milli, cell.memory_mib, false});
}

bool VirtualCluster::could_hold(std::span<const VirtualMember> members) const {
  std::vector<Free> all;
  for (const VirtualCell& cell : cells_)
    all.push_back({cell.gpus, cell.cpu_milli, cell.memory_mib, false});
  return !members.empty() && place(members, all).has_value();
}

void VirtualCluster::add(JobSeq job, int priority_class, std::vector<VirtualMember> members) {
  if (const auto ran = ran_.find(job); ran != ran_.end()) {
    if (const Running* running = this->running(job))
      ends_.erase({running->since + ran->second, job});
    ran_.erase(ran);
    return;
  }
  GALLEY_CHECK(!jobs_.contains(job), "a job is queued once");
  const Rank rank{priority_class, job};
  jobs_[job] = {rank, std::move(members)};
  waiting_.emplace(rank, job);
}

void VirtualCluster::remove(JobSeq job, std::optional<WallTime> began, WallTime now) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  const Running* running = this->running(job);
  if (!began && running == nullptr) {
    waiting_.erase(found->second.rank);
    jobs_.erase(found);
    return;
  }
  // Entitled but not running: it leaves at once, so that nothing that takes its number (a guide's
  // variant of it) finds a place held. Else it stays for as long as it ran.
  if (!began) return release(job);
  Millis ran = now - *began;
  if (running != nullptr) {
    ran = std::max(ran, now - running->since);
    ends_.insert({running->since + ran, job});
  }
  ran_[job] = ran;
}

void VirtualCluster::release(JobSeq job) {
  const auto running = running_.find(job);
  const Entry& entry = jobs_.at(job);
  for (std::size_t i = 0; i < entry.members.size(); ++i) {
    Free& cell = free_[running->second.cells[i]];
    cell.gpus += entry.members[i].gpus;
    cell.cpu_milli += entry.members[i].cpu_milli;
    cell.memory_mib += entry.members[i].memory_mib;
  }
  running_.erase(running);
  ran_.erase(job);
  jobs_.erase(job);
}

void VirtualCluster::start_from_head(WallTime at, std::vector<JobSeq>& started) {
  while (!waiting_.empty()) {
    const auto [rank, job] = *waiting_.begin();
    std::vector<Free> trial = free_;
    auto chosen = place(jobs_.at(job).members, trial);
    if (!chosen) return;
    free_ = std::move(trial);
    running_[job] = {*std::move(chosen), at};
    waiting_.erase(waiting_.begin());
    if (const auto ran = ran_.find(job); ran != ran_.end())
      ends_.insert({at + ran->second, job});
    else
      started.push_back(job);
  }
}

std::vector<JobSeq> VirtualCluster::advance(WallTime now) {
  std::vector<JobSeq> started;
  WallTime at = now;
  do {
    at = ends_.empty() ? now : std::min(now, ends_.begin()->first);
    while (!ends_.empty() && ends_.begin()->first <= at) {
      release(ends_.begin()->second);
      ends_.erase(ends_.begin());
    }
    start_from_head(at, started);
  } while (!ends_.empty() && ends_.begin()->first <= now);
  return started;
}

const VirtualCluster::Running* VirtualCluster::running(JobSeq job) const {
  const auto found = running_.find(job);
  return found == running_.end() ? nullptr : &found->second;
}

std::optional<WallTime> VirtualCluster::next_end() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.begin()->first;
}

}  // namespace galley::scheduler
