#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/ids.h"

namespace galley::protocol {

/// Where a job goes on: a checkpoint that an earlier run registered.
struct CheckpointSource {
  RunId run;
  std::string path;             // as the run registered it: a file's or a folder's
  std::string manifest_sha256;  // of its content; empty: the one that the path has now
  bool operator==(const CheckpointSource&) const = default;
};

/// RUN/PATH, or RUN/PATH@SHA256 once it is settled which content that is. Errors: invalid_argument.
Result<CheckpointSource> parse_checkpoint(std::string_view text);
std::string print_checkpoint(const CheckpointSource& source);

/// The name under which an agent fetches and keeps a checkpoint's content, beside data sets.
std::string checkpoint_content(std::string_view manifest_sha256);
/// The manifest's SHA-256 of such a name; empty for the name of a data set.
std::string_view manifest_of_content(std::string_view name);

}  // namespace galley::protocol
