#include "hpo/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "cmaes.h"
#include "gp_sampler.h"
#include "nsga2.h"
#include "plain_samplers.h"
#include "tpe.h"

namespace galley::hpo {
namespace {

/// Up to this many parameters and trials a Gaussian process is worth its cost on every ask.
constexpr std::size_t kMostGpParameters = 50;
constexpr std::uint64_t kGpTrials = 400;

/// The default on few workers: a Gaussian process while trials are few, later by turns with TPE,
/// whose cost does not grow and whose densities follow any shape.
class HybridSampler : public Sampler {
 public:
  HybridSampler(const Space& space, const SamplerOptions& options)
      : has_gp_(space.size() <= kMostGpParameters), tpe_(make_tpe_sampler(space, options)) {
    if (has_gp_) gp_ = make_gp_sampler(space, options);
  }

  Point ask(TrialNumber trial) override {
    const bool is_gp = has_gp_ && (asked_ < kGpTrials || asked_ % 2 == 0);
    ++asked_;
    Point point = (is_gp ? gp_ : tpe_)->ask(trial);
    if (is_gp)
      tpe_->adopt(trial, point);
    else if (has_gp_)
      gp_->adopt(trial, point);
    return point;
  }
  void adopt(TrialNumber trial, const Point& point) override {
    ++asked_;
    tpe_->adopt(trial, point);
    if (has_gp_) gp_->adopt(trial, point);
  }
  void observe(const Observation& observation) override {
    tpe_->observe(observation);
    if (has_gp_) gp_->observe(observation);
  }
  void forget(TrialNumber trial) override {
    tpe_->forget(trial);
    if (has_gp_) gp_->forget(trial);
  }

 private:
  bool has_gp_;
  std::unique_ptr<Sampler> gp_;
  std::unique_ptr<Sampler> tpe_;
  std::uint64_t asked_ = 0;
};

}  // namespace

const std::vector<std::string>& sampler_names() {
  static const std::vector<std::string> kNames{"random", "grid",  "sobol", "tpe",
                                               "gp",     "cmaes", "nsga2", "hybrid"};
  return kNames;
}

Result<std::unique_ptr<Sampler>> make_sampler(std::string_view name, const Space& space,
                                              const SamplerOptions& options) {
  if (std::ranges::find(sampler_names(), name) == sampler_names().end()) {
    const std::string close = nearest(name, sampler_names());
    return Error{Errc::invalid_argument,
                 fmt::format("there is no sampler '{}'", to_valid_utf8(name.substr(0, 64))),
                 "sampler", fmt::format("one of {}", fmt::join(sampler_names(), ", ")),
                 close.empty() ? "" : fmt::format("did you mean '{}'?", close)};
  }
  if (!(options.random_ratio >= 0.1 && options.random_ratio <= 1))
    return Error{Errc::invalid_argument,
                 fmt::format("the share of random proposals is {}", options.random_ratio),
                 "random_ratio", "0.1 to 1"};
  if (options.objectives < 1 || options.objectives > 16)
    return Error{Errc::invalid_argument, fmt::format("{} objectives", options.objectives),
                 "objectives", "1 to 16"};
  if (options.objectives > 1 && (name == "tpe" || name == "gp" || name == "cmaes"))
    return Error{Errc::unsupported,
                 fmt::format("'{}' minimises one objective, not {}", name, options.objectives),
                 "sampler", "nsga2, hybrid, sobol, random or grid"};
  if (name == "random") return make_random_sampler(space, options);
  if (name == "sobol") return make_sobol_sampler(space, options);
  if (name == "grid") return make_grid_sampler(space, options);
  if (name == "tpe") return make_tpe_sampler(space, options);
  if (name == "gp") return make_gp_sampler(space, options);
  if (name == "cmaes") return make_cmaes_sampler(space, options);
  if (name == "nsga2" || options.objectives > 1) return make_nsga2_sampler(space, options);
  return std::unique_ptr<Sampler>(std::make_unique<HybridSampler>(space, options));
}

}  // namespace galley::hpo
