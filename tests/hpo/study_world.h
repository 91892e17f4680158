#pragma once

// A space of two parameters, a sampler of plain draws, and a world whose curves are a formula:
// what the tests of studies train.

#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "hpo/sampler.h"
#include "hpo/simulated_study.h"
#include "hpo/space.h"

namespace galley::hpo::test {

inline Space line_space() {
  auto space = Space::make(
      {{.name = "x", .low = 0, .high = 1},
       {.name = "epochs", .kind = ParameterKind::integer, .low = 9, .high = 27, .step = 1}});
  GALLEY_CHECK(space.has_value(), "a space of two ranges");
  return *std::move(space);
}

inline Result<std::unique_ptr<Sampler>> draws(const StudySpec& spec, const Space& space) {
  return make_sampler("random", space, {.seed = spec.seed});
}

/// Accuracy 1 - (x - 0.7)^2 is approached at a rate of 1 / epoch; a step takes 10 s. Weights are a
/// number, so that a checkpoint can name them: what was learned, in epochs.
class LineWorld final : public TrialWorld {
 public:
  explicit LineWorld(double budget, double noise = 0, double failing = 0)
      : budget_(budget), noise_(noise), failing_(failing) {}

  void start(TrialNumber trial, const Point& point, std::int64_t run_seed,
             const std::string& checkpoint) override {
    auto& run = runs_[trial];
    run = {point[0], 0, run_seed};
    if (!checkpoint.empty())
      std::from_chars(checkpoint.data(), checkpoint.data() + checkpoint.size(), run.epochs);
  }
  Step next(TrialNumber trial) override {
    auto& run = runs_.at(trial);
    if (run.x < failing_ && run.epochs >= 2) return {.kind = Step::Kind::failure, .seconds = 10};
    run.epochs += 1;
    Rng rng(static_cast<std::uint64_t>(run.x * 1e9), static_cast<std::uint64_t>(run.seed));
    const double loss = (run.x - 0.7) * (run.x - 0.7) + 1 / run.epochs;
    return {.kind = run.epochs >= budget_ ? Step::Kind::last_report : Step::Kind::report,
            .seconds = 10,
            .resource = run.epochs,
            .objectives = {1 - loss + noise_ * rng.normal()}};
  }
  std::string checkpoint(TrialNumber trial) override {
    return std::to_string(static_cast<int>(runs_.at(trial).epochs));
  }

 private:
  struct Run {
    double x = 0;
    double epochs = 0;
    std::int64_t seed = 0;
  };
  double budget_;
  double noise_;
  double failing_;
  std::map<TrialNumber, Run> runs_;
};

}  // namespace galley::hpo::test
