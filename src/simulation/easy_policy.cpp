#include <cmath>
#include <map>
#include <random>

#include "policies.h"
#include "waiting_jobs.h"

namespace galley::simulation {
namespace {

/// A job that outlives its estimate is expected to end this much later than now.
constexpr Millis kOverrun{60'000};

/// The standard library's distribution differs between libraries; this one does not.
double normal_of(std::mt19937_64& random) {
  const auto unit = [&random] {
    return (static_cast<double>(random() >> 11) + 0.5) / 9007199254740992.0;
  };
  constexpr double kTau = 6.283185307179586;
  const double radius = std::sqrt(-2 * std::log(unit()));
  return radius * std::cos(kTau * unit());
}

class EasyPolicy final : public Policy {
 public:
  EasyPolicy(const Workload& workload, const EasyOptions& options)
      : workload_(workload),
        machines_(workload.cluster),
        waiting_(workload.shapes.size()),
        grants_(workload.trace.jobs.size()),
        estimates_(believed_runtimes(workload, options.error_sigma, options.seed)),
        expected_end_(workload.trace.jobs.size()) {}

  void submit(JobIndex job, WallTime) override {
    waiting_.add(shape_of(job), {class_key(workload_.job(job)), job});
  }

  void finish(JobIndex job, WallTime) override {
    machines_.give(workload_.shape(job), grants_[at(job)]);
    grants_[at(job)].clear();
    by_end_.erase({expected_end_[at(job)], job});
  }

  Decision decide(WallTime now) override {
    Decision decision;
    const std::vector<bool> none(waiting_.shape_count());
    while (const auto head = waiting_.first(none)) {
      const Shape& shape = workload_.shapes[static_cast<std::size_t>(head->first)];
      const auto grant = machines_.place(shape, Fit::best);
      if (!grant) {
        if (machines_.free_gpus() > 0 || shape.gpus() == 0) backfill(head->second, now, decision);
        break;
      }
      start(head->second, *grant, now, decision);
    }
    return decision;
  }

 private:
  /// When the first waiting job can start, and what is over on each node while it runs.
  struct Shadow {
    WallTime at = WallTime::max();
    std::vector<std::int32_t> over;  // by node; only nodes that it will use bind
    std::vector<bool> reserved;
  };

  static std::size_t at(JobIndex job) { return static_cast<std::size_t>(job); }
  ShapeIndex shape_of(JobIndex job) const { return workload_.shape_of[at(job)]; }

  void start(const Place& place, const Grant& grant, WallTime now, Decision& decision) {
    GALLEY_CHECK(machines_.take(workload_.shape(place.job), grant),
                 "a place that was just found is free");
    grants_[at(place.job)] = grant;
    expected_end_[at(place.job)] = now + estimates_[at(place.job)];
    by_end_.insert({{expected_end_[at(place.job)], place.job}, place.job});
    decision.starts.push_back({place.job, grant});
    waiting_.remove(shape_of(place.job), place);
  }

  Shadow shadow_of(const Shape& shape, WallTime now) const {
    Machines later = machines_;
    Shadow shadow;
    shadow.reserved.assign(machines_.node_count(), false);
    shadow.over.assign(machines_.node_count(), 0);
    for (auto end = by_end_.begin(); end != by_end_.end();) {
      const WallTime instant = end->first.first;
      for (; end != by_end_.end() && end->first.first == instant; ++end)
        later.give(workload_.shape(end->second), grants_[at(end->second)]);
      // Asking costs a search, so only once enough is free at all.
      if (later.free_gpus() < shape.gpus()) continue;
      const auto grant = later.place(shape, Fit::best);
      if (!grant) continue;
      shadow.at = std::max(instant, now + kOverrun);
      if (instant > now) shadow.at = instant;
      for (const Share& share : *grant) {
        shadow.reserved[share.node] = true;
        shadow.over[share.node] = later.free_gpus(share.node) - share.gpus;
      }
      return shadow;
    }
    return shadow;
  }

  void backfill(const Place& head, WallTime now, Decision& decision) {
    Shadow shadow = shadow_of(workload_.shape(head.job), now);
    struct Cursor {
      ShapeIndex shape{};
      std::set<Place>::const_iterator next;
    };
    std::vector<Cursor> cursors;
    for (std::size_t i = 0; i < waiting_.shape_count(); ++i) {
      const auto shape = static_cast<ShapeIndex>(i);
      if (!waiting_.of(shape).empty() && machines_.place(workload_.shapes[i], Fit::best))
        cursors.push_back({shape, waiting_.of(shape).begin()});
    }
    while (!cursors.empty()) {
      auto first = cursors.begin();
      for (auto it = cursors.begin(); it != cursors.end(); ++it)
        if (*it->next < *first->next) first = it;
      const Place place = *first->next++;
      const Shape& shape = workload_.shapes[static_cast<std::size_t>(first->shape)];
      if (first->next == waiting_.of(first->shape).end()) {
        const auto gone = first;
        cursors.erase(gone);
      }
      if (place.job == head.job) continue;
      const bool ends_before = now + estimates_[at(place.job)] <= shadow.at;
      const auto grant =
          machines_.place_where(shape, Fit::best, [&](std::uint32_t node, std::int32_t gpus) {
            return ends_before || !shadow.reserved[node] || shadow.over[node] >= gpus;
          });
      if (!grant) continue;
      if (!ends_before)
        for (const Share& share : *grant)
          if (shadow.reserved[share.node]) shadow.over[share.node] -= share.gpus;
      start(place, *grant, now, decision);
      std::erase_if(cursors, [this](const Cursor& cursor) {
        return !machines_.place(workload_.shapes[static_cast<std::size_t>(cursor.shape)],
                                Fit::best);
      });
    }
  }

  const Workload& workload_;
  Machines machines_;
  WaitingJobs waiting_;
  std::vector<Grant> grants_;
  std::vector<Millis> estimates_;
  std::vector<WallTime> expected_end_;
  std::map<std::pair<WallTime, JobIndex>, JobIndex> by_end_;  // those that run
};

}  // namespace

std::vector<Millis> believed_runtimes(const Workload& workload, double sigma, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Millis> believed;
  for (const Job& job : workload.trace.jobs) {
    const double factor = sigma > 0 ? std::exp(sigma * normal_of(random)) : 1;
    believed.emplace_back(
        static_cast<std::int64_t>(static_cast<double>(job.duration.count()) * factor));
  }
  return believed;
}

std::unique_ptr<Policy> make_easy(const Workload& workload, const EasyOptions& options) {
  return std::make_unique<EasyPolicy>(workload, options);
}

}  // namespace galley::simulation
