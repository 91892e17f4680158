#include "fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace galley::openai {
namespace {

constexpr std::size_t kMaxShown = 40;

bool is_nothing(const Json& value) {
  return value.is_null() || value == false ||
         ((value.is_array() || value.is_object() || value.is_string()) && value.empty());
}

std::string print_range(const Fields::Range& range) {
  return fmt::format("a number {} {} and at most {}", range.above_low ? "above" : "of at least",
                     range.low, range.high);
}

}  // namespace

std::string name_of_value(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > kMaxShown) return "a text of " + std::to_string(text.size()) + " bytes";
    return "\"" + to_valid_utf8(text) + "\"";
  }
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  if (value.is_object()) return "an object";
  return dump_json(value);
}

Result<Json> parse_body(std::string_view body) {
  if (!is_valid_utf8(body))
    return Error{Errc::invalid_argument, "the body is not valid UTF-8", {}, "JSON in UTF-8"};
  auto json = parse_json(body);
  if (!json) {
    Error error = std::move(json).error();
    error.message = "the body is " + to_valid_utf8(error.message);
    return error;
  }
  if (!json->is_object())
    return Error{Errc::invalid_argument, "the body is " + name_of_value(*json), {}, "an object"};
  return json;
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object())
    error_ = Error{Errc::invalid_argument, "found " + name_of_value(object_), path_, "an object"};
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void Fields::fault(Error error) {
  if (!failed()) error_ = std::move(error);
}

void Fields::fault(std::string_view name, std::string message, std::string expected,
                   std::string hint) {
  fault(Error{Errc::invalid_argument, std::move(message), path_of(name), std::move(expected),
              std::move(hint)});
}

const Json* Fields::find(std::string_view name) {
  known_.emplace_back(name);
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool Fields::flag(std::string_view name, bool& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    fault(name, "found " + name_of_value(*value), "true or false");
    return false;
  }
  out = value->get<bool>();
  return true;
}

bool Fields::number(std::string_view name, float& out, Range range) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  const bool fits = std::isfinite(number) && number <= range.high &&
                    (range.above_low ? number > range.low : number >= range.low);
  if (!fits) {
    fault(name, "found " + name_of_value(*value), print_range(range));
    return false;
  }
  out = static_cast<float>(number);
  return true;
}

bool Fields::integer(std::string_view name, std::int64_t& out, Bounds bounds) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  // 16.0 is how some languages print 16.
  const bool whole =
      value->is_number_integer() ||
      (value->is_number_float() && std::trunc(value->get<double>()) == value->get<double>() &&
       std::abs(value->get<double>()) < 9e15);
  const bool wraps = value->is_number_unsigned() &&
                     value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  const std::int64_t number = whole && !wraps ? value->get<std::int64_t>() : 0;
  if (!whole || wraps || number < bounds.low || number > bounds.high) {
    fault(name, "found " + name_of_value(*value),
          fmt::format("a whole number from {} to {}", bounds.low, bounds.high));
    return false;
  }
  out = number;
  return true;
}

bool Fields::text(std::string_view name, std::string& out) {
  const Json* value = find(name);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    fault(name, "found " + name_of_value(*value), "a text");
    return false;
  }
  out = value->get<std::string>();
  return true;
}

bool Fields::word(std::string_view name, std::string& out, const std::vector<std::string>& words) {
  std::string found;
  if (!text(name, found)) return false;
  if (std::ranges::find(words, found) == words.end()) {
    const std::string close = nearest(found, words);
    fault(name, "found " + name_of_value(Json(found)), fmt::format("{}", fmt::join(words, " or ")),
          close.empty() ? "" : "did you mean " + close + "?");
    return false;
  }
  out = std::move(found);
  return true;
}

const Json* Fields::any(std::string_view name) { return find(name); }

const Json* Fields::object(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr || value->is_object()) return value;
  fault(name, "found " + name_of_value(*value), "an object");
  return nullptr;
}

void Fields::ignore(const std::vector<std::string>& names) {
  known_.insert(known_.end(), names.begin(), names.end());
}

void Fields::refuse(std::string_view name, std::string why) {
  const Json* value = find(name);
  if (value != nullptr && !is_nothing(*value))
    fault(Error{Errc::invalid_argument, std::move(why), path_of(name), "a request without it"});
}

void Fields::require(std::string_view name, std::string expected) {
  const bool there =
      object_.is_object() && object_.contains(name) && !object_[std::string(name)].is_null();
  if (!there) fault(name, "required field is missing", std::move(expected));
}

Status Fields::finish() {
  if (failed()) return error_;
  for (const auto& entry : object_.items()) {
    if (std::ranges::find(known_, entry.key()) != known_.end()) continue;
    const std::string shown = to_valid_utf8(std::string_view(entry.key()).substr(0, 64));
    const std::string close = entry.key().size() > 64 ? "" : nearest(entry.key(), known_);
    return Error{Errc::invalid_argument,
                 "unknown field",
                 path_of(shown),
                 {},
                 close.empty() ? "" : "did you mean " + close + "?"};
  }
  return ok();
}

}  // namespace galley::openai
