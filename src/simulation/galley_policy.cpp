#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "policies.h"
#include "scheduler/scheduler.h"
#include "scheduler/start_estimator.h"
#include "simulation/runtime_model.h"

namespace galley::simulation {
namespace {

/// For nodes that state no processors or memory: as much as anybody asks.
constexpr std::int64_t kPlentyOfCpus = 1'000'000;
constexpr std::int64_t kPlentyOfBytes = std::int64_t{1} << 50;
/// 90th percentile of the standard normal distribution.
constexpr double kNormal90 = 1.2816;

std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

JobId id_of(JobIndex job) {
  return JobId::trusted(fmt::format("job_{:026}", static_cast<std::uint32_t>(job)));
}
JobIndex index_of(const JobId& id) {
  return static_cast<JobIndex>(number_in(std::string_view(id.str()).substr(JobTag::prefix.size())));
}
NodeId node_id_of(std::uint32_t node) { return NodeId::trusted(fmt::format("node_{:026}", node)); }
std::uint32_t node_of(const NodeId& id) {
  return number_in(std::string_view(id.str()).substr(NodeTag::prefix.size()));
}

/// Buddy cells by halving: what a node without a known topology gets.
std::vector<std::uint64_t> forged_cells(std::int64_t gpus) {
  std::vector<std::uint64_t> cells;
  for (std::int64_t size = 2; size <= gpus; size *= 2)
    for (std::int64_t first = 0; first + size <= gpus; first += size)
      cells.push_back((size == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1) << first);
  return cells;
}

scheduler::NodeOffer offer_of(const NodeType& type, std::uint32_t node) {
  scheduler::NodeOffer offer;
  offer.id = node_id_of(node);
  offer.cpus = type.cpus > 0 ? type.cpus : kPlentyOfCpus;
  offer.memory_bytes = type.memory_bytes > 0 ? type.memory_bytes : kPlentyOfBytes;
  for (std::int64_t gpu = 0; gpu < type.gpus; ++gpu) {
    scheduler::Device device;
    device.id = fmt::format("{}/{}", node, gpu);
    device.model = type.gpu_model;
    device.memory_bytes = type.gpu_memory_bytes;
    offer.devices.push_back(std::move(device));
  }
  offer.cells = forged_cells(type.gpus);
  offer.zone = type.zone;
  offer.name = fmt::format("node-{}", node);
  return offer;
}

/// Galley's scheduler as the controller drives it, except that what is asked for happens at once.
class GalleyPolicy final : public Policy {
 public:
  GalleyPolicy(const Workload& workload, const PolicyOptions& options, double error_sigma)
      : workload_(workload),
        scheduler_(options_of(options)),
        waiting_by_team_(workload.trace.teams.size()),
        checkpoint_every_(options.checkpoint_every) {
    if (error_sigma > 0) {
      believed_ = believed_runtimes(workload, error_sigma, options.seed);
      long_one_ratio_ = std::exp(kNormal90 * error_sigma);
    }
    std::uint32_t node = 0;
    for (const NodeType& type : workload.cluster.node_types)
      for (std::int64_t i = 0; i < type.count; ++i)
        scheduler_.apply(scheduler::NodeUp{offer_of(type, node++)});
    for (const scheduler::Team& team : workload.cluster.teams)
      scheduler_.apply(scheduler::TeamChanged{team});
  }

  std::optional<Millis> checkpoint_every() const override {
    if (checkpoint_every_.count() == 0) return std::nullopt;
    return checkpoint_every_;
  }

  void submit(JobIndex job, WallTime) override {
    queue(job);
    fresh_.push_back(job);
  }

  void finish(JobIndex job, WallTime now) override {
    scheduler_.apply(scheduler::JobGone{id_of(job), now});
    const Job& it = workload_.job(job);
    runtimes_.learn(it.team, workload_.shape(job).gpus(), it.duration);
  }

  Decision decide(WallTime now) override {
    const scheduler::Plan plan = scheduler_.decide(now);
    Decision decision;
    decision.wake_at = plan.wake_at;
    for (const scheduler::Start& start : plan.starts) decision.starts.push_back(begin(start, now));
    for (const scheduler::Preemption& preemption : plan.preemptions)
      decision.preemptions.push_back(stop(preemption, now));
    // A job is told when it may expect to start once it is clear that it does not start now.
    if (plan.starts.empty() && plan.preemptions.empty()) promise(plan, now, decision);
    return decision;
  }

 private:
  static scheduler::Options options_of(const PolicyOptions& options) {
    scheduler::Options chosen;
    chosen.reservation_depth = options.reservation_depth;
    return chosen;
  }

  const std::string& team_of(JobIndex job) const {
    return workload_.trace.teams[static_cast<std::size_t>(workload_.job(job).team)];
  }

