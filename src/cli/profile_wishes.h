#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "command.h"
#include "profiling/capacity.h"
#include "profiling/measure.h"
#include "profiling/prediction.h"

namespace galley::cli {

/// What `galley models profile` was asked for, as it was written.
struct ProfileTexts {
  std::vector<std::string> models;   // files, folders, and profiles that exist
  std::vector<std::string> targets;  // URLs
  std::string target_model;
  std::string timeout;
  bool quick = false;
  std::string time;
  std::int64_t rounds = 0;
  std::string scale;
  std::int64_t seed = 1;
  std::int64_t threads = 0;
  std::vector<std::string> budgets;
  std::vector<std::string> only;
  std::string evaluation;
  std::string out;
  std::string predict;
  std::string device;
  std::string load;
  std::vector<std::string> p99;
  std::string price;
};

void define_profile_options(Options& options, ProfileTexts& texts);

/// The same, read and checked: everything that can be wrong is said before anything is measured.
struct ProfileWishes {
  std::vector<std::string> profiles;         // files to read
  profiling::MeasureOptions measure;         // without model and target
  std::vector<std::string> models, targets;  // to measure, in this order
  profiling::CapacityOptions capacity;
  bool predicts = false;
  profiling::PredictRequest prediction;
};

/// Errors: invalid_argument naming the option, what it holds and what would be right; not_found for
/// files that are not there.
Result<ProfileWishes> read_profile_wishes(const ProfileTexts& texts);

}  // namespace galley::cli
