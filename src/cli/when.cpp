#include "when.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "base/units.h"

namespace galley::cli {

std::string relative_time(WallTime time, WallTime now) {
  const bool past = time <= now;
  const std::int64_t seconds = std::abs(to_ms(now) - to_ms(time)) / 1000;
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 86'400;
  if (seconds < 2) return past ? "just now" : "now";
  if (seconds >= 14 * kDay) return to_rfc3339(time).substr(0, 10);
  std::string length;
  if (seconds < kMinute)
    length = fmt::format("{} s", seconds);
  else if (seconds < kHour)
    length = fmt::format("{} min", seconds / kMinute);
  else if (seconds < 2 * kDay)
    length = fmt::format("{} h", seconds / kHour);
  else
    length = fmt::format("{} d", seconds / kDay);
  return past ? length + " ago" : "in " + length;
}

std::string relative_time(std::string_view rfc3339, WallTime now) {
  if (rfc3339.empty()) return {};
  const auto time = parse_rfc3339(rfc3339);
  return time ? relative_time(*time, now) : std::string(rfc3339);
}

Result<WallTime> parse_time_here(const std::string& option, const std::string& text) {
  if (auto exact = parse_rfc3339(text); exact && text.find_first_of("Tt ") != std::string::npos)
    return exact;
  // Read as if it were UTC, then taken apart again as a local time.
  const bool only_date = text.find_first_of("Tt ") == std::string::npos;
  const auto as_utc = parse_rfc3339(only_date ? text + "T00:00Z" : text + "Z");
  if (!as_utc)
    return Error{Errc::invalid_argument, "found '" + text.substr(0, 64) + "'", option,
                 "a time, such as 2026-12-01T09:00 or 2026-12-01T09:00+09:00"};
  const auto seconds = static_cast<std::time_t>(to_ms(*as_utc) / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  return from_ms(static_cast<std::int64_t>(std::mktime(&parts)) * 1000);
}

std::string elapsed_time(std::string_view since, std::string_view until, WallTime now) {
  const auto start = parse_rfc3339(since);
  if (!start) return {};
  const auto end = until.empty() ? Result<WallTime>(now) : parse_rfc3339(until);
  // The server's clock may be a little ahead of ours.
  return end ? format_duration(std::max(Millis{0}, *end - *start)) : std::string{};
}

}  // namespace galley::cli
