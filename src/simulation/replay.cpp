#include "simulation/replay.h"

#include <fmt/format.h>

#include <ctime>
#include <queue>

#include "machines.h"
#include "meter.h"

namespace galley::simulation {
namespace {

constexpr std::size_t kSlices = 480;
/// Decisions at one instant; a policy that wants more goes round in circles.
constexpr int kMostRounds = 10'000;

double cpu_now() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct End {
  WallTime at{};
  JobIndex job{};
  std::int32_t run = 0;  // which start of the job it belongs to
  bool operator>(const End& other) const {
    return std::tie(at, job) > std::tie(other.at, other.job);
  }
};

class Engine {
 public:
  Engine(const Workload& workload, Policy& policy, std::atomic<std::int64_t>* finished)
      : workload_(workload),
        policy_(policy),
        finished_(finished),
        machines_(workload.cluster),
        meter_(workload),
        live_(workload.trace.jobs.size()) {
    outcome_.jobs.resize(workload.trace.jobs.size());
  }

  Result<Outcome> run() {
    const double begin = cpu_now();
    while (const auto now = next_instant()) {
      take_events(*now);
      GALLEY_TRY_STATUS(decide(*now));
      meter_.note(*now, machines_, waiting_);
    }
    if (waiting_ > 0)
      return fault(fmt::format("left {} jobs waiting for ever, the first of them job {}", waiting_,
                               first_waiting()));
    meter_.finish(outcome_, kSlices);
    outcome_.cpu_seconds = cpu_now() - begin;
    return std::move(outcome_);
  }

 private:
  struct Live {
    bool running = false;
    std::int32_t run = 0;
    WallTime started{};
    Millis done{0};  // of earlier runs, where the policy resumes
    Grant grant;
  };
  static std::size_t at(JobIndex job) { return static_cast<std::size_t>(job); }

  static Error fault(std::string what) {
    return Error{Errc::internal, "the policy " + std::move(what)};
  }

  std::size_t first_waiting() const {
    for (std::size_t i = 0; i < live_.size(); ++i)
      if (!outcome_.jobs[i].refused && outcome_.jobs[i].finish == WallTime{}) return i;
    return live_.size();
  }

  std::optional<WallTime> next_instant() const {
    std::optional<WallTime> next;
    const auto consider = [&next](WallTime at) {
      if (!next || at < *next) next = at;
    };
    if (next_submit_ < live_.size()) consider(workload_.trace.jobs[next_submit_].submit);
    if (!ends_.empty()) consider(ends_.top().at);
    // Waking up serves those who wait; without them nothing could come of it.
    if (wake_at_ && waiting_ > 0) consider(*wake_at_);
    return next;
  }

  void take_events(WallTime now) {
    if (wake_at_ && *wake_at_ <= now) wake_at_.reset();
    for (; !ends_.empty() && ends_.top().at == now; ends_.pop()) {
      const End end = ends_.top();
      if (live_[at(end.job)].running && live_[at(end.job)].run == end.run) finish(end.job, now);
    }
    for (; next_submit_ < live_.size() && workload_.trace.jobs[next_submit_].submit == now;
         ++next_submit_) {
      const auto job = static_cast<JobIndex>(next_submit_);
      if (!policy_.admits(job)) {
        outcome_.jobs[next_submit_].refused = true;
        count_finished();
        continue;
      }
      ++waiting_;
      policy_.submit(job, now);
    }
  }

  void finish(JobIndex job, WallTime now) {
    Live& live = live_[at(job)];
    machines_.give(workload_.shape(job), live.grant);
    live.running = false;
    live.grant = {};
    outcome_.jobs[at(job)].finish = now;
    count_finished();
    policy_.finish(job, now);
  }

  void count_finished() {
    if (finished_) finished_->fetch_add(1, std::memory_order_relaxed);
  }

  Status decide(WallTime now) {
    for (int round = 0; round < kMostRounds; ++round) {
      const Decision decision = policy_.decide(now);
      ++outcome_.decisions;
      for (const JobIndex job : decision.preemptions) GALLEY_TRY_STATUS(preempt(job, now));
      for (const Started& start : decision.starts) GALLEY_TRY_STATUS(begin(start, now));
      for (const Promise& promise : decision.promises)
        if (at(promise.job) < live_.size() && !outcome_.jobs[at(promise.job)].promise)
          outcome_.jobs[at(promise.job)].promise = promise;
      wake_at_ = decision.wake_at;
      if (wake_at_ && *wake_at_ <= now)
        return fault("asked to be woken at an instant that has passed");
      if (decision.preemptions.empty() && decision.starts.empty()) return ok();
    }
    return fault(fmt::format("made {} decisions at one instant", kMostRounds));
  }

  Status preempt(JobIndex job, WallTime now) {
    if (at(job) >= live_.size() || !live_[at(job)].running)
      return fault(fmt::format("preempted job {}, which does not run", at(job)));
    Live& live = live_[at(job)];
    JobOutcome& result = outcome_.jobs[at(job)];
    machines_.give(workload_.shape(job), live.grant);
    live.running = false;
    live.grant = {};
    ++result.preemptions;
    const Millis ran = now - live.started;
    const auto every = policy_.checkpoint_every();
    const Millis saved = !every ? Millis{0} : every->count() == 0 ? ran : ran / *every * *every;
    live.done += saved;
    result.lost += ran - saved;
    ++waiting_;
    return ok();
  }

  Status begin(const Started& start, WallTime now) {
    const std::size_t index = at(start.job);
    if (index >= next_submit_ || live_[index].running ||
        outcome_.jobs[index].finish != WallTime{} || outcome_.jobs[index].refused)
      return fault(fmt::format("started job {}, which does not wait", index));
    Live& live = live_[index];
    if (!machines_.take(workload_.shape(start.job), start.grant))
      return fault(fmt::format("started job {} on GPUs that are not free or not as asked", index));
    JobOutcome& result = outcome_.jobs[index];
    const Job& job = workload_.job(start.job);
    if (live.run == 0) {
      result.first_start = now;
      result.waited = now > job.submit;
    }
    live.running = true;
    ++live.run;
    live.started = now;
    live.grant = start.grant;
    ends_.push({now + job.duration - live.done, start.job, live.run});
    --waiting_;
    return ok();
  }

  const Workload& workload_;
  Policy& policy_;
  std::atomic<std::int64_t>* finished_;
  Machines machines_;
  Meter meter_;
  std::vector<Live> live_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::size_t next_submit_ = 0;
  std::int64_t waiting_ = 0;
  std::optional<WallTime> wake_at_;
  Outcome outcome_;
};

}  // namespace

Result<Outcome> replay(const Workload& workload, Policy& policy,
                       std::atomic<std::int64_t>* finished) {
  return Engine(workload, policy, finished).run();
}

}  // namespace galley::simulation
