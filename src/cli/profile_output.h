#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "profiling/capacity.h"
#include "profiling/merge.h"
#include "profiling/prediction.h"
#include "profiling/profile.h"
#include "session.h"

namespace galley::cli {

/// What a study came to.
struct ProfileOutcome {
  std::vector<profiling::Profile> profiles;
  std::size_t measured = 0;  // of them, the last ones; the others were read
  std::optional<profiling::Comparison> comparison;
  std::optional<profiling::Prediction> prediction;
  /// The prediction's own test on the studies that were given; none where they are too few.
  std::optional<profiling::HeldOut> held_out;
};

/// profile-NAME.json and .html of each measured one, comparison and prediction beside them;
/// existing files are replaced. Returns what was written. Errors: those of writing.
Result<std::vector<std::filesystem::path>> write_profiles(
    const ProfileOutcome& outcome, const profiling::CapacityOptions& capacity,
    const std::filesystem::path& folder);

/// One JSON document: figures and answers of each profile, comparison, prediction.
void print_profiles_json(const Session& session, const ProfileOutcome& outcome,
                         const profiling::CapacityOptions& capacity);

/// The plain answers, a paragraph for each experiment.
void print_answers(const Session& session, const ProfileOutcome& outcome,
                   const profiling::CapacityOptions& capacity);

/// "Llama 3/8B" -> "llama-3-8b": a name that any file system takes.
std::string file_name_of(const std::string& name);

}  // namespace galley::cli
