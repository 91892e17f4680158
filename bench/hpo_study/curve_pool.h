#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "hpo/simulated_study.h"
#include "hpo/space.h"

namespace galley::bench {

/// One training run that was recorded epoch by epoch.
struct RecordedCurve {
  std::vector<double> settings;  // in the order of CurvePool::names
  double epochs = 0;             // planned
  bool diverged = false;
  std::vector<double> at_s;   // since its start, of each epoch
  std::vector<double> score;  // after each epoch, maximised
};

/// A list of configurations with the real curves of each: the search draws from these, since only
/// these were trained.
struct CurvePool {
  std::string name;
  std::vector<std::string> names;  // of the settings; "epochs" is one
  std::vector<RecordedCurve> runs;

  /// The least score of the `count` runs that came furthest: as many reach it.
  double reached_by(std::size_t count) const;
  /// Parameter 0 is the run's index; the others its settings, with ranges as in the list, the
  /// logarithm for those that span a factor of 100 or more.
  hpo::Space space() const;
  hpo::Point point(std::size_t run) const;
};

/// Reads NAME.configs.csv and NAME.curves.csv of the folder or of opda/ below it. An empty name
/// takes alexnet-imagenet, or where that is absent the first set that has times.
/// Errors: not_found, invalid_argument with file and line.
Result<CurvePool> read_curve_pool(const std::filesystem::path& folder, const std::string& name);

/// Replays the runs. A run that diverged before its first epoch fails after 300 s, one that
/// diverged later fails one mean epoch after its last.
class CurveWorld final : public hpo::TrialWorld {
 public:
  explicit CurveWorld(const CurvePool& pool) : pool_(pool) {}
  void start(hpo::TrialNumber trial, const hpo::Point& point, std::int64_t run_seed,
             const std::string& checkpoint) override;
  Step next(hpo::TrialNumber trial) override;
  std::string checkpoint(hpo::TrialNumber trial) override;

 private:
  struct Place {
    std::size_t run = 0;
    std::size_t epochs_done = 0;
  };
  const CurvePool& pool_;
  std::map<hpo::TrialNumber, Place> places_;
};

}  // namespace galley::bench
