#include "scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "capacity.h"

namespace galley::scheduler {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::string describe(const protocol::Resources& resources) {
  std::string text = fmt::format("{} processor{}", resources.cpus, resources.cpus == 1 ? "" : "s");
  if (resources.gpus > 0)
    text += fmt::format(", {} GPU{}{}", resources.gpus, resources.gpus == 1 ? "" : "s",
                        resources.gpu_type ? " (" + *resources.gpu_type + ")" : "");
  if (resources.memory.count > 0) text += ", " + format_bytes(resources.memory.count) + " memory";
  return text;
}

}  // namespace

void Scheduler::apply(const ClusterEvent& event) {
  const auto leave_queue = [this](const JobId& job) {
    const auto found = rank_of_.find(job);
    if (found == rank_of_.end()) return;
    queue_.erase(found->second);
    rank_of_.erase(found);
  };
  std::visit(Overloaded{
                 [&](const NodeUp& up) { nodes_[up.offer.id] = up.offer; },
                 [&](const NodeDown& down) { nodes_.erase(down.node); },
                 [&](const JobQueued& queued) {
                   leave_queue(queued.job.id);
                   const Rank rank{queued.job.priority_class, queued.job.seq};
                   queue_[rank] = queued.job;
                   rank_of_[queued.job.id] = rank;
                 },
                 [&](const JobPlaced& placed) {
                   leave_queue(placed.job.id);
                   placed_[placed.job.id] = {placed.job.resources, placed.placement};
                 },
                 [&](const JobGone& gone) {
                   leave_queue(gone.job);
                   placed_.erase(gone.job);
                 },
             },
             event);
}

Plan Scheduler::decide(WallTime now) const {
  Plan plan;
  Capacity capacity(*this);
  for (const auto& [rank, job] : queue_) {
    if (job.start_at && *job.start_at > now) {
      if (!plan.wake_at || *job.start_at < *plan.wake_at) plan.wake_at = job.start_at;
      continue;
    }
    // Every job needs a processor. Later start times still matter for wake_at only while something
    // is free; once nothing is, the end of a job will call decide again.
    if (!capacity.any_free_cpu()) break;
    if (auto placement = capacity.place(job.resources)) {
      capacity.take(job.resources, *placement);
      plan.starts.push_back({job.id, *std::move(placement)});
    } else {
      capacity.hold(job.resources);
    }
  }
  return plan;
}

const QueuedJob* Scheduler::find(const JobId& job) const {
  const auto ranked = rank_of_.find(job);
  return ranked == rank_of_.end() ? nullptr : &queue_.at(ranked->second);
}

Explanation Scheduler::why(const JobId& job, WallTime now) const {
  if (const auto placed = placed_.find(job); placed != placed_.end())
    return {"it has its place on " + placed->second.placement.node.str(), {}};
  const auto ranked = rank_of_.find(job);
  if (ranked == rank_of_.end()) return {"it is not in the queue", {}};
  const QueuedJob& queued = queue_.at(ranked->second);
  const std::string needs = "it asks for " + describe(queued.resources);
  if (queued.start_at && *queued.start_at > now)
    return {"it was booked for " + to_rfc3339(*queued.start_at), {needs}};
  if (nodes_.empty()) return {"no node is up", {needs}};
  if (auto status = admit(queued.resources); !status)
    return {"no node that is up could hold it: " + status.error().message, {needs}};

  Explanation answer{{}, {needs}};
  const auto ahead = std::distance(queue_.begin(), queue_.find(ranked->second));
  answer.lines.push_back(ahead == 0 ? std::string("it is the first in the queue")
                                    : fmt::format("{} job{} before it in the queue", ahead,
                                                  ahead == 1 ? " is" : "s are"));
  const Capacity capacity(*this);
  const auto shortages = capacity.shortages(queued.resources);
  answer.lines.insert(answer.lines.end(), shortages.begin(), shortages.end());
  answer.summary = capacity.place(queued.resources)
                       ? "there is room, but it is set aside for jobs before it in the queue"
                       : "what it asks for is in use";
  return answer;
}

Status Scheduler::admit(const protocol::Resources& resources) const {
  const auto refuse = [](std::string field, std::string message, std::string expected) {
    return Error{Errc::invalid_argument, std::move(message), std::move(field), std::move(expected)};
  };
  if (resources.nodes > 1)
    return refuse("resources.nodes",
                  fmt::format("{} nodes at once were asked for", resources.nodes),
                  "1: this version runs a job on one node");
  if (nodes_.empty()) return ok();
  std::int64_t most_cpus = 0;
  std::int64_t most_memory = 0;
  std::int64_t most_gpus = 0;
  for (const auto& [id, offer] : nodes_) {
    if (fits_when_empty(offer, resources)) return ok();
    most_cpus = std::max(most_cpus, offer.cpus);
    most_memory = std::max(most_memory, offer.memory_bytes);
    most_gpus = std::max(
        most_gpus,
        static_cast<std::int64_t>(std::ranges::count_if(
            offer.devices, [&](const Device& device) { return is_of_type(device, resources); })));
  }
  if (resources.gpus > most_gpus) {
    const std::string kind = resources.gpu_type ? " of type " + *resources.gpu_type : "";
    return refuse(
        "resources.gpus", fmt::format("{} GPUs{} on one node were asked for", resources.gpus, kind),
        most_gpus == 0 ? "0: no node has GPUs" + kind : fmt::format("at most {}", most_gpus));
  }
  if (resources.cpus > most_cpus)
    return refuse("resources.cpus",
                  fmt::format("{} processors on one node were asked for", resources.cpus),
                  fmt::format("at most {}", most_cpus));
  if (resources.memory.count > most_memory)
    return refuse("resources.memory",
                  fmt::format("{} on one node was asked for", format_bytes(resources.memory.count)),
                  "at most " + format_bytes(most_memory));
  return refuse("resources", "no single node has all of " + describe(resources),
                "less of one of them");
}

}  // namespace galley::scheduler
