#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/records.h"

namespace galley::api {

/// How many bytes at the end begin a UTF-8 character that is not complete: 0 to 3.
std::size_t incomplete_utf8_tail(std::string_view bytes);

/// {offset, attempt, text}; bytes that are no UTF-8 become U+FFFD.
std::string log_event(std::int64_t offset, std::int64_t attempt, std::string_view bytes);
/// {state, exit_code?}: of the job once it has ended, before that of the attempt.
std::string end_event(const protocol::JobRecord& job,
                      const std::optional<protocol::AttemptRecord>& attempt);

}  // namespace galley::api
