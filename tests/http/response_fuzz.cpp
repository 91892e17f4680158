// The client's view of a server's bytes: the answer must not depend on where the pieces end (which
// of the errors it is may: a bad head that never ends is either corrupt or broken off).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "response_parser.h"

namespace {

using galley::http::ResponseParser;

std::string outcome(std::string_view bytes, std::size_t piece) {
  ResponseParser parser({.max_body_bytes = 3000});
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    waiting += bytes.substr(at, piece);
    std::size_t consumed = 0;
    const auto complete = parser.feed(waiting, consumed);
    if (consumed > waiting.size()) std::abort();
    waiting.erase(0, consumed);
    if (!complete) return "error";
    if (*complete) return std::to_string(parser.response().status) + parser.response().body;
  }
  const auto end = parser.end_of_input();
  return end ? std::to_string(parser.response().status) + parser.response().body : "error";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = outcome(bytes, bytes.size() + 1);
  if (size <= 4096 && outcome(bytes, 1) != whole) std::abort();
  return 0;
}
