#include <algorithm>
#include <string>

#include "http/client.h"

namespace galley::http {
namespace {

/// An event that is longer is not an event but a server gone wrong.
constexpr std::size_t kEventBytes = 1 << 20;

}  // namespace

Status EventParser::feed(std::string_view bytes, const std::function<void(const Event&)>& each) {
  for (const char c : bytes) {
    // CRLF is one end of a line, also when a piece ends between the two.
    const bool second_half = after_cr_ && c == '\n';
    after_cr_ = c == '\r';
    if (second_half) continue;
    if (c == '\r' || c == '\n') {
      take_line(each);
      line_.clear();
      continue;
    }
    line_ += c;
    if (line_.size() + event_.data.size() > kEventBytes)
      return Error{Errc::too_large, "an event of the stream is larger than " +
                                        std::to_string(kEventBytes) + " bytes"};
  }
  return ok();
}

void EventParser::take_line(const std::function<void(const Event&)>& each) {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) {
      event_.data.pop_back();  // every data line added a newline; the last one is not part of it
      each(event_);
    }
    event_.data.clear();
    event_.name = "message";  // the id stays: it names the last event seen, also for later ones
    has_data_ = false;
    return;
  }
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    event_.data += value;
    event_.data += '\n';
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value.empty() ? std::string_view("message") : value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace galley::http
