#include "tool_calls.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace galley::openai {
namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";
constexpr std::string_view kList = "[TOOL_CALLS]";

std::optional<ToolCall> call_of(const Json& json) {
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return std::nullopt;
  for (const char* key : {"arguments", "parameters"}) {
    const auto found = json.find(key);
    if (found == json.end()) continue;
    if (found->is_object()) return ToolCall{json["name"], dump_json(*found)};
    if (found->is_string()) return ToolCall{json["name"], found->get<std::string>()};
  }
  return std::nullopt;
}

bool add_call(std::string_view text, std::vector<ToolCall>& calls) {
  const auto json = parse_json(trim(text));
  if (!json) return false;
  const auto call = call_of(*json);
  if (call) calls.push_back(*call);
  return call.has_value();
}

bool read_tagged(std::string_view answer, ReadAnswer& out) {
  const auto first = answer.find(kOpen);
  if (first == std::string_view::npos) return false;
  out.content = trim(answer.substr(0, first));
  std::string_view rest = answer.substr(first);
  while (rest.starts_with(kOpen)) {
    rest.remove_prefix(kOpen.size());
    const auto end = rest.find(kClose);
    if (!add_call(rest.substr(0, end), out.calls)) return false;
    rest =
        end == std::string_view::npos ? std::string_view{} : trim(rest.substr(end + kClose.size()));
  }
  return rest.empty();
}

bool read_list(std::string_view answer, ReadAnswer& out) {
  const auto first = answer.find(kList);
  if (first == std::string_view::npos) return false;
  const auto json = parse_json(trim(answer.substr(first + kList.size())));
  if (!json || !json->is_array() || json->empty()) return false;
  out.content = trim(answer.substr(0, first));
  for (const Json& one : *json) {
    const auto call = call_of(one);
    if (!call) return false;
    out.calls.push_back(*call);
  }
  return true;
}

/// How many of the last characters could be the beginning of `mark`.
std::size_t begun(std::string_view text, std::string_view mark) {
  for (std::size_t length = std::min(text.size(), mark.size() - 1); length > 0; --length)
    if (text.ends_with(mark.substr(0, length))) return length;
  return 0;
}

}  // namespace

ReadAnswer read_tool_calls(std::string_view answer) {
  for (auto* const read : {read_tagged, read_list}) {
    ReadAnswer found;
    if (read(answer, found)) return found;
  }
  ReadAnswer found;
  if (trim(answer).starts_with('{') && add_call(answer, found.calls)) return found;
  return {.content = std::string(answer), .calls = {}};
}

std::string CallFilter::add(std::string_view text) {
  kept_ += text;
  if (is_call_) return {};
  if (at_start_) {
    const std::string_view begin = trim(kept_);
    if (begin.empty()) return {};
    if (begin.starts_with('{')) {
      is_call_ = true;
      return {};
    }
    at_start_ = false;
  }
  std::size_t shown = kept_.size();
  for (const std::string_view mark : {kOpen, kList}) {
    const auto found = kept_.find(mark);
    is_call_ = is_call_ || found != std::string::npos;
    shown = std::min(shown, found != std::string::npos ? found : kept_.size() - begun(kept_, mark));
  }
  std::string out = kept_.substr(0, shown);
  kept_.erase(0, shown);
  return out;
}

std::string CallFilter::take_rest() { return std::exchange(kept_, {}); }

}  // namespace galley::openai
