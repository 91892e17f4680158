#include "simulation/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/processors.h"

namespace galley::simulation {
namespace {

/// One replay's end, written by the thread that ran it.
struct Slot {
  std::unique_ptr<Policy> policy;
  std::optional<Result<Outcome>> outcome;
};

class Crew {
 public:
  Crew(const Workload& workload, std::vector<Slot>& slots) : workload_(workload), slots_(slots) {}

  void run(unsigned threads, const std::function<void(double)>& progress) {
    const double all = static_cast<double>(slots_.size() * workload_.trace.jobs.size());
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < std::min<std::size_t>(threads, slots_.size()); ++i)
        workers.emplace_back([this] { work(); });
      std::unique_lock lock(mutex_);
      while (!ended_.wait_for(lock, std::chrono::milliseconds(100),
                              [this] { return done_ == slots_.size(); })) {
        lock.unlock();
        if (progress) progress(static_cast<double>(finished_.load()) / all);
        lock.lock();
      }
    }
    if (progress) progress(1);
  }

 private:
  void work() {
    for (;;) {
      const std::size_t mine = next_.fetch_add(1);
      if (mine >= slots_.size()) return;
      slots_[mine].outcome = replay(workload_, *slots_[mine].policy, &finished_);
      slots_[mine].policy.reset();
      const std::lock_guard lock(mutex_);
      ++done_;
      ended_.notify_one();
    }
  }

  const Workload& workload_;
  std::vector<Slot>& slots_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::int64_t> finished_ = 0;
  std::mutex mutex_;  // guards done_
  std::condition_variable ended_;
  std::size_t done_ = 0;
};

Status check_names(const std::vector<std::string>& names) {
  if (names.empty())
    return Error{Errc::invalid_argument, "no policy was named", "policy", "at least one"};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::find(names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end(), names[i]) !=
        names.end())
      return Error{Errc::invalid_argument, fmt::format("the policy '{}' is named twice", names[i]),
                   "policy", "each policy once"};
  return ok();
}

}  // namespace

Result<Simulation> simulate(Workload workload, const SimulateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  GALLEY_TRY_STATUS(check_names(options.policies));
  Simulation simulation{.workload = std::move(workload), .runs = {}};
  const Workload& kept = simulation.workload;
  std::vector<Slot> slots(options.policies.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    GALLEY_TRY(slots[i].policy, make_policy(options.policies[i], kept, options.policy));
  }
  GALLEY_TRY(const auto own, private_waits(kept));

  const unsigned threads = options.threads > 0 ? options.threads : usable_processors();
  Crew(kept, slots).run(threads, options.progress);

  for (std::size_t i = 0; i < slots.size(); ++i) {
    auto& outcome = *slots[i].outcome;
    if (!outcome) {
      auto error = std::move(outcome).error();
      error.message = fmt::format("replay of {}: {}", options.policies[i], error.message);
      return error;
    }
    Metrics metrics = measure(kept, *outcome, own);
    simulation.runs.push_back({options.policies[i], *std::move(outcome), std::move(metrics)});
  }
  simulation.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return simulation;
}

}  // namespace galley::simulation
