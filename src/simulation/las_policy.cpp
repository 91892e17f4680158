#include <algorithm>
#include <array>

#include "policies.h"
#include "waiting_jobs.h"

namespace galley::simulation {
namespace {

/// GPU milliseconds after which a job sinks to the next queue.
constexpr std::array<std::int64_t, 2> kLimits{std::int64_t{3600} * 1000,
                                              std::int64_t{36000} * 1000};
constexpr std::size_t kQueues = kLimits.size() + 1;

class LasPolicy final : public Policy {
 public:
  explicit LasPolicy(const Workload& workload)
      : workload_(workload), machines_(workload.cluster), jobs_(workload.trace.jobs.size()) {
    for (std::size_t i = 0; i < kQueues; ++i) waiting_.emplace_back(workload.shapes.size());
  }

  std::optional<Millis> checkpoint_every() const override { return Millis{0}; }

  void submit(JobIndex job, WallTime) override { waiting_[0].add(shape_of(job), {0, job}); }

  void finish(JobIndex job, WallTime) override {
    Live& live = jobs_[at(job)];
    machines_.give(workload_.shape(job), live.grant);
    running_[live.queue].erase(job);
    sinks_.erase({live.sinks_at, job});
    live.grant.clear();
  }

  Decision decide(WallTime now) override {
    sink(now);
    Decision decision;
    for (std::size_t queue = 0; queue < kQueues; ++queue) serve(queue, now, decision);
    if (!sinks_.empty() && sinks_.begin()->first != WallTime::max())
      decision.wake_at = sinks_.begin()->first;
    return decision;
  }

 private:
  struct Live {
    std::size_t queue = 0;
    std::int64_t served = 0;  // GPU milliseconds of earlier runs
    WallTime started{};
    WallTime sinks_at{};
    Grant grant{};
  };
  static std::size_t at(JobIndex job) { return static_cast<std::size_t>(job); }
  ShapeIndex shape_of(JobIndex job) const { return workload_.shape_of[at(job)]; }

  WallTime sinks_at(const Live& live, JobIndex job) const {
    const std::int64_t gpus = workload_.shape(job).gpus();
    if (live.queue == kLimits.size() || gpus == 0) return WallTime::max();
    const std::int64_t left = std::max<std::int64_t>(1, kLimits[live.queue] - live.served);
    return live.started + Millis{(left + gpus - 1) / gpus};
  }

  void sink(WallTime now) {
    while (!sinks_.empty() && sinks_.begin()->first <= now) {
      const JobIndex job = sinks_.begin()->second;
      Live& live = jobs_[at(job)];
      sinks_.erase(sinks_.begin());
      running_[live.queue].erase(job);
      ++live.queue;
      running_[live.queue].insert(job);
      live.sinks_at = sinks_at(live, job);
      sinks_.insert({live.sinks_at, job});
    }
  }

  void serve(std::size_t queue, WallTime now, Decision& decision) {
    std::vector<bool> blocked(workload_.shapes.size());
    while (const auto head = waiting_[queue].first(blocked)) {
      const auto& [index, place] = *head;
      const Shape& shape = workload_.shapes[static_cast<std::size_t>(index)];
      auto grant = machines_.place(shape, Fit::best);
      if (!grant) grant = evict_for(shape, queue, now, decision);
      if (!grant) {
        blocked[static_cast<std::size_t>(index)] = true;
        continue;
      }
      start(place, queue, *grant, now, decision);
    }
  }

  void start(const Place& place, std::size_t queue, const Grant& grant, WallTime now,
             Decision& decision) {
    GALLEY_CHECK(machines_.take(workload_.shape(place.job), grant),
                 "a place that was just found is free");
    waiting_[queue].remove(shape_of(place.job), place);
    Live& live = jobs_[at(place.job)];
    live.queue = queue;
    live.grant = grant;
    live.started = now;
    live.sinks_at = sinks_at(live, place.job);
    sinks_.insert({live.sinks_at, place.job});
    running_[queue].insert(place.job);
    decision.starts.push_back({place.job, grant});
  }

  /// Takes jobs of the lowest queues first, the latest accepted first, until the shape fits; then
  /// lets those run on that were not in the way. Nothing happens when all of them do not suffice.
  std::optional<Grant> evict_for(const Shape& shape, std::size_t queue, WallTime now,
                                 Decision& decision) {
    Machines without = machines_;
    std::vector<JobIndex> victims;
    std::optional<Grant> grant;
    for (std::size_t lower = kQueues - 1; lower > queue && !grant; --lower)
      for (auto job = running_[lower].rbegin(); job != running_[lower].rend() && !grant; ++job) {
        // A job that began at this instant in this decision is not stopped by it.
        if (jobs_[at(*job)].started == now) continue;
        without.give(workload_.shape(*job), jobs_[at(*job)].grant);
        victims.push_back(*job);
        if (without.free_gpus() >= shape.gpus()) grant = without.place(shape, Fit::best);
      }
    if (!grant) return std::nullopt;
    for (const JobIndex victim : victims) {
      const Grant& held = jobs_[at(victim)].grant;
      const bool in_the_way = std::ranges::any_of(held, [&](const Share& share) {
        return std::ranges::any_of(*grant,
                                   [&](const Share& wanted) { return wanted.node == share.node; });
      });
      if (in_the_way && !machines_fit(shape, *grant)) evict(victim, now, decision);
    }
    return grant;
  }

  bool machines_fit(const Shape& shape, const Grant& grant) const {
    return std::ranges::all_of(
        grant, [&](const Share& share) { return machines_.fits(share.node, shape, share.gpus); });
  }

  void evict(JobIndex job, WallTime now, Decision& decision) {
    Live& live = jobs_[at(job)];
    const Shape& shape = workload_.shape(job);
    machines_.give(shape, live.grant);
    live.served += (now - live.started).count() * shape.gpus();
    live.grant.clear();
    running_[live.queue].erase(job);
    sinks_.erase({live.sinks_at, job});
    waiting_[live.queue].add(shape_of(job), {0, job});
    decision.preemptions.push_back(job);
  }

  const Workload& workload_;
  Machines machines_;
  std::vector<WaitingJobs> waiting_;
  std::array<std::set<JobIndex>, kQueues> running_;
  std::set<std::pair<WallTime, JobIndex>> sinks_;  // running jobs by when they change queue
  std::vector<Live> jobs_;
};

}  // namespace

std::unique_ptr<Policy> make_las(const Workload& workload) {
  return std::make_unique<LasPolicy>(workload);
}

}  // namespace galley::simulation
