#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hpo/space.h"

namespace galley::hpo {

using TrialNumber = std::int64_t;

/// What is known of a trial at one budget. Objectives are minimised: whoever maximises flips signs.
struct Observation {
  TrialNumber trial = 0;
  Point point;
  double resource = 0;               // epochs, steps or what the study counts; 0: the whole budget
  std::vector<double> objectives{};  // empty, or with a NaN or infinity: failed at this point
};

/// Proposes configurations. Pure: no clock, no I/O; what it proposes follows from its seed, the
/// trial's number and the calls before, so that the same calls in the same order give the same
/// proposals (this is how a study is replayed after a crash). Not thread-safe.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// A point of the space that holds its conditions and rules. The trial counts as running, and is
  /// avoided by later proposals as the method does that, until it is observed or forgotten.
  virtual Point ask(TrialNumber trial) = 0;
  /// What ask answered in a life before: leaves the sampler as that call did, without its cost.
  virtual void adopt(TrialNumber trial, const Point& point) = 0;
  /// A result: final, or of a rung (a trial may be observed at several resources; the one of the
  /// largest counts). Also takes points that it did not propose (warm start, by hand).
  virtual void observe(const Observation& observation) = 0;
  /// A running trial that will never be observed.
  virtual void forget(TrialNumber trial) = 0;
  /// Whether there is a point that it has not proposed; only a grid ever ends.
  virtual bool has_more() const { return true; }
};

struct SamplerOptions {
  std::uint64_t seed = 0;
  std::size_t objectives = 1;
  /// Share of the proposals that are drawn at random whatever a model believes, so that no model
  /// can keep a study from the optimum; of model-based samplers, at least 0.1.
  double random_ratio = 0.1;
  /// Proposals before a model is asked; 0: as the sampler thinks fit for the space.
  std::size_t startup_trials = 0;
};

/// "random", "grid", "sobol", "tpe", "gp", "cmaes", "nsga2", "hybrid".
const std::vector<std::string>& sampler_names();

/// Errors: invalid_argument  an unknown name (with the nearest), or options out of range
///         unsupported       several objectives for a sampler that minimises one; a grid over a
///                           continuum; CMA-ES over a space without numbers
Result<std::unique_ptr<Sampler>> make_sampler(std::string_view name, const Space& space,
                                              const SamplerOptions& options);

}  // namespace galley::hpo
