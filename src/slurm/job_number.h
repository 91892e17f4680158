#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace galley::slurm {

/// What Slurm calls a job, as people and its commands write it: "12", or "12_3" for a task of an
/// array. Slurm gives each task another number of its own once it starts; that is never used here.
struct JobNumber {
  std::int64_t job = 0;                   // 0: no job
  std::optional<std::int64_t> task = {};  // its index in the array `job`

  explicit operator bool() const { return job != 0; }
  auto operator<=>(const JobNumber&) const = default;
};

inline std::string to_string(const JobNumber& number) {
  std::string text = std::to_string(number.job);
  if (number.task) text += "_" + std::to_string(*number.task);
  return text;
}

}  // namespace galley::slurm
