#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "command.h"
#include "session.h"
#include "spec_file.h"

namespace galley::cli {

struct TuneOptions {
  std::string file;
  std::string name;
  std::string team;
  std::string memory;
  std::int64_t gpus = -1;
  std::int64_t cpus = 0;
  std::vector<std::string> after_dashes;
  std::vector<std::string> warm_start;
  bool detach = false;
};

/// The study as it is sent: the file, with what the command line adds.
Result<SpecFile> study_of_file(const TuneOptions& options);

/// galley tune preview and merge.
Command study_preview_command(Session& session);
Command study_merge_command(Session& session);

}  // namespace galley::cli