  scheduler::QueuedJob queued(JobIndex job) const {
    const Job& it = workload_.job(job);
    const Shape& shape = workload_.shape(job);
    scheduler::QueuedJob queued;
    queued.id = id_of(job);
    queued.seq = static_cast<std::int64_t>(job);
    queued.priority_class = it.priority_class;
    queued.resources.gpus = shape.members.front();
    queued.resources.nodes = static_cast<std::int64_t>(shape.members.size());
    queued.resources.cpus = std::max(1, shape.cpus);
    queued.resources.memory = {shape.memory_bytes};
    if (!shape.gpu_type.empty()) queued.resources.gpu_type = shape.gpu_type;
    if (shape.members.back() != shape.members.front())
      queued.uneven_gpus.assign(shape.members.begin(), shape.members.end());
    queued.team = team_of(job);
    queued.queued_at = it.submit;
    queued.runtime = runtime_of(job);
    if (checkpoint_every_.count() > 0) queued.checkpoint_every = checkpoint_every_;
    if (const auto done = done_.find(job); done != done_.end()) queued.done = done->second;
    return queued;
  }

  std::optional<scheduler::Runtime> runtime_of(JobIndex job) const {
    if (believed_.empty())
      return runtimes_.predict(workload_.job(job).team, workload_.shape(job).gpus());
    const Millis typical = believed_[static_cast<std::size_t>(job)];
    return scheduler::Runtime{.typical = typical,
                              .long_one = Millis{static_cast<std::int64_t>(
                                  static_cast<double>(typical.count()) * long_one_ratio_)}};
  }

  void queue(JobIndex job) {
    ++waiting_;
    ++waiting_by_team_[static_cast<std::size_t>(workload_.job(job).team)];
    scheduler_.apply(scheduler::JobQueued{queued(job)});
  }

  Started begin(const scheduler::Start& start, WallTime now) {
    const JobIndex job = index_of(start.job);
    const scheduler::QueuedJob* queued = scheduler_.find(start.job);
    GALLEY_CHECK(queued != nullptr, "a plan starts jobs that are queued");
    scheduler_.apply(scheduler::JobPlaced{*queued, start.placement, now});
    started_[job] = now;
    estimator_.started(start.job, team_of(job), now);
    --waiting_;
    --waiting_by_team_[static_cast<std::size_t>(workload_.job(job).team)];
    Started started{job, {}};
    for (const scheduler::NodeShare& share : start.placement.shares)
      started.grant.push_back(
          {node_of(share.node), static_cast<std::int32_t>(share.device_ids.size())});
    return started;
  }

  JobIndex stop(const scheduler::Preemption& preemption, WallTime now) {
    const JobIndex job = index_of(preemption.victim);
    if (checkpoint_every_.count() > 0)
      done_[job] += (now - started_[job]) / checkpoint_every_ * checkpoint_every_;
    scheduler_.apply(scheduler::JobStopping{preemption.victim});
    scheduler_.apply(scheduler::JobGone{preemption.victim, now});
    queue(job);
    return job;
  }

  void promise(const scheduler::Plan& plan, WallTime now, Decision& decision) {
    if (fresh_.empty()) return;
    std::map<JobId, WallTime> reserved;
    for (const scheduler::Reservation& reservation : plan.reservations)
      reserved.emplace(reservation.job, reservation.at);
    for (const JobIndex job : fresh_) {
      const JobId id = id_of(job);
      if (scheduler_.find(id) == nullptr) continue;
      const Job& it = workload_.job(job);
      scheduler::StartFeatures features;
      features.team = team_of(job);
      features.gpus = workload_.shape(job).gpus();
      if (const auto found = reserved.find(id); found != reserved.end())
        features.reserved = std::max(Millis{0}, found->second - now);
      features.jobs_ahead = waiting_ - 1;
      features.team_jobs_ahead = waiting_by_team_[static_cast<std::size_t>(it.team)] - 1;
      const scheduler::StartEstimate said = estimator_.promise(id, features, now);
      decision.promises.push_back({job, said.early, said.typical, said.late});
    }
    fresh_.clear();
  }

  const Workload& workload_;
  scheduler::Scheduler scheduler_;
  scheduler::StartEstimator estimator_;
  RuntimeModel runtimes_;
  std::vector<Millis> believed_;  // of each job; empty: what runtimes_ has learnt
  double long_one_ratio_ = 1;     // of the 90th percentile to what is believed
  std::vector<JobIndex> fresh_;   // submitted at this instant
  std::int64_t waiting_ = 0;
  std::vector<std::int64_t> waiting_by_team_;
  const Millis checkpoint_every_;
  std::map<JobIndex, WallTime> started_;
  std::map<JobIndex, Millis> done_;  // work that preempted jobs have saved
};

}  // namespace

std::unique_ptr<Policy> make_galley(const Workload& workload, const PolicyOptions& options,
                                    double error_sigma) {
  return std::make_unique<GalleyPolicy>(workload, options, error_sigma);
}

}  // namespace galley::simulation
