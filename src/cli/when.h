#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace galley::cli {

/// "just now", "42 s ago", "3 min ago", "5 h ago", "2 d ago", and "in 3 min" for the future: times
/// for people. Weeks and longer become the date, "2026-11-21".
std::string relative_time(WallTime time, WallTime now);

/// The same for a time of the API's JSON; empty for an empty text, the text itself when it is not
/// a time.
std::string relative_time(std::string_view rfc3339, WallTime now);

/// A time that a user typed: with a zone as the API takes it, or without one as this machine's own
/// local time. `option` is named by errors (invalid_argument).
Result<WallTime> parse_time_here(const std::string& option, const std::string& text);

/// How long from one time of the API to another, or to now when `until` is empty; empty when
/// `since` is.
std::string elapsed_time(std::string_view since, std::string_view until, WallTime now);

}  // namespace galley::cli
