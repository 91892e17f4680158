#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "studies/studies.h"

// What charts need of a study: columns instead of rows, thinned where a screen shows no more. All
// of it is a copy: nothing here changes when the study goes on.

namespace galley::studies {

/// A parameter as an axis and a column.
struct TableAxis {
  enum class Kind { real, integer, categorical, ordered };
  std::string name;
  Kind kind = Kind::real;
  double low = 0, high = 1;  // of numbers; values may lie outside, within a perturbation's bounds
  bool log = false;
  double step = 0;               // 0: any
  Json choices = Json::array();  // of categorical and ordered
  bool conditional = false;      // it does not exist in every trial
  std::vector<double> values{};  // by trial: the number, or the choice's index; NaN: does not exist
};

/// All trials, column by column; every column has one entry a trial, by number.
struct StudyTable {
  std::vector<TableAxis> axes;
  struct MeasureColumn {
    MeasureView measure;
    std::vector<double> values;  // of the last report; NaN: none
  };
  std::vector<MeasureColumn> measures;
  std::vector<std::string> state_words;
  std::vector<std::uint8_t> states;  // indices of state_words
  std::vector<std::int32_t> attempts;
  std::vector<double> resources;    // spent
  std::vector<double> budgets;      // that it may spend
  std::vector<double> gpu_seconds;  // spent
  std::optional<std::int64_t> best;
  std::vector<std::int64_t> front;  // finished trials that no other beats in every measure

  /// Trials of other studies that it began with, as columns of their own in the same order of axes
  /// and measures.
  struct Known {
    std::vector<std::pair<std::string, std::string>> studies;  // id and name, each once
    std::vector<std::size_t> from;                             // index of `studies`
    std::vector<std::int64_t> numbers;                         // there
    std::vector<std::uint8_t> failed;
    std::vector<double> resources;
    std::vector<std::vector<double>> axes, measures;
  };
  Known known;
};

struct CurvesWanted {
  std::vector<std::int64_t> trials{};  // empty: the best half of `limit`, and an even choice of all
  std::int64_t limit = 400;
};

/// Reports of the first measure as they came. In a population the resource falls where a member
/// took over the weights of another.
struct TrialCurve {
  std::int64_t trial = 0;
  std::vector<double> at_s{};  // since the study began
  std::vector<double> resource{};
  std::vector<double> value{};  // NaN: none
};

struct StudyCurves {
  MeasureView measure;
  std::vector<TrialCurve> curves;  // by number
  std::int64_t of = 0;             // trials that have reported
};

/// Two series of steps: each value holds from its time to the next. Seconds since the study began.
struct StudyTimeline {
  WallTime began{};
  double until_s = 0;  // now, or when the study ended
  std::vector<double> at_s;
  std::vector<std::int64_t> live, stop, dead, ended;
  std::vector<double> share_at_s;
  std::vector<double> this_gpus, tuning_gpus, people_gpus;  // tuning_gpus: of other studies
};

/// One trial from its beginning.
struct TrialHistory {
  TrialView trial;
  double gpu_seconds = 0;
  double lost_gpu_seconds = 0;  // trained after the last checkpoint, then taken away
  struct Attempt {
    std::int64_t number = 1;
    std::string job_id{};
    std::optional<double> began_s{};
    std::optional<double> ended_s{};
    std::string ended_by{};  // released, preempted, finished, failed or infeasible; empty: it runs
    double from_resource = 0;
    double to_resource = 0;
  };
  std::vector<Attempt> attempts;
  struct Piece {
    std::int64_t trial = 0;
    Json params;
    double from_resource = 0;
    double to_resource = 0;
  };
  std::vector<Piece> lineage;  // whose settings trained its weights, oldest first
  TrialCurve curve;
};

}  // namespace galley::studies
