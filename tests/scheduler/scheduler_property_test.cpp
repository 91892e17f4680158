// Random lives of a small fleet, checked after every step against plain bookkeeping.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "fleet.h"

namespace galley::scheduler {
namespace {

using protocol::PriorityClass;

/// What the store would hold: enough to build a Scheduler from nothing.
struct World {
  std::map<NodeId, NodeOffer> nodes;
  std::map<JobId, QueuedJob> queued;
  std::map<JobId, std::pair<QueuedJob, Placement>> placed;
  std::map<JobId, WallTime> placed_at;

  Scheduler rebuilt() const {
    Scheduler scheduler;
    // In another order than the events came: jobs before nodes, running before queued.
    for (const auto& [id, entry] : placed)
      scheduler.apply(JobPlaced{entry.first, entry.second, placed_at.at(id)});
    for (auto entry = queued.rbegin(); entry != queued.rend(); ++entry)
      scheduler.apply(JobQueued{entry->second});
    for (const auto& [id, offer] : nodes) scheduler.apply(NodeUp{offer});
    return scheduler;
  }
};

std::string describe(const Plan& plan) {
  std::string text;
  for (const Start& start : plan.starts) {
    text += "start " + start.job.str() + " on";
    for (const NodeShare& share : start.placement.shares) {
      text += " " + share.node.str();
      for (const std::string& device : share.device_ids) text += " " + device;
    }
    text += " at " + std::to_string(start.terms.total_s()) + " s\n";
  }
  for (const Preemption& one : plan.preemptions)
    text += "preempt " + one.victim.str() + " for " + one.beneficiary.str() + "\n";
  for (const Reservation& one : plan.reservations) {
    text += "reserve for " + one.job.str() + " at " + to_rfc3339(one.at);
    for (const NodeId& node : one.nodes) text += " " + node.str();
    text += "\n";
  }
  return text + (plan.wake_at ? "wake at " + to_rfc3339(*plan.wake_at) + "\n" : "");
}

QueuedJob any_job(int number, WallTime now) {
  protocol::Resources resources;
  resources.cpus = *rc::gen::inRange<std::int64_t>(1, 9);
  resources.gpus = *rc::gen::inRange<std::int64_t>(0, 4);
  resources.memory.count = *rc::gen::inRange<std::int64_t>(0, 9) << 20;
  if (*rc::gen::inRange(0, 4) == 0) resources.gpu_type = "A100";
  QueuedJob job =
      queued(number, resources,
             *rc::gen::element(PriorityClass::urgent, PriorityClass::normal, PriorityClass::idle));
  if (*rc::gen::inRange(0, 4) == 0) job.start_at = now + Millis(*rc::gen::inRange(0, 50));
  return job;
}

NodeUp any_node() {
  return up(*rc::gen::inRange(1, 4),
            {.cpus = *rc::gen::inRange<std::int64_t>(1, 17),
             .gpus = *rc::gen::inRange(0, 5),
             .model = *rc::gen::element<std::string>("H100", "A100"),
             .memory_bytes = *rc::gen::inRange<std::int64_t>(0, 17) << 20});
}

/// A plan gives nothing twice, nothing that is held, and no more than the nodes offer.
void check_plan(const World& world, const Plan& plan, WallTime now) {
  std::map<NodeId, std::int64_t> cpus;
  std::map<NodeId, std::int64_t> memory;
  std::set<std::string> devices;
  for (const auto& [id, entry] : world.placed) {
    const NodeShare& share = entry.second.shares.front();
    cpus[share.node] += entry.first.resources.cpus;
    memory[share.node] += entry.first.resources.memory.count;
    devices.insert(share.device_ids.begin(), share.device_ids.end());
  }
  std::set<JobId> started;
  for (const Start& start : plan.starts) {
    RC_ASSERT(started.insert(start.job).second);
    RC_ASSERT(world.queued.contains(start.job));
    const QueuedJob& job = world.queued.at(start.job);
    RC_ASSERT(!job.start_at || *job.start_at <= now);
    const NodeShare& share = start.placement.shares.at(0);
    RC_ASSERT(world.nodes.contains(share.node));
    const NodeOffer& offer = world.nodes.at(share.node);
    RC_ASSERT((cpus[offer.id] += job.resources.cpus) <= offer.cpus);
    // A node that has shrunk may be over already: it still runs what needs none of that.
    memory[offer.id] += job.resources.memory.count;
    RC_ASSERT(job.resources.memory.count == 0 || memory[offer.id] <= offer.memory_bytes);
    RC_ASSERT(static_cast<std::int64_t>(share.device_ids.size()) == job.resources.gpus);
    for (const std::string& device : share.device_ids) {
      RC_ASSERT(devices.insert(device).second);
      const auto known = std::find_if(offer.devices.begin(), offer.devices.end(),
                                      [&](const Device& each) { return each.id == device; });
      RC_ASSERT(known != offer.devices.end());
      RC_ASSERT(!job.resources.gpu_type || known->model == *job.resources.gpu_type);
    }
  }
  if (plan.wake_at) RC_ASSERT(*plan.wake_at > now);
}

RC_GTEST_PROP(SchedulerWorld, DecidesAsOneThatWasRebuiltAndNeverGivesTwice, ()) {
  Scheduler scheduler;
  World world;
  WallTime now{Millis{1'700'000'000'000}};
  int jobs = 0;
  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 6)) {
      case 0: {
        const NodeUp event = any_node();
        scheduler.apply(event);
        world.nodes[event.offer.id] = event.offer;
        break;
      }
      case 1: {
        const NodeId gone = node(*rc::gen::inRange(1, 4));
        scheduler.apply(NodeDown{gone});
        world.nodes.erase(gone);
        break;
      }
      case 2:
        now += Millis(*rc::gen::inRange(0, 30));
        break;
      case 3: {  // a job ends, is cancelled, or its machine dies and it is queued again
        if (world.placed.empty()) break;
        const auto pick =
            std::next(world.placed.begin(),
                      *rc::gen::inRange<long>(0, static_cast<long>(world.placed.size())));
        const QueuedJob job = pick->second.first;
        scheduler.apply(JobGone{job.id, now});
        world.placed.erase(pick);
        if (*rc::gen::arbitrary<bool>()) {
          scheduler.apply(JobQueued{job});
          world.queued[job.id] = job;
        }
        break;
      }
      default: {
        const QueuedJob job = any_job(++jobs, now);
        scheduler.apply(JobQueued{job});
        world.queued[job.id] = job;
      }
    }
    const Plan plan = scheduler.decide(now);
    const Plan again = world.rebuilt().decide(now);
    RC_LOG() << "as it went: " << describe(plan) << "rebuilt: " << describe(again);
    RC_ASSERT(plan == again);
    check_plan(world, plan, now);
    // Some starts are carried out, as when the store refuses others.
    for (const Start& start : plan.starts) {
      if (*rc::gen::inRange(0, 4) == 0) continue;
      scheduler.apply(JobPlaced{world.queued.at(start.job), start.placement, now});
      world.placed_at[start.job] = now;
      world.placed[start.job] = {world.queued.at(start.job), start.placement};
      world.queued.erase(start.job);
    }
  }
}

