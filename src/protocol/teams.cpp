#include "protocol/teams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/units.h"

namespace galley::protocol {
namespace {

constexpr Millis kShortestBooking = std::chrono::minutes(1);
constexpr Millis kLongestBooking = std::chrono::hours(24 * 366);

bool is_team_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.front() != '-' &&
         std::ranges::all_of(name, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

}  // namespace

Result<TeamSpec> parse_team_spec(const Json& json) {
  GALLEY_TRY(TeamSpec spec, parse_struct<TeamSpec>(json));
  if (!is_team_name(spec.name))
    return Error{Errc::invalid_argument, fmt::format("found '{}'", spec.name), "name",
                 "letters, digits, '.', '_' and '-', beginning with a letter or digit"};
  if (!(spec.weight >= 0.001 && spec.weight <= 1000))
    return Error{Errc::invalid_argument, fmt::format("found {}", spec.weight), "weight",
                 "0.001 to 1000"};
  return spec;
}

Result<ReservationSpec> parse_reservation_spec(const Json& json) {
  GALLEY_TRY(ReservationSpec spec, parse_struct<ReservationSpec>(json));
  GALLEY_TRY_STATUS(check_resources(spec.resources, "resources"));
  if (spec.duration < kShortestBooking || spec.duration > kLongestBooking)
    return Error{Errc::invalid_argument, "found " + format_duration(spec.duration), "duration",
                 "1 minute to 366 days"};
  return spec;
}

}  // namespace galley::protocol
