#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "estimator/kernel_model.h"
#include "estimator/physics.h"
#include "estimator/regressors.h"

namespace galley::estimator {

/// How much is known of a job's kind. Each has error quantiles of its own, measured by leaving such
/// jobs out of the fit.
enum class Familiarity { seen, near, new_gpu, new_network, new_both };
inline constexpr std::size_t kFamiliarities = 5;
std::string_view to_string(Familiarity familiarity);

/// What a probe can have told of a job: the network was new and was probed on this device or on
/// another one only, or the device was new and was probed with this network or with others only.
enum class ProbedKind { network_here, network_elsewhere, gpu_same_network, gpu_other_network };
inline constexpr std::size_t kProbedKinds = 4;
std::string_view to_string(ProbedKind kind);

/// Quantiles of log(actual / estimate) over records that the fit had not seen.
struct ErrorQuantiles {
  static constexpr std::array<double, 5> kLevels{0.05, 0.1, 0.5, 0.9, 0.95};
  std::array<double, 5> log_error{-1.1, -0.7, 0, 0.7, 1.1};
  double count = 0;  // records behind them
};

/// How far what a probe tells is believed, and the errors that remain; both measured by leaving
/// networks and devices out and probing them.
struct ProbedErrors {
  double weight = 1;      // of the calibrated estimate; the uncalibrated one has the rest
  ErrorQuantiles errors;  // count 0: not measured
};

/// Everything that estimates need: the physics, and what it leaves as learned from similar jobs
/// (kernel) and from features (trees). Made by estimator_fit, kept as one JSON file.
struct EstimatorModel {
  PhysicsModel physics;
  KernelModel kernel;
  DenseEncoder encoder;
  TreeModel trees;
  double kernel_weight = 1;      // of the learned part; trees have the rest
  double near_similarity = 0.5;  // from it on, a known kind of job counts as seen
  std::array<ErrorQuantiles, kFamiliarities> errors;
  /// [kind][0: one probe, 1: several].
  std::array<std::array<ProbedErrors, 2>, kProbedKinds> probed_errors;
  /// Probes of devices and networks that are known from those alone (calibrate), and of
  /// "network@device"; what was known without them.
  std::map<std::string, std::size_t> probed;
  std::shared_ptr<const EstimatorModel> unprobed;
  double records = 0;
};

struct Estimate {
  double step_s = 0;  // p50
  double step_s_p10 = 0;
  double step_s_p90 = 0;
  double step_s_low = 0;  // 90 % interval
  double step_s_high = 0;
  double roofline_s = 0;  // no step can be shorter; 0 unknown
  StepTerms parts;        // of the physics, seconds
  double similarity = 0;  // to the nearest past job, 0 to 1: the confidence
  Familiarity familiarity = Familiarity::new_both;
  std::string nearest;  // that past job, in words; "" without any
};

/// Pure; safe from any thread; about 15 µs (bench: predict_us). Errors: invalid_argument (check()).
Result<Estimate> predict(const EstimatorModel& model, const JobFeatures& job);

/// log(step) without interval, for callers that compare many configurations.
double predict_log_step(const EstimatorModel& model, const JobFeatures& job);

/// The same model with a few measured steps taken in: one probe of 30 to 100 steps moves every
/// estimate of jobs like it. O(points^3), some milliseconds. Errors: invalid_argument for a probe
/// that is out of range.
Result<EstimatorModel> calibrate(EstimatorModel model, std::span<const Observation> probes);

/// The part that bounds the step: "compute", "memory", "launches", "input" or "synchronisation".
std::string_view bound_of(const StepTerms& parts);

/// One JSON document: {"kind": "estimator", "version": 1, ...}; docs/estimates.md.
std::string print_model(const EstimatorModel& model);
/// Errors: invalid_argument for what is no such document, of another version, or inconsistent:
/// nothing that reads can make an estimate read out of bounds or run forever.
Result<EstimatorModel> parse_model(std::string_view json);

}  // namespace galley::estimator
