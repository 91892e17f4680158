#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "profiling/evaluation_set.h"
#include "profiling/profile.h"

namespace galley::profiling {

struct MeasureOptions {
  std::filesystem::path model;  // a GGUF file or a Hugging Face folder; or
  std::string target;           // the URL of a server with OpenAI's API
  std::string target_model;     // as the server names it; empty: its first
  std::string api_key;
  std::string ca_file;
  std::chrono::milliseconds target_timeout{30'000};  // between two pieces of an answer

  bool quick = true;
  /// Repetitions of each measurement at most, whatever the time; 0: as many as it allows.
  std::uint32_t rounds = 0;
  double seconds = 0;  // to measure in; 0: as the effort says
  double scale = 0;    // of the workloads' lengths; 0: as the context allows
  std::uint64_t seed = 1;
  std::uint32_t threads = 0;                  // 0: the processors that this process may use
  std::vector<std::uint64_t> memory_budgets;  // bytes; empty: 16 GiB
  std::vector<std::string> only;              // ids of experiments; empty: all
  std::vector<EvaluationItem> evaluation;
  std::filesystem::path programs;  // where galley-train-torch would stand
  std::string galley_version;
};

/// Time that a study measures in; what it loads and makes is in it too.
inline constexpr double kQuickSeconds = 85;
inline constexpr double kFullSeconds = 1200;

/// Told now and then how far the study is (0 to 1) and what it does.
using MeasureProgress = std::function<void(double ratio, const std::string& what)>;

/// Runs the experiments of the catalogue on one model or target. What cannot be measured is a note
/// in its experiment; experiments that a target cannot be asked for have notes and no rows.
///
/// Stopping ends it within a step of the model, with what was measured until then.
/// Needs the processor for itself to say anything about it; blocks for as long as the effort says.
/// Errors: invalid_argument (an experiment or a figure that there is not, a context too small for
/// any workload), those of opening the model or the target.
Result<Profile> measure(const MeasureOptions& options, const MeasureProgress& progress,
                        std::stop_token stop);

/// What a profile says of the model in these files, its snapshot aside; milliseconds, since nothing
/// is loaded. Errors: those of ModelFile::open.
Result<ProfiledModel> describe_model(const std::filesystem::path& model);

}  // namespace galley::profiling
