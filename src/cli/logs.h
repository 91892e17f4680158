#pragma once

#include <cstdint>
#include <string>

#include "session.h"

namespace galley::cli {

/// Where in a job's output to begin.
struct LogPlace {
  std::int64_t attempt = 0;  // 0 = the newest
  std::int64_t offset = 0;   // of a byte in that attempt's output
  std::int64_t rank = 0;     // of the member of a gang
};

/// Copies the output of a job to stdout until the job has ended, further attempts included, and
/// answers its last record. Waits for a job that has not begun; goes on at the same byte when the
/// server was restarted. Errors: not_found; unavailable when the server stays away for a minute.
Result<Json> follow_log(Session& session, const std::string& job, LogPlace place);

}  // namespace galley::cli
