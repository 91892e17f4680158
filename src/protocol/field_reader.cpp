#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "protocol/field_table.h"

namespace galley::protocol::detail {
namespace {

std::string describe_found(const Json& found) {
  constexpr std::size_t kShown = 40;
  std::string text = dump_json(found);
  if (text.size() > kShown) text = to_valid_utf8(text.substr(0, kShown)) + "…";
  return text;
}

Error at(std::string_view path, std::string message, std::string expected, std::string hint = {}) {
  return Error{Errc::invalid_argument, std::move(message), std::string(path), std::move(expected),
               std::move(hint)};
}

}  // namespace

std::string join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}
std::string join(std::string_view path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

Error wrong_type(std::string_view path, std::string_view expected, const Json& found) {
  return at(path, fmt::format("found {}", describe_found(found)), std::string(expected));
}

Error out_of_range(std::string_view path, std::int64_t minimum, std::int64_t maximum,
                   std::string_view found) {
  if (maximum >= (std::int64_t{1} << 60))
    return at(path, fmt::format("found {}", found), fmt::format("at least {}", minimum));
  return at(path, fmt::format("found {}", found), fmt::format("{} to {}", minimum, maximum));
}

Error unknown_field(std::string_view path, std::string_view name,
                    const std::vector<std::string>& known) {
  const std::string close = nearest(name, known);
  return at(join(path, to_valid_utf8(name.substr(0, 64))), "unknown field",
            close.empty() ? fmt::format("one of {}", fmt::join(known, ", ")) : std::string(),
            close.empty() ? std::string() : fmt::format("did you mean {}?", join(path, close)));
}

Error missing_field(std::string_view path, std::string_view doc) {
  return at(path, "required field is missing", std::string(doc));
}

Error wrong_word(std::string_view path, std::string_view found,
                 const std::vector<std::string>& known) {
  const std::string close = nearest(found, known);
  return at(path, fmt::format("found '{}'", to_valid_utf8(found.substr(0, 64))),
            fmt::format("one of {}", fmt::join(known, ", ")),
            close.empty() ? std::string() : fmt::format("did you mean {}?", close));
}

Status read_bool(const Json& json, std::string_view path, bool& out) {
  if (!json.is_boolean()) return wrong_type(path, "true or false", json);
  out = json.get<bool>();
  return ok();
}

Status read_integer(const Json& json, std::string_view path, std::int64_t minimum,
                    std::int64_t maximum, std::int64_t& out) {
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > std::uint64_t{1} << 62)
    return out_of_range(path, minimum, maximum, describe_found(json));
  if (!json.is_number_integer()) return wrong_type(path, "a whole number", json);
  out = json.get<std::int64_t>();
  if (out < minimum || out > maximum)
    return out_of_range(path, minimum, maximum, std::to_string(out));
  return ok();
}

Status read_real(const Json& json, std::string_view path, double& out) {
  if (!json.is_number()) return wrong_type(path, "a number", json);
  out = json.get<double>();
  return ok();
}

Status read_text(const Json& json, std::string_view path, std::int64_t minimum,
                 std::int64_t maximum, std::string& out) {
  if (!json.is_string()) return wrong_type(path, "a text in quotes", json);
  out = json.get<std::string>();
  const auto length = static_cast<std::int64_t>(out.size());
  if (length < minimum || length > maximum)
    return out_of_range(path, minimum, maximum, std::to_string(length) + " bytes");
  if (out.find('\0') != std::string::npos)
    return at(path, "holds a NUL character", "a text without NUL characters");
  return ok();
}

namespace {

constexpr std::int64_t kMostBytes = (std::int64_t{1} << 60) - 1;
/// The largest duration that parse_duration answers, so that a stored one can be read again.
constexpr double kMostSeconds = 3.2e11;

/// Fills in the path of an error from base, which knows none.
template <class T>
Status take(Result<T> parsed, std::string_view path, T& out) {
  if (!parsed) {
    Error error = std::move(parsed).error();
    error.field = std::string(path);
    return error;
  }
  out = *std::move(parsed);
  return ok();
}

}  // namespace

Status read_bytes(const Json& json, std::string_view path, Bytes& out) {
  if (json.is_number_integer()) return read_integer(json, path, 0, kMostBytes, out.count);
  if (!json.is_string()) return wrong_type(path, "a size, such as 32GiB or bytes", json);
  GALLEY_TRY_STATUS(take(parse_bytes(json.get_ref<const std::string&>()), path, out.count));
  // The bound of the number form: what we print of it must be readable again.
  if (out.count > kMostBytes) return out_of_range(path, 0, kMostBytes, describe_found(json));
  return ok();
}

Status read_duration(const Json& json, std::string_view path, Millis& out) {
  if (json.is_number()) {
    const double seconds = json.get<double>();
    if (!(seconds >= 0 && seconds <= kMostSeconds))
      return wrong_type(path, "a number of seconds, zero or more", json);
    out = Millis{std::llround(seconds * 1e3)};
    return ok();
  }
  if (!json.is_string()) return wrong_type(path, "a duration, such as 90m or seconds", json);
  return take(parse_duration(json.get_ref<const std::string&>()), path, out);
}

Status read_time(const Json& json, std::string_view path, WallTime& out) {
  if (!json.is_string()) return wrong_type(path, "a time, such as 2026-12-01T09:00+09:00", json);
  return take(parse_rfc3339(json.get_ref<const std::string&>()), path, out);
}

Json print_time(WallTime time) { return to_rfc3339(time); }

}  // namespace galley::protocol::detail
