#include "policies.h"
#include "waiting_jobs.h"

namespace galley::simulation {
namespace {

class QuotaPolicy final : public Policy {
 public:
  QuotaPolicy(const Workload& workload, Fit fit)
      : workload_(workload),
        fit_(fit),
        machines_(workload.cluster),
        grants_(workload.trace.jobs.size()) {
    for (const std::string& name : workload.trace.teams) {
      const Cluster own = private_cluster(workload.cluster, name);
      Team team{.quota_gpus = static_cast<std::int32_t>(own.gpu_count())};
      for (const Shape& shape : workload.shapes) team.holds.push_back(could_hold(own, shape));
      teams_.push_back(std::move(team));
    }
  }

  bool admits(JobIndex job) const override {
    return team_of(job).holds[static_cast<std::size_t>(workload_.shape_of[at(job)])];
  }

  void submit(JobIndex job, WallTime) override {
    team_of(job).waiting.insert({class_key(workload_.job(job)), job});
  }

  void finish(JobIndex job, WallTime) override {
    const Shape& shape = workload_.shape(job);
    machines_.give(shape, grants_[at(job)]);
    grants_[at(job)].clear();
    team_of(job).used_gpus -= shape.gpus();
  }

  /// Always the first in order of all teams' first jobs; a team whose first job cannot start waits.
  Decision decide(WallTime) override {
    Decision decision;
    std::vector<bool> blocked(teams_.size());
    while (const auto chosen = first(blocked)) {
      Team& team = teams_[*chosen];
      const Place place = *team.waiting.begin();
      const Shape& shape = workload_.shape(place.job);
      std::optional<Grant> grant;
      if (team.used_gpus + shape.gpus() <= team.quota_gpus) grant = machines_.place(shape, fit_);
      if (!grant) {
        blocked[*chosen] = true;
        continue;
      }
      GALLEY_CHECK(machines_.take(shape, *grant), "a place that was just found is free");
      grants_[at(place.job)] = *grant;
      team.used_gpus += shape.gpus();
      team.waiting.erase(team.waiting.begin());
      decision.starts.push_back({place.job, *grant});
    }
    return decision;
  }

 private:
  struct Team {
    std::int32_t quota_gpus = 0;
    std::int32_t used_gpus = 0;
    std::vector<bool> holds{};  // by shape
    std::set<Place> waiting{};
  };
  static std::size_t at(JobIndex job) { return static_cast<std::size_t>(job); }
  Team& team_of(JobIndex job) { return teams_[static_cast<std::size_t>(workload_.job(job).team)]; }
  const Team& team_of(JobIndex job) const {
    return teams_[static_cast<std::size_t>(workload_.job(job).team)];
  }

  std::optional<std::size_t> first(const std::vector<bool>& blocked) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < teams_.size(); ++i) {
      if (blocked[i] || teams_[i].waiting.empty()) continue;
      if (!best || *teams_[i].waiting.begin() < *teams_[*best].waiting.begin()) best = i;
    }
    return best;
  }

  const Workload& workload_;
  Fit fit_;
  Machines machines_;
  std::vector<Grant> grants_;
  std::vector<Team> teams_;
};

}  // namespace

std::unique_ptr<Policy> make_quota(const Workload& workload, Fit fit) {
  return std::make_unique<QuotaPolicy>(workload, fit);
}

}  // namespace galley::simulation
