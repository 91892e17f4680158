#include "base/clock.h"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

namespace galley {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override {
    return std::chrono::floor<Millis>(std::chrono::system_clock::now());
  }
  Instant steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

WallTime ManualClock::wall() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

Instant ManualClock::steady() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

void ManualClock::advance(Millis by) {
  const std::lock_guard lock(mutex_);
  wall_ += by;
  steady_ += by;
}

std::string to_rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

namespace {

/// Reads fixed-width digits and separators from the front of a text.
struct Cursor {
  std::string_view rest;
  bool good = true;

  int digits(std::size_t count) {
    int value = 0;
    if (rest.size() < count) good = false;
    for (std::size_t i = 0; good && i < count; ++i) {
      if (rest[i] < '0' || rest[i] > '9') good = false;
      value = value * 10 + (rest[i] - '0');
    }
    if (good) rest.remove_prefix(count);
    return value;
  }
  bool take(char c) {
    if (!good || rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void need(char c) { good = take(c) && good; }
};

int read_fraction_ms(Cursor& in) {
  int ms = in.digits(1) * 100;  // a point needs a digit after it
  int scale = 10;
  while (!in.rest.empty() && in.rest[0] >= '0' && in.rest[0] <= '9') {
    ms += in.digits(1) * scale;
    scale /= 10;
  }
  return ms;
}

/// "Z", "+09:00" or "-0330" as minutes east of UTC.
int read_zone_minutes(Cursor& in) {
  if (in.take('Z') || in.take('z')) return 0;
  const bool west = in.take('-');
  if (!west) in.need('+');
  const int hours = in.digits(2);
  in.take(':');
  const int minutes = in.digits(2);
  if (hours > 23 || minutes > 59) in.good = false;
  return (west ? -1 : 1) * (hours * 60 + minutes);
}

constexpr WallTime kFirstTime{
    std::chrono::sys_days{std::chrono::year{0} / std::chrono::January / 1}};
constexpr WallTime kEndOfTime{
    std::chrono::sys_days{std::chrono::year{10'000} / std::chrono::January / 1}};

}  // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
  const Error bad{Errc::invalid_argument,
                  "'" + std::string(text.substr(0, 64)) + "' is not a time",
                  {},
                  "a time with its zone, such as 2026-12-01T09:00+09:00"};
  Cursor in{text};
  const int year = in.digits(4);
  in.need('-');
  const int month = in.digits(2);
  in.need('-');
  const int day = in.digits(2);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!in.good || !date.ok()) return bad;
  const WallTime midnight{std::chrono::sys_days{date}};
  if (in.rest.empty()) return midnight;
  if (!in.take('T') && !in.take('t') && !in.take(' ')) return bad;
  const int hour = in.digits(2);
  in.need(':');
  const int minute = in.digits(2);
  const int second = in.take(':') ? in.digits(2) : 0;
  const int ms = in.take('.') ? read_fraction_ms(in) : 0;
  const int offset_minutes = read_zone_minutes(in);
  if (!in.good || !in.rest.empty() || hour > 23 || minute > 59 || second > 59) return bad;
  const WallTime time = midnight + std::chrono::hours(hour) +
                        std::chrono::minutes(minute - offset_minutes) +
                        std::chrono::seconds(second) + Millis(ms);
  // A zone can carry a time out of the years that four digits print, and so out of what we read.
  if (time < kFirstTime || time >= kEndOfTime) return bad;
  return time;
}

}  // namespace galley