RC_GTEST_PROP(SchedulerWorld, ServesEveryJobThatFitsWithinAsManyRoundsAsJobs, ()) {
  Scheduler scheduler;
  std::vector<NodeUp> nodes;
  for (int i = 1; i <= 3; ++i)
    nodes.push_back(
        up(i, {.cpus = *rc::gen::inRange<std::int64_t>(1, 9), .gpus = *rc::gen::inRange(0, 4)}));
  for (const NodeUp& each : nodes) scheduler.apply(each);
  // One big job among small ones that keep coming, one for each that ends.
  const NodeUp& largest = *std::ranges::max_element(nodes, {}, [](const NodeUp& each) {
    return std::tuple(each.offer.devices.size(), each.offer.cpus);
  });
  std::vector<JobId> running;
  int jobs = 0;
  const auto queue_small = [&] {
    scheduler.apply(JobQueued{queued(++jobs, {.gpus = *rc::gen::inRange<std::int64_t>(0, 2)})});
  };
  const auto start_all = [&] {
    for (const Start& start : scheduler.decide(WallTime{}).starts) {
      scheduler.apply(JobPlaced{*scheduler.find(start.job), start.placement, WallTime{}});
      running.push_back(start.job);
    }
  };
  for (int i = 0; i < 30; ++i) queue_small();
  start_all();
  const int big = ++jobs;
  scheduler.apply(JobQueued{queued(
      big,
      {.gpus = static_cast<std::int64_t>(largest.offer.devices.size()), .cpus = largest.offer.cpus},
      PriorityClass::urgent)});
  const std::size_t patience = running.size() * 4 + 30;
  for (std::size_t round = 0; round < patience && scheduler.find(job(big)) != nullptr; ++round) {
    RC_ASSERT(!running.empty());
    // The oldest ends first: no job runs for ever.
    scheduler.apply(JobGone{running.front(), WallTime{}});
    running.erase(running.begin());
    queue_small();
    start_all();
  }
  RC_ASSERT(scheduler.find(job(big)) == nullptr);
}

}  // namespace
}  // namespace galley::scheduler
