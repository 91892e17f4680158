#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "job_number.h"

namespace galley::slurm {

/// Where an attempt stands in an array of Slurm's.
struct ArrayPlace {
  std::string name;  // the array's own; see comment_of_array()
  std::int64_t index = 0;
  bool operator==(const ArrayPlace&) const = default;
};

/// slurm.json in an attempt's folder: whether Slurm may have a job of it.
struct SubmissionRecord {
  WallTime since{};                   // sbatch was about to be started
  std::optional<ArrayPlace> array{};  // absent: it is a job of its own
  std::optional<JobNumber> job{};     // once sbatch had answered
};

inline constexpr const char* kSubmissionFile = "slurm.json";

/// Durable on disk when it returns; of a new folder, its parent has to be synced too. A power cut
/// must not make us forget a job that Slurm remembers.
Status write_submission(const std::filesystem::path& folder, const SubmissionRecord& record);
/// Nothing when sbatch was never started. Errors: corrupt; the file system's.
Result<std::optional<SubmissionRecord>> read_submission(const std::filesystem::path& folder);

/// Pure; for read_submission and write_submission. Errors: corrupt.
Result<SubmissionRecord> parse_submission(std::string_view text);
std::string print_submission(const SubmissionRecord& record);

}  // namespace galley::slurm
