#include "eta_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "fields.h"

namespace galley::cli {
namespace {

std::string duration_words(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3'600;
  constexpr double kDay = 86'400;
  if (seconds < 1.5 * kMinute) return fmt::format("{:.0f} s", std::max(1.0, seconds));
  if (seconds < 1.5 * kHour) return fmt::format("{:.0f} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{:.1f} h", seconds / kHour);
  return fmt::format("{:.1f} d", seconds / kDay);
}

std::tm eta_local_time(WallTime time) {
  const auto seconds = static_cast<std::time_t>(to_ms(time) / 1'000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}

/// The time of day; to the second where that is soon, with the day where it is another one.
std::string clock_words(WallTime time, WallTime now) {
  constexpr Millis kSoon = std::chrono::minutes(2);
  const std::tm then = eta_local_time(time);
  const std::tm today = eta_local_time(now);
  const bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
  std::string text = fmt::format("{:02}:{:02}", then.tm_hour, then.tm_min);
  if (time - now < kSoon) text += fmt::format(":{:02}", then.tm_sec);
  if (same_day) return text;
  return fmt::format("{:04}-{:02}-{:02} {}", then.tm_year + 1900, then.tm_mon + 1, then.tm_mday,
                     text);
}

std::string spread_words(const Json& holder, WallTime now) {
  const Json& remaining = child_of(holder, "remaining_s");
  const auto finish = parse_rfc3339(text_of(holder, "finish_at"));
  if (!remaining.is_object() || !finish) return {};
  const double half = (real_of(remaining, "p90") - real_of(remaining, "p10")) / 2;
  return fmt::format("{} ± {}", clock_words(*finish, now), duration_words(half));
}

}  // namespace

std::string eta_time(const Json& eta, WallTime now) { return spread_words(eta, now); }

std::string eta_sentence(const Json& eta, WallTime now) {
  if (!eta.is_object()) return {};
  const std::string unit = text_of(eta, "unit") == "epoch" ? "epoch" : "step";
  const bool counts = child_of(eta, "step").is_number();
  std::string far;
  if (counts) {
    far = fmt::format("{} {:.6g}", unit, real_of(eta, "step"));
    if (child_of(eta, "total_steps").is_number())
      far += fmt::format(" of {:.6g}", real_of(eta, "total_steps"));
    if (text_of(eta, "total_from") == "predicted") far += " as in earlier runs";
    if (child_of(eta, "progress_ratio").is_number())
      far = fmt::format("{:.0f} %, {}", 100 * real_of(eta, "progress_ratio"), far);
    if (child_of(eta, "step_s").is_number())
      far += fmt::format(", {:.3g} s each", real_of(eta, "step_s"));
  }
  if (text_of(eta, "from") == "before") far = "as estimated before it began";
  const Json& cost = child_of(eta, "cost_remaining_usd");
  if (cost.is_object()) far += fmt::format(", ${:.2f} to go", real_of(cost, "p50"));
  const std::string when = spread_words(eta, now);
  if (when.empty()) return far;
  return far.empty() ? "done at " + when : fmt::format("done at {} ({})", when, far);
}

std::string eta_target(const Json& eta, WallTime now) {
  const Json& target = child_of(eta, "to_target");
  if (!target.is_object()) return {};
  const std::string what =
      fmt::format("{} {:.6g}", text_of(target, "metric"), real_of(target, "value"));
  const std::string outlook = text_of(target, "outlook");
  if (outlook == "reached") return what + " is reached";
  if (outlook == "out of reach") return what + " is out of reach, as far as can be seen";
  const std::string when = spread_words(target, now);
  return when.empty() ? what + ": too early to tell" : fmt::format("{} at {}", what, when);
}

}  // namespace galley::cli
