#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace galley::slurm {

/// slurm.json in an attempt's folder: whether Slurm may have a job of it.
struct SubmissionRecord {
  WallTime since{};                 // sbatch was about to be started
  std::optional<std::int64_t> job;  // once it had answered
};

inline constexpr const char* kSubmissionFile = "slurm.json";

/// Durable on disk when it returns, the folder's own name included: a power cut must not make us
/// forget a job that Slurm remembers.
Status write_submission(const std::filesystem::path& folder, const SubmissionRecord& record);
/// Nothing when sbatch was never started. Errors: corrupt; the file system's.
Result<std::optional<SubmissionRecord>> read_submission(const std::filesystem::path& folder);

/// Pure; for read_submission. Errors: corrupt.
Result<SubmissionRecord> parse_submission(std::string_view text);

}  // namespace galley::slurm
