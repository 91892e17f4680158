#include "policies.h"
#include "waiting_jobs.h"

namespace galley::simulation {
namespace {

class OrderedPolicy final : public Policy {
 public:
  OrderedPolicy(const Workload& workload, const OrderedOptions& options)
      : workload_(workload),
        options_(options),
        machines_(workload.cluster),
        waiting_(workload.shapes.size()),
        grants_(workload.trace.jobs.size()) {
    if (options.shortest_first)
      believed_ = believed_runtimes(workload, options.error_sigma, options.seed);
  }

  void submit(JobIndex job, WallTime) override { waiting_.add(shape_of(job), place_of(job)); }

  void finish(JobIndex job, WallTime) override {
    machines_.give(workload_.shape(job), grants_[static_cast<std::size_t>(job)]);
    grants_[static_cast<std::size_t>(job)].clear();
  }

  Decision decide(WallTime) override {
    Decision decision;
    std::vector<bool> blocked(waiting_.shape_count());
    while (const auto head = waiting_.first(blocked)) {
      const auto& [index, place] = *head;
      const Shape& shape = workload_.shapes[static_cast<std::size_t>(index)];
      const auto grant = machines_.place(shape, Fit::best);
      if (!grant) {
        if (!options_.skip) break;
        blocked[static_cast<std::size_t>(index)] = true;
        continue;
      }
      GALLEY_CHECK(machines_.take(shape, *grant), "a place that was just found is free");
      grants_[static_cast<std::size_t>(place.job)] = *grant;
      decision.starts.push_back({place.job, *grant});
      waiting_.remove(index, place);
    }
    return decision;
  }

 private:
  ShapeIndex shape_of(JobIndex job) const {
    return workload_.shape_of[static_cast<std::size_t>(job)];
  }
  Place place_of(JobIndex job) const {
    const Job& it = workload_.job(job);
    return {options_.shortest_first
                ? static_cast<double>(believed_[static_cast<std::size_t>(job)].count())
                : class_key(it),
            job};
  }

  const Workload& workload_;
  OrderedOptions options_;
  Machines machines_;
  WaitingJobs waiting_;
  std::vector<Grant> grants_;
  std::vector<Millis> believed_;
};

}  // namespace

std::unique_ptr<Policy> make_ordered(const Workload& workload, const OrderedOptions& options) {
  return std::make_unique<OrderedPolicy>(workload, options);
}

}  // namespace galley::simulation
