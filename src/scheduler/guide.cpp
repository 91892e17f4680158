#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/units.h"
#include "planner.h"
#include "variants.h"
#include "words.h"

namespace galley::scheduler {
namespace {

constexpr std::size_t kMostAlternatives = 5;
/// Variants that are planned in full: each costs one pass.
constexpr std::size_t kMostTrials = 8;

/// When a plan starts the job: now, or at its reservation, or in the first gap after the backlog.
struct Planned {
  bool now = false;
  std::optional<WallTime> at;
  Millis backlog{0};
  std::string over_quota{};  // why its user's quota keeps it waiting
};

/// Plans the whole queue with the job in it. Leaves the state as it was.
Planned plan_with(State& state, const QueuedJob& job, WallTime now) {
  const bool known = state.jobs.find(job.id).has_value();
  if (!known) state.queue_job(job);
  const JobIndex index = *state.jobs.find(job.id);
  Planned planned;
  {
    if (state.jobs[index].held_back) planned.over_quota = state.quotas.reason(state.jobs[index]);
    Planner planner(state, now);
    const Plan& plan = planner.decide();
    const auto started = std::ranges::find(plan.starts, job.id, &Start::job);
    const auto reserved = std::ranges::find(plan.reservations, job.id, &Reservation::job);
    if (started != plan.starts.end()) {
      planned = {true, now};
    } else if (!planned.over_quota.empty()) {
      // When the user's other jobs end is for the user to say.
    } else if (job.start_at && *job.start_at > now) {
      planned.at = planner.slot(job.seq);
    } else if (reserved != plan.reservations.end()) {
      planned.at = reserved->at;
    } else {
      planned.at =
          planner.gap_for(state.signatures.members(state.jobs[index].signature, state.fleet));
      planned.backlog = planner.backlog_before(state.jobs[index]);
      if (planned.at) *planned.at += planned.backlog;
    }
  }
  if (!known) state.remove_job({job.id, now});
  return planned;
}

/// Whether a variant could start now is for the planner to say, and it costs a pass: worth it only
/// where there is room, or where the change is not one of size.
bool is_worth_a_pass(State& state, const Variant& variant) {
  if (variant.kind == "idle_class") return state.fleet.pool().highest_bucket() > 0;
  if (variant.kind == "other_team" || variant.booked) return true;
  const auto members = state.fleet.members(variant.job);
  return std::ranges::all_of(members, [](const Request& one) { return is_valid(one); }) &&
         state.placer.choose_gang(state.fleet.pool(), members).has_value();
}

/// The planned start, within what starts have taught about plans.
StartEstimate interval(const State& state, const QueuedJob& job, const Planned& planned,
                       WallTime now) {
  const WallTime at = *planned.at;
  if (planned.now || (job.start_at && *job.start_at > now)) return {at, at, at};
  Job like;
  like.spec = job;
  StartEstimate learnt = state.estimator.estimate(state.features_of(like, at - now), now);
  // Never sooner than what stands before it is expected to end, if that is known at all.
  if (learnt.late < at) return {at, learnt.early, now + (at - now) * 2};
  return learnt;
}

struct Totals {
  int free = 0;
  int all = 0;
  int most_on_a_node = 0;
};

Totals count_gpus(const Fleet& fleet, const Request& request) {
  Totals totals;
  const Pool& pool = fleet.pool();
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (!pool.is_open(node)) continue;
    const DeviceSet wanted = devices_of(pool, node, request.models) & pool.in_service(node);
    const int free = std::popcount(wanted & pool.free_devices(node));
    totals.all += std::popcount(wanted);
    totals.free += free;
    totals.most_on_a_node = std::max(totals.most_on_a_node, free);
  }
  return totals;
}

/// Which one thing keeps the job from starting, in words with numbers.
void name_binding(State& state, const QueuedJob& job, Guide& guide) {
  const auto members = state.fleet.members(job);
  const std::string needs = describe_request(job.resources);
  const auto alone = state.placer.choose_gang(state.fleet.pool(), members,
                                              state.locality.delays(state.fleet, job));
  if (alone) {
    guide.binding = Binding::set_aside;
    guide.reason = "there is room for " + needs +
                   ", but it is kept for jobs before it in the queue, a reservation or a guarantee";
    return;
  }
  const auto able = [&](std::size_t i) {
    const auto node = static_cast<NodeIndex>(i);
    return state.fleet.pool().is_open(node) &&
           (members.front().needs & ~state.fleet.pool().abilities(node)) == 0;
  };
  bool any_able = members.front().needs == 0;
  for (std::size_t i = 0; i < state.fleet.size() && !any_able; ++i) any_able = able(i);
  if (!any_able) {
    guide.binding = Binding::resources_in_use;
    guide.field = job.container == Container::build ? "build" : "image";
    guide.reason = job.container == Container::build
                       ? "no node that is open has a container engine that builds images"
                       : "no node that is open has a container engine that answers";
    return;
  }
  int wanted = 0;
  for (const Request& member : members) wanted += member.gpus;
  const Totals gpus = count_gpus(state.fleet, members.front());
  const std::string kind = job.resources.gpu_type ? " of type " + *job.resources.gpu_type : "";
  if (wanted > 0 && gpus.free < wanted) {
    guide.binding = Binding::resources_in_use;
    guide.field = "resources.gpus";
    guide.reason = fmt::format("{} GPU{}{} needed and {} of {} {} free", wanted,
                               (wanted == 1 ? "" : "s") + kind, wanted == 1 ? " is" : " are",
                               gpus.free, gpus.all, gpus.free == 1 ? "is" : "are");
    return;
  }
  if (wanted > 0 && gpus.most_on_a_node < members.front().gpus) {
    guide.binding = Binding::fragmentation;
    guide.field = "resources.gpus";
    guide.reason =
        fmt::format("{} GPUs{} are free, but at most {} on one node, and {} are needed together",
                    gpus.free, kind, gpus.most_on_a_node, members.front().gpus);
    return;
  }
  guide.binding = Binding::resources_in_use;
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  for (std::size_t i = 0; i < state.fleet.size(); ++i) {
    const auto node = static_cast<NodeIndex>(i);
    if (state.fleet.pool().free_gpus(node) < members.front().gpus) continue;
    cpu = std::max(cpu, state.fleet.pool().cpu_free_milli(node) / 1000);
    memory = std::max(memory, state.fleet.pool().memory_free_mib(node) << 20);
  }
  if (cpu < job.resources.cpus) {
    guide.field = "resources.cpus";
    guide.reason = fmt::format("{} processors on one node are needed and at most {} are free",
                               job.resources.cpus, cpu);
  } else if (memory < job.resources.memory.count) {
    guide.field = "resources.memory";
    guide.reason = fmt::format("{} of memory on one node is needed and at most {} is free",
                               format_bytes(job.resources.memory.count), format_bytes(memory));
  } else {
    guide.binding = Binding::fragmentation;
    guide.field = "resources";
    guide.reason = "no node that is up has all of " + needs + " free at once";
  }
}

}  // namespace

