#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "protocol/samples.h"

namespace galley::agent {

/// What the attempts below a folder use now, and which processes are theirs. Reads the small files
/// of each attempt that has not ended and /proc of its processes: some 50 us a process.
struct JobUse {
  std::vector<protocol::JobSample> jobs;
  std::map<std::int64_t, AttemptId> attempt_of_pid;
};
JobUse look_at_jobs(const std::filesystem::path& attempts_folder);

/// The attempt of a process that has left its tree, by its environment.
std::optional<AttemptId> attempt_of_process(std::int64_t pid,
                                            const std::filesystem::path& attempts_folder);
/// Who runs a process; empty when it is gone.
std::string user_of_process(std::int64_t pid);

}  // namespace galley::agent
