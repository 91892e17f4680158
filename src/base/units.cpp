#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace galley {
namespace {

struct Number {
  double value = 0;
  std::string_view rest;
};

/// A decimal number at the front of the text (no sign, no exponent), then the rest without blanks.
bool read_number(std::string_view text, Number& out) {
  const std::size_t length = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto [end, errc] =
      std::from_chars(text.data(), text.data() + length, out.value, std::chars_format::fixed);
  if (errc != std::errc{} || end != text.data() + length || length == 0) return false;
  out.rest = text.substr(length);
  while (out.rest.starts_with(' ')) out.rest.remove_prefix(1);
  return true;
}

constexpr double kKi = 1024.0;
constexpr std::array<std::pair<std::string_view, double>, 15> kByteUnits{{
    {"", 1},
    {"B", 1},
    {"K", kKi},
    {"KiB", kKi},
    {"KB", 1e3},
    {"Ki", kKi},
    {"M", kKi* kKi},
    {"MiB", kKi* kKi},
    {"MB", 1e6},
    {"G", kKi* kKi* kKi},
    {"GiB", kKi* kKi* kKi},
    {"GB", 1e9},
    {"T", kKi* kKi* kKi* kKi},
    {"TiB", kKi* kKi* kKi* kKi},
    {"TB", 1e12},
}};

constexpr std::array<std::pair<std::string_view, double>, 5> kTimeUnits{
    {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}}};

constexpr double kMaxValue = 4.6e18;  // below 2^62, so that sums of two do not overflow

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  Number number;
  if (read_number(text, number)) {
    for (const auto& [unit, factor] : kByteUnits)
      if (number.rest == unit && number.value * factor < kMaxValue)
        return static_cast<std::int64_t>(std::llround(number.value * factor));
  }
  return Error{Errc::invalid_argument,
               "'" + std::string(text.substr(0, 64)) + "' is not a size",
               {},
               "a number and a unit, such as 512MiB or 32GiB"};
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kNames.size()) {
    value /= kKi;
    ++unit;
  }
  const bool whole = unit == 0 || std::abs(value - std::round(value)) < 0.05;
  return whole ? fmt::format("{:.0f} {}", value, kNames[unit])
               : fmt::format("{:.1f} {}", value, kNames[unit]);
}

Result<Millis> parse_duration(std::string_view text) {
  const Error bad{Errc::invalid_argument,
                  "'" + std::string(text.substr(0, 64)) + "' is not a duration",
                  {},
                  "a number and a unit, such as 90m, 1h30m, 45s or 2d"};
  double total_ms = 0;
  Number number{0, text};
  bool plain = false;
  bool first = true;
  do {
    if (plain || !read_number(number.rest, number)) return bad;
    const std::size_t length =
        std::min(number.rest.find_first_of("0123456789. "), number.rest.size());
    const std::string_view unit = number.rest.substr(0, length);
    double factor = unit.empty() ? 1e3 : 0;
    // Seconds need no unit when they stand alone; in "1h30" they would pass for minutes.
    plain = unit.empty();
    if (plain && !first) return bad;
    first = false;
    for (const auto& [name, ms] : kTimeUnits)
      if (unit == name) factor = ms;
    if (factor == 0) return bad;
    total_ms += number.value * factor;
    number.rest.remove_prefix(length);
    while (number.rest.starts_with(' ')) number.rest.remove_prefix(1);
  } while (!number.rest.empty());
  if (!(total_ms < 3.2e14)) return bad;  // ten thousand years
  return Millis{std::llround(total_ms)};
}

std::string format_duration(Millis duration) {
  const auto ms = duration.count();
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 59'950) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1e3);
  const auto s = (ms + 500) / 1000;
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86'400, s % 86'400 / 3600);
}

}  // namespace galley
