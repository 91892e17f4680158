#include "busy_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace galley::bench {
namespace {

constexpr std::array<const char*, 4> kModels{"NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3",
                                             "NVIDIA L40S", "NVIDIA V100-SXM2-32GB"};
constexpr std::int64_t kNodesOfARack = 16;
constexpr int kTeams = 20;

}  // namespace

BusyFleet::BusyFleet(std::int64_t nodes, std::int64_t gpus_of_a_node, std::uint64_t seed)
    : random_(seed), gpus_(nodes * gpus_of_a_node) {
  for (std::int64_t i = 0; i < nodes; ++i) {
    scheduler::NodeOffer offer;
    offer.id = NodeId::trusted(fmt::format("node_{:026}", i));
    offer.name = fmt::format("gpu{:05}", i);
    offer.cpus = 16 * gpus_of_a_node;
    offer.memory_bytes = gpus_of_a_node * (std::int64_t{128} << 30);
    offer.zone = {fmt::format("rack{}", i / kNodesOfARack)};
    for (std::int64_t g = 0; g < gpus_of_a_node; ++g)
      offer.devices.push_back({.id = fmt::format("GPU-{}-{}", i, g),
                               .model = kModels[static_cast<std::size_t>(i) % kModels.size()],
                               .memory_bytes = std::int64_t{80} << 30});
    for (std::int64_t size = 2; size < gpus_of_a_node; size *= 2)
      for (std::int64_t first = 0; first + size <= gpus_of_a_node; first += size)
        offer.cells.push_back(((std::uint64_t{1} << size) - 1) << first);
    scheduler_.apply(scheduler::NodeUp{std::move(offer)});
  }
}

scheduler::QueuedJob BusyFleet::next_job() {
  const auto chance = [&] { return std::uniform_real_distribution<>(0, 1)(random_); };
  scheduler::QueuedJob job;
  job.seq = ++jobs_;
  job.id = JobId::trusted(fmt::format("job_{:026}", jobs_));
  job.team = fmt::format("team{}", std::uniform_int_distribution<>(0, kTeams - 1)(random_));
  job.queued_at = now_;
  const double kind = chance();
  job.resources.gpus = kind < 0.6 ? 1 : kind < 0.72 ? 2 : kind < 0.84 ? 4 : 8;
  if (kind > 0.96) job.resources.nodes = std::int64_t{2} << (jobs_ % 3);
  job.resources.cpus = job.resources.gpus * (chance() < 0.5 ? 4 : 8);
  job.resources.memory = {job.resources.gpus * (std::int64_t{32} << 30)};
  if (chance() < 0.4)
    job.resources.gpu_type = std::array{"A100", "H100", "L40S", "V100"}[random_() % 4];
  const double luck = chance();
  job.priority_class = luck < 0.05  ? protocol::PriorityClass::urgent
                       : luck < 0.9 ? protocol::PriorityClass::normal
                                    : protocol::PriorityClass::idle;
  if (chance() < 0.7) {
    const double minutes = std::exp(std::normal_distribution<>(4, 1.5)(random_));
    const Millis typical{static_cast<std::int64_t>(std::ceil(minutes) * 60e3)};
    job.runtime = scheduler::Runtime{typical, typical * 3};
  }
  return job;
}

JobId BusyFleet::end_any() {
  const std::size_t pick = random_() % running_.size();
  std::swap(running_[pick], running_.back());
  const Running ended = std::move(running_.back());
  running_.pop_back();
  gpus_in_use_ -= ended.gpus;
  return ended.job.id;
}

void BusyFleet::carry_out(const scheduler::Plan& plan) {
  for (const scheduler::Preemption& preemption : plan.preemptions) {
    const auto found = std::ranges::find(running_, preemption.victim,
                                         [](const Running& running) { return running.job.id; });
    const Running victim = *found;
    running_.erase(found);
    gpus_in_use_ -= victim.gpus;
    scheduler_.apply(scheduler::JobStopping{victim.job.id});
    scheduler_.apply(scheduler::JobGone{victim.job.id, now_});
    scheduler_.apply(scheduler::JobQueued{victim.job});
  }
  for (const scheduler::Start& start : plan.starts) {
    const scheduler::QueuedJob job = *scheduler_.find(start.job);
    scheduler_.apply(scheduler::JobPlaced{job, start.placement, now_});
    const std::int64_t gpus = job.resources.gpus * job.resources.nodes;
    gpus_in_use_ += gpus;
    running_.push_back({job, gpus});
  }
}

double BusyFleet::gpus_in_use_ratio() const {
  return static_cast<double>(gpus_in_use_) / static_cast<double>(gpus_);
}

}  // namespace galley::bench
