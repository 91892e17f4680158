#include "hpo_study/schedule_world.h"

#include <charconv>
#include <cmath>

namespace galley::bench {
namespace {

constexpr int kStepsOfAnEpoch = 25;
constexpr double kNoiseOfGradient = 0.02;
constexpr double kMeasureNoise = 0.004;
constexpr double kOwnDecay = 0.9;
constexpr double kBowl = 4;  // how much a setting at the far end multiplies the loss, minus 1

}  // namespace

ScheduleWorld::ScheduleWorld(std::uint64_t seed) : seed_(seed) {
  hpo::Rng rng(seed, 11);
  for (auto& bottom : bottom_) bottom = 0.15 + 0.7 * rng.uniform();
}

hpo::Space ScheduleWorld::space() {
  using hpo::ParameterKind;
  auto space = hpo::Space::make(
      {{.name = "lr", .low = 1e-3, .high = 1.5, .log = true, .hard_low = 1e-4, .hard_high = 1.5},
       {.name = "decay",
        .low = 1e-6,
        .high = 1e-2,
        .log = true,
        .hard_low = 1e-6,
        .hard_high = 1e-2},
       {.name = "dropout", .low = 0, .high = 0.6, .hard_low = 0, .hard_high = 0.6},
       {.name = "depth",
        .kind = ParameterKind::integer,
        .low = 2,
        .high = 22,
        .step = 1,
        .hard_low = 2,
        .hard_high = 22}});
  GALLEY_CHECK(space.has_value(), "a space of four ranges");
  return *std::move(space);
}

void ScheduleWorld::start(hpo::TrialNumber trial, const hpo::Point& point, std::int64_t run_seed,
                          const std::string& checkpoint) {
  Run run{point, run_seed, {}};
  run.weights.second_moment.fill(1);
  std::size_t index = 0;
  if (!checkpoint.empty()) {
    std::from_chars(checkpoint.data(), checkpoint.data() + checkpoint.size(), index);
    run.weights = saved_.at(index);
  }
  runs_[trial] = run;
}

double ScheduleWorld::train_epoch(Run& run) const {
  // Most trainers let the rate fall by themselves: what a schedule can still gain is the rest.
  const double rate = run.point[0] * (1 - kOwnDecay * run.weights.epoch / kEpochs);
  double loss = 0;
  for (std::size_t i = 0; i < kModes; ++i) {
    // Curvatures fall as 1/i, as in the paper; the gradient's noise is as large as the curvature.
    const double curvature = 1.0 / static_cast<double>(i + 1);
    double& moment = run.weights.second_moment[i];
    for (int step = 0; step < kStepsOfAnEpoch; ++step) {
      const double shrink = 1 - rate * curvature;
      moment = shrink * shrink * moment + rate * rate * curvature * kNoiseOfGradient;
    }
    loss += 0.5 * curvature * moment;
  }
  run.weights.epoch += 1;
  const auto space_unit = [](double value, double low, double high) {
    return (value - low) / (high - low);
  };
  const std::array<double, 3> unit{
      space_unit(std::log(run.point[1]), std::log(1e-6), std::log(1e-2)),
      space_unit(run.point[2], 0, 0.6), space_unit(run.point[3], 2, 22)};
  // What was trained with bad settings is not mended by good ones at the end: the mean of all
  // epochs counts.
  for (std::size_t i = 0; i < unit.size(); ++i)
    run.weights.harm += std::log1p(kBowl * (unit[i] - bottom_[i]) * (unit[i] - bottom_[i]));
  loss *= std::exp(run.weights.harm / run.weights.epoch);
  hpo::Rng rng(seed_ + static_cast<std::uint64_t>(run.seed) * 1'000'003,
               static_cast<std::uint64_t>(run.weights.epoch));
  return std::log10(loss) + kMeasureNoise * rng.normal();
}

hpo::TrialWorld::Step ScheduleWorld::next(hpo::TrialNumber trial) {
  auto& run = runs_.at(trial);
  const double measure = train_epoch(run);
  return {.kind = run.weights.epoch >= kEpochs ? Step::Kind::last_report : Step::Kind::report,
          .seconds = kEpochSeconds,
          .resource = run.weights.epoch,
          .objectives = {measure}};
}

std::string ScheduleWorld::checkpoint(hpo::TrialNumber trial) {
  saved_.push_back(runs_.at(trial).weights);
  return std::to_string(saved_.size() - 1);
}

double ScheduleWorld::replay(const std::vector<hpo::LineagePiece>& pieces) {
  Run run;
  run.weights.second_moment.fill(1);
  double measure = 0;
  for (const auto& piece : pieces) {
    run.point = piece.point;
    while (run.weights.epoch < piece.to_resource) measure = train_epoch(run);
  }
  return measure;
}

}  // namespace galley::bench
