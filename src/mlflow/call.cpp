#include "call.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "error_reply.h"

namespace galley::mlflow {
namespace {

constexpr std::string_view kJobPrincipal = "job:";

template <class Number>
bool whole_number(std::string_view text, Number& number) {
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
  return errc == std::errc{} && end == text.data() + text.size();
}

Error wrong(std::string_view name, std::string_view expected) {
  return fault(
      fmt::format("Invalid value for parameter '{}' supplied: {} is expected", name, expected));
}

Result<std::int64_t> integer_of(std::string_view name, const Json& value) {
  std::int64_t number = 0;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > 9'223'372'036'854'775'807U)
    return wrong(name, "a whole number of 64 bits");
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_string() &&
      whole_number(std::string_view(value.get_ref<const std::string&>()), number))
    return number;
  // Clients in other languages write 1700000000000.0.
  if (value.is_number_float() && std::abs(value.get<double>()) < 9e18)
    return static_cast<std::int64_t>(value.get<double>());
  return wrong(name, "a whole number");
}

Result<std::string> text_of(std::string_view name, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  // Ids are texts, and some clients send the number.
  if (value.is_number_integer()) return value.dump();
  return wrong(name, "a text");
}

const Json* member_of(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Error required(std::string_view name) {
  return fault(fmt::format("Missing value for required parameter '{}'.", name));
}

Result<Call> Call::read(const http::Request& request) {
  Call call(request);
  if (request.principal.starts_with(kJobPrincipal))
    call.own_run_ = request.principal.substr(kJobPrincipal.size());
  for (const auto& [name, value] : request.query) {
    Json& place = call.members_[name];
    if (place.is_null())
      place = value;
    else if (place.is_array())
      place.push_back(value);
    else
      place = Json::array({place, value});
  }
  if (!request.body.empty()) {
    GALLEY_TRY(Json body, parse_json(request.body));
    if (!body.is_object()) return fault("the body is no JSON object");
    call.members_.update(body);
  }
  for (const auto& [name, value] : request.path_params) call.members_[name] = value;
  return call;
}

const Json* Call::member(std::string_view name) const { return member_of(members_, name); }

Result<std::string> Call::text(std::string_view name) const {
  GALLEY_TRY(auto found, text_or(name));
  if (found.empty()) return required(name);
  return found;
}

Result<std::string> Call::text_or(std::string_view name, std::string fallback) const {
  return text_in(members_, name, std::move(fallback));
}

Result<std::int64_t> Call::integer_or(std::string_view name, std::int64_t fallback) const {
  return integer_in(members_, name, fallback);
}

Result<std::int64_t> Call::max_results(std::int64_t fallback, std::int64_t most) const {
  GALLEY_TRY(const auto wanted, integer_or("max_results", fallback));
  if (wanted >= 1 && wanted <= most) return wanted;
  return fault(
      fmt::format("Invalid value for parameter 'max_results' supplied: {}; it must be at"
                  " least 1 and at most {}",
                  wanted, most));
}

Result<std::vector<std::string>> Call::texts(std::string_view name) const {
  std::vector<std::string> found;
  const Json* value = member(name);
  if (value == nullptr) return found;
  if (!value->is_array()) {
    GALLEY_TRY(auto one, text_of(name, *value));
    found.push_back(std::move(one));
    return found;
  }
  for (const Json& each : *value) {
    GALLEY_TRY(auto one, text_of(name, each));
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<KeyValue>> Call::pairs(std::string_view name) const {
  std::vector<KeyValue> found;
  const Json* value = member(name);
  if (value == nullptr) return found;
  if (!value->is_array()) return wrong(name, "a list");
  for (const Json& each : *value) {
    if (!each.is_object()) return wrong(name, "a list of objects");
    GALLEY_TRY(auto key, text_in(each, "key"));
    GALLEY_TRY(auto text, text_in(each, "value"));
    found.emplace_back(std::move(key), std::move(text));
  }
  return found;
}

Result<RunId> Call::run() const {
  GALLEY_TRY(auto id, text_or("run_id"));
  if (id.empty()) {
    GALLEY_TRY(id, text("run_uuid"));
  }
  const auto run = RunId::parse(id);
  if (!run) return missing(fmt::format("Run with id={} not found", id.substr(0, 256)));
  return *run;
}

Result<std::string> text_in(const Json& object, std::string_view name, std::string fallback) {
  const Json* value = member_of(object, name);
  if (value == nullptr) return fallback;
  return text_of(name, *value);
}

Result<std::int64_t> integer_in(const Json& object, std::string_view name, std::int64_t fallback) {
  const Json* value = member_of(object, name);
  if (value == nullptr) return fallback;
  return integer_of(name, *value);
}

Result<PageOf> page_of(const Call& call, std::size_t count, std::int64_t fallback,
                       std::int64_t most) {
  GALLEY_TRY(const auto limit, call.max_results(fallback, most));
  GALLEY_TRY(const auto token, call.text_or("page_token"));
  PageOf page;
  if (!token.empty() && !whole_number(std::string_view(token), page.from))
    return fault("Invalid page token, decoding failed");
  page.from = std::min(page.from, count);
  page.to = std::min(count, page.from + static_cast<std::size_t>(limit));
  if (page.to < count) page.next_token = std::to_string(page.to);
  return page;
}

}  // namespace galley::mlflow
