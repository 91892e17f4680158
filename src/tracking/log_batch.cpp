#include "tracking/log_batch.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace galley::tracking {
namespace {

using LoggedElement = simdjson::dom::element;
using LoggedObject = simdjson::dom::object;

constexpr std::size_t kMaxLoggedDepth = 16;

Error logged_fault(std::string_view list, std::size_t index, std::string_view member,
                   std::string expected) {
  const std::string place = list.empty() ? std::string() : fmt::format("{}[{}].", list, index);
  return Error{Errc::invalid_argument, fmt::format("{}{} cannot be read", place, member),
               place + std::string(member), std::move(expected)};
}

bool is_given(LoggedObject object, std::string_view member, LoggedElement& value) {
  return object[member].get(value) == simdjson::SUCCESS && !value.is_null();
}

template <class Number>
bool number_of_text(std::string_view text, Number& number) {
  const auto [end, errc] = std::from_chars(text.data(), text.data() + text.size(), number);
  return errc == std::errc{} && end == text.data() + text.size();
}

bool whole_number_of(LoggedElement value, std::int64_t& number) {
  if (value.get(number) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return number_of_text(text, number);
  // Clients in other languages write 1700000000000.0.
  double real = 0;
  if (value.get(real) != simdjson::SUCCESS || !(std::abs(real) < 9e18)) return false;
  number = static_cast<std::int64_t>(real);
  return true;
}

bool real_number_of(LoggedElement value, double& number) {
  if (value.get(number) == simdjson::SUCCESS) return true;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return false;
  if (text == "NaN") number = std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") number = std::numeric_limits<double>::infinity();
  if (text == "-Infinity") number = -std::numeric_limits<double>::infinity();
  return text == "NaN" || text == "Infinity" || text == "-Infinity" || number_of_text(text, number);
}

Status read_metric(LoggedObject metric, std::string_view list, std::size_t index,
                   std::int64_t now_ms, PointBatch& points) {
  // One walk over the members, since looking each up walks over all.
  std::string_view key;
  double value = std::numeric_limits<double>::quiet_NaN();
  std::int64_t step = 0;
  std::int64_t at_ms = now_ms;
  bool has_value = false;
  for (const auto [name, member] : metric) {
    if (member.is_null()) continue;
    if (name == "key") {
      if (member.get(key)) return logged_fault(list, index, name, "a text");
    } else if (name == "value") {
      if (!real_number_of(member, value))
        return logged_fault(list, index, name, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"");
      has_value = true;
    } else if (name == "step") {
      if (!whole_number_of(member, step)) return logged_fault(list, index, name, "a whole number");
    } else if (name == "timestamp") {
      if (!whole_number_of(member, at_ms))
        return logged_fault(list, index, name, "milliseconds since 1970");
    }
  }
  if (!has_value) return logged_fault(list, index, "value", "a number");
  return points.add(key, step, value, at_ms);
}

Status read_logged_metrics(LoggedObject body, std::int64_t now_ms, LogBatch& batch) {
  LoggedElement value;
  if (!is_given(body, "metrics", value)) return ok();
  simdjson::dom::array list;
  if (value.get(list)) return logged_fault({}, 0, "metrics", "a list");
  std::size_t index = 0;
  for (const LoggedElement one : list) {
    if (index == kMaxLoggedMetrics)
      return Error{Errc::too_large, "metrics are too many for one call", "metrics",
                   fmt::format("at most {}", kMaxLoggedMetrics)};
    LoggedObject metric;
    if (one.get(metric)) return logged_fault("metrics", index, "", "an object");
    GALLEY_TRY_STATUS(read_metric(metric, "metrics", index, now_ms, batch.points));
    ++index;
  }
  return ok();
}

Status read_logged_pairs(LoggedObject body, std::string_view member, std::vector<KeyValue>& pairs) {
  LoggedElement value;
  if (!is_given(body, member, value)) return ok();
  simdjson::dom::array list;
  if (value.get(list)) return logged_fault({}, 0, member, "a list");
  for (const LoggedElement one : list) {
    if (pairs.size() == kMaxLoggedPairs)
      return Error{Errc::too_large, fmt::format("{} are too many for one call", member),
                   std::string(member), fmt::format("at most {}", kMaxLoggedPairs)};
    LoggedObject pair;
    std::string_view key;
    std::string_view text;
    if (one.get(pair)) return logged_fault(member, pairs.size(), "", "an object");
    LoggedElement part;
    if (is_given(pair, "key", part) && part.get(key))
      return logged_fault(member, pairs.size(), "key", "a text");
    if (is_given(pair, "value", part) && part.get(text))
      return logged_fault(member, pairs.size(), "value", "a text");
    pairs.emplace_back(key, text);
  }
  return ok();
}

/// Older clients say run_uuid, and many say both.
Status read_run_id(LoggedObject body, std::string& run_id) {
  LoggedElement value;
  std::string_view text;
  for (const std::string_view member : {"run_id", "run_uuid"}) {
    if (!is_given(body, member, value)) continue;
    if (value.get(text)) return logged_fault({}, 0, member, "a text");
    run_id = text;
    return ok();
  }
  return Error{Errc::invalid_argument, "the call names no run", "run_id", "the id of a run"};
}

template <class Read>
Result<LogBatch> read_logged(std::string_view body, const Read& read) {
  static thread_local simdjson::dom::parser parser;
  if (body.size() > kMaxLoggedBytes)
    return Error{Errc::too_large,
                 fmt::format("the call has {} bytes", body.size()),
                 {},
                 fmt::format("at most {}", kMaxLoggedBytes)};
  if (parser.max_depth() != kMaxLoggedDepth &&
      parser.allocate(kMaxLoggedBytes, kMaxLoggedDepth) != simdjson::SUCCESS)
    return Error{Errc::exhausted, "no memory to read the call"};
  LoggedElement root;
  // The parser copies the body to where it may read past the end.
  if (const auto fault = parser.parse(body.data(), body.size(), true).get(root))
    return Error{Errc::invalid_argument,
                 std::string("the call is no JSON: ") + simdjson::error_message(fault)};
  LoggedObject object;
  if (root.get(object)) return Error{Errc::invalid_argument, "the call is no JSON object"};
  LogBatch batch;
  GALLEY_TRY_STATUS(read_run_id(object, batch.run_id));
  GALLEY_TRY_STATUS(read(object, batch));
  if (batch.points.size() + batch.params.size() + batch.tags.size() > kMaxLoggedInAll)
    return Error{Errc::too_large,
                 "metrics, params and tags are too many for one call",
                 {},
                 fmt::format("at most {} in all", kMaxLoggedInAll)};
  return batch;
}

}  // namespace

Result<LogBatch> parse_log_batch(std::string_view body, std::int64_t now_ms) {
  return read_logged(body, [&](LoggedObject object, LogBatch& batch) -> Status {
    GALLEY_TRY_STATUS(read_logged_metrics(object, now_ms, batch));
    GALLEY_TRY_STATUS(read_logged_pairs(object, "params", batch.params));
    return read_logged_pairs(object, "tags", batch.tags);
  });
}

Result<LogBatch> parse_log_metric(std::string_view body, std::int64_t now_ms) {
  return read_logged(body, [&](LoggedObject object, LogBatch& batch) {
    return read_metric(object, {}, 0, now_ms, batch.points);
  });
}

}  // namespace galley::tracking
