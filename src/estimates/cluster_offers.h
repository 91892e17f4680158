#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "estimator/advice.h"
#include "protocol/guide.h"
#include "protocol/job_spec.h"
#include "protocol/records.h"

namespace galley::estimates {

/// The site's GPUs of one model.
struct ClusterGpu {
  std::string model;  // as its nodes call it
  estimator::GpuSpec spec;
  bool guessed = false;  // no data sheet is known: spec is a typical one
  std::int64_t total = 0;
  std::int64_t free = 0;      // held by no job
  std::int64_t per_node = 0;  // of the fullest node
};

/// Those of nodes that take jobs, in service; the most numerous first.
std::vector<ClusterGpu> cluster_gpus(const std::vector<protocol::NodeRecord>& nodes);

/// Whether a job that asks for GPUs of this type takes that model: every word of the type stands in
/// the model's name. No type takes any.
bool is_of_type(const std::string& model, const std::optional<std::string>& type);

/// GPUs that waiting jobs ask for, of this model or of any.
std::int64_t gpus_waited_for(const std::vector<protocol::JobSpec>& waiting, const ClusterGpu& gpu);

/// The site's own machines as configurations. An hour costs the power; what a run takes from others
/// (all but the share that nobody else holds or waits for) is worth what it would cost to rent.
struct ClusterPrices {
  std::function<double(const estimator::GpuSpec&)> rent_usd_per_h;  // of one GPU; 0: unknown
  double usd_per_kwh = 0.15;
  double overhead_ratio = 1.4;  // cooling and distribution
};

estimator::Offer cluster_offer(const ClusterGpu& gpu, std::int64_t gpus, std::int64_t waited_for,
                               const ClusterPrices& prices);

/// Counts of GPUs that are worth comparing: those asked for, or 1, 2, 4, … up to all there are.
std::vector<std::int64_t> cluster_counts(const ClusterGpu& gpu, const std::vector<double>& wanted);

/// What the scheduler is asked about an offer. `like` tells team, class and the rest.
protocol::JobSpec spec_of_offer(const ClusterGpu& gpu, const estimator::Offer& offer,
                                protocol::JobSpec like);

/// Puts the guide's start in. False: the cluster can never start it.
bool add_wait(const protocol::GuideRecord& guide, WallTime now, estimator::Offer& offer);

}  // namespace galley::estimates
