#pragma once

#include <array>
#include <map>
#include <span>
#include <string>

#include "estimator/features.h"

namespace galley::estimator {

/// Step time from its parts, each a factor times what its data sheet promises (step_terms), with
/// synchronisation partly hidden behind computation. Factors are of one network in one mode where
/// records of it exist, else of the network, else of all networks. After Pollux (OSDI'21, section
/// 3.2) and rooflines; factors are positive by construction and drawn to those of all networks, so
/// that few records suffice.
struct PhysicsModel {
  static constexpr std::size_t kOverlap = StepTerms::kCount;  // behind the terms' factors
  static constexpr std::size_t kLag = kOverlap + 1;  // spread of a replica's step, of its length
  using Factors = std::array<double, kLag + 1>;
  Factors pooled{2.5, 2, 1, 1, 1, 1, 1, 1, 0.2, 0.03};
  /// "network", "network|mode", and of a network known from probes of one device "network@device".
  std::map<std::string, Factors> of_network;
  /// Of networks whose records beat the roofline: their items must be smaller than their
  /// specification says, and so is the bound. Below 1.
  std::map<std::string, double> bound_ratio;
  /// How far records of one network lie from each other once all its factors are the pooled ones
  /// times one number: standard deviation of a logarithm. So little does one probe tell.
  double shape_spread = 0.3;
};

/// Computation C and synchronisation S take (C^p + S^p)^(1/p) with p = 1 + factors[kOverlap]: their
/// sum at p = 1, the longer of the two as p grows. Replicas wait for the slowest of them, which
/// lengthens C by its share factors[kLag] * terms.lag: items of unequal length, a shared host.
double combined_s(const PhysicsModel::Factors& factors, const StepTerms& terms);

std::string physics_key(const JobFeatures& job, bool with_mode);
inline constexpr char kProbedOn = '@';
std::string probed_key(const JobFeatures& job);

/// The factors that hold for this job. O(log networks).
const PhysicsModel::Factors& factors_of(const PhysicsModel& model, const JobFeatures& job);

struct PhysicsStep {
  double step_s = 0;   // never less than bound_s
  double bound_s = 0;  // no step can be shorter: roofline_s, loosened by bound_ratio; 0 unknown
  StepTerms parts;     // before overlap and bound
};
PhysicsStep physics_step(const PhysicsModel& model, const JobFeatures& job);

/// Its seconds alone.
double physics_step_s(const PhysicsModel& model, const JobFeatures& job);

/// Factors of all networks and of each, by least squares of the logarithms of step times. Those of
/// a network are drawn towards the pooled ones, those of a mode towards its network's, so that a
/// single record already calibrates. O(rows).
PhysicsModel fit_physics(std::span<const Observation> rows);

/// Gives networks that the model lacks factors of their own from a few measured steps: on the
/// device that was probed what was measured, on others as much of it as is likely to be the
/// network's doing, which follows from shape_spread. A few odd steps must not spoil what the
/// specification says (model_test).
void calibrate_physics(PhysicsModel& model, std::span<const Observation> probes);

}  // namespace galley::estimator