Guide Scheduler::guide(const QueuedJob& asked, WallTime now) const {
  Scheduler copy(*this);
  State& state = *copy.state_;
  state.settle();
  state.refresh_mix();
  Guide guide;
  QueuedJob job = asked;
  const bool queued = state.jobs.find(job.id).has_value();
  if (!queued) {
    // Only thought of: it would be the last of its line.
    job.seq = std::numeric_limits<std::int64_t>::max();
    job.queued_at = now;
  }
  std::optional<WallTime> base;
  Millis backlog{0};
  if (state.fleet.empty()) {
    guide.binding = Binding::no_node;
    guide.reason = "no node is up";
    return guide;
  }
  if (auto admitted = copy.admit(job); !admitted) {
    const Error& error = admitted.error();
    guide.binding = Binding::impossible;
    guide.reason = error.message + "; possible: " + error.expected;
    guide.field = error.field;
  } else if (job.start_at && *job.start_at > now) {
    guide.binding = Binding::not_before;
    guide.field = "start_at";
    guide.reason = "it was booked for " + to_rfc3339(*job.start_at);
    guide.start = StartEstimate{*job.start_at, *job.start_at, *job.start_at};
    return guide;
  } else {
    const Planned planned = plan_with(state, job, now);
    base = planned.at;
    backlog = planned.backlog;
    if (planned.at) guide.start = interval(state, job, planned, now);
    if (planned.now) {
      guide.binding = Binding::none;
      guide.reason = "it starts at once";
      return guide;
    }
    if (planned.over_quota.empty()) {
      name_binding(state, job, guide);
    } else {
      guide.binding = Binding::quota;
      guide.field = "resources.gpus";
      guide.reason = planned.over_quota;
    }
  }
  // The alternatives are thought of without the job itself: each would take its place.
  if (queued) state.remove_job({job.id, now});
  std::optional<Planner> without_it;
  std::size_t trials = 0;
  for (Variant& variant : variants_of(state, job, base, now)) {
    if (guide.alternatives.size() == kMostAlternatives || trials == kMostTrials) break;
    if (!copy.admit(variant.job)) continue;
    Planned planned;
    if (is_worth_a_pass(state, variant)) {
      ++trials;
      planned = plan_with(state, variant.job, now);
    } else if (guide.binding == Binding::quota) {
      continue;  // no gap in the fleet tells when it could start
    } else {
      if (!without_it) without_it.emplace(state, now).decide();
      planned.at = without_it->gap_for(state.fleet.members(variant.job));
      if (planned.at) *planned.at += backlog;
    }
    // A wait that is hardly shorter is no reason to change a job.
    const bool sooner = planned.at && (!base || *planned.at - now < (*base - now) * 9 / 10 ||
                                       (variant.booked && *planned.at <= *variant.job.start_at));
    if (!planned.now && !sooner) continue;
    guide.alternatives.push_back({.change = std::move(variant.change),
                                  .kind = std::move(variant.kind),
                                  .resources = variant.job.resources,
                                  .priority_class = variant.job.priority_class,
                                  .team = variant.job.team,
                                  .start_at = variant.job.start_at,
                                  .starts_now = planned.now,
                                  .start = interval(state, variant.job, planned, now),
                                  .edits = std::move(variant.edits)});
  }
  std::ranges::stable_sort(guide.alternatives, [](const Alternative& a, const Alternative& b) {
    return a.start.typical < b.start.typical;
  });
  return guide;
}

}  // namespace galley::scheduler
