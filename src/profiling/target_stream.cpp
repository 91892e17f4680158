#include "target_stream.h"

#include <algorithm>
#include <limits>

#include "base/json.h"

namespace galley::profiling {
namespace {

/// An answer longer than this is no answer to anything that a study asks.
constexpr std::size_t kMostText = 4 << 20;
/// Beginning and end of text, and what a tokenizer holds back, have no bytes of their own.
constexpr std::uint32_t kSilentTokens = 2;

Error not_this_api(const char* what) {
  return Error{Errc::corrupt,
               std::string("the stream holds ") + what,
               {},
               {},
               "does the server have OpenAI's API?"};
}

std::uint32_t count_of(const Json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_unsigned()) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      member->get<std::uint64_t>(), std::numeric_limits<std::uint32_t>::max()));
}

std::string text_of(const Json& choice) {
  if (const auto text = choice.find("text"); text != choice.end() && text->is_string())
    return text->get<std::string>();
  const auto delta = choice.find("delta");
  if (delta == choice.end() || !delta->is_object()) return {};
  const auto content = delta->find("content");
  return content != delta->end() && content->is_string() ? content->get<std::string>()
                                                         : std::string();
}

}  // namespace

Result<bool> StreamedAnswer::take(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return false;
  }
  const auto json = parse_json(data);
  if (!json) return not_this_api("an event that is no JSON");
  if (!json->is_object()) return not_this_api("an event that is no object");
  if (const auto error = json->find("error"); error != json->end() && !error->is_null()) {
    const Json message = error->is_object() ? error->value("message", Json()) : *error;
    return Error{Errc::unavailable,
                 "the server streamed an error: " +
                     (message.is_string() ? message.get<std::string>() : dump_json(*error))};
  }
  if (const auto usage = json->find("usage"); usage != json->end() && usage->is_object())
    usage_ = Usage{count_of(*usage, "prompt_tokens"), count_of(*usage, "completion_tokens")};
  const auto choices = json->find("choices");
  if (choices == json->end() || !choices->is_array() || choices->empty()) return false;
  const Json& choice = choices->front();
  if (!choice.is_object()) return not_this_api("a choice that is no object");
  if (const auto reason = choice.find("finish_reason");
      reason != choice.end() && reason->is_string())
    finish_reason_ = reason->get<std::string>();
  if (const auto stop = choice.find("stop_reason"); stop != choice.end() && stop->is_string())
    names_stop_ = true;
  const std::string text = text_of(choice);
  if (text.empty()) return false;
  if (text_.size() + text.size() > kMostText)
    return Error{Errc::too_large, "the server's answer does not end"};
  text_ += text;
  ++pieces_;
  return true;
}

bool StreamedAnswer::count_is_wrong(std::uint32_t max_tokens) const {
  if (!usage_) return false;
  const std::uint32_t said = usage_->output_tokens;
  return said < pieces_ || said > std::max(max_tokens, 1U) || said > text_.size() + kSilentTokens;
}

std::uint32_t StreamedAnswer::output_tokens(std::uint32_t max_tokens) const {
  return usage_ && !count_is_wrong(max_tokens) ? usage_->output_tokens : pieces_;
}

}  // namespace galley::profiling
