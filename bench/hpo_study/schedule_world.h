#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hpo/simulated_study.h"
#include "hpo/space.h"

namespace galley::bench {

/// Training whose best learning rate changes as it goes: stochastic descent on a quadratic with
/// noise, in expectation (the noisy quadratic model, arXiv:1907.04164). Large rates are fast and
/// end on a high floor, small ones are slow. The trainer lets the rate fall to a tenth by itself,
/// as most do; a better schedule gains what is left. Three more settings multiply the loss by a
/// bowl, in the mean over the epochs so far, whose bottom depends on the world's seed.
///
/// The measure is log10 of the loss with noise that depends on the run's seed and the epoch alone,
/// so that the same settings from the same weights give the same bits.
class ScheduleWorld final : public hpo::TrialWorld {
 public:
  static constexpr double kEpochs = 81;
  static constexpr double kEpochSeconds = 60;

  explicit ScheduleWorld(std::uint64_t seed);

  /// lr in [1e-3, 1.5] log-uniform; depth, decay, dropout with bounds for perturbation.
  static hpo::Space space();

  void start(hpo::TrialNumber trial, const hpo::Point& point, std::int64_t run_seed,
             const std::string& checkpoint) override;
  Step next(hpo::TrialNumber trial) override;
  std::string checkpoint(hpo::TrialNumber trial) override;

  /// The measure after training from nothing through these pieces, each to its last epoch.
  double replay(const std::vector<hpo::LineagePiece>& pieces);

 private:
  static constexpr std::size_t kModes = 24;
  struct Weights {
    std::array<double, kModes> second_moment{};
    double epoch = 0;
    double harm = 0;  // of the other settings, summed over epochs
  };
  struct Run {
    hpo::Point point;
    std::int64_t seed = 0;
    Weights weights;
  };
  double train_epoch(Run& run) const;

  std::uint64_t seed_;
  std::array<double, 3> bottom_{};
  std::map<hpo::TrialNumber, Run> runs_;
  std::vector<Weights> saved_;
};

}  // namespace galley::bench
