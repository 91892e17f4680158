#pragma once

#include <filesystem>

#include "base/file.h"
#include "base/result.h"
#include "process/attempt_files.h"

namespace galley::process {

/// The place for exit.json, taken while there is still room on the disk: a job that fills it must
/// not take its own exit status with it.
class ExitFile {
 public:
  /// Makes exit.json.new with its blocks allocated. Errors: exhausted, forbidden, ...
  static Result<ExitFile> reserve(const std::filesystem::path& folder);

  /// Writes the status and gives the file its final name, then makes both durable. The name
  /// appears before the sync: a machine that fails in between loses the attempt as a whole, and a
  /// reader that saw the status has stored it elsewhere. Errors: those of the file system; trying
  /// again is safe.
  Status commit(const AttemptExit& exit);

 private:
  ExitFile() = default;
  std::filesystem::path folder_;
  UniqueFd fd_;
};

}  // namespace galley::process
