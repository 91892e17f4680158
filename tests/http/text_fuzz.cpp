// Addresses and event streams: what strangers write into a target, a proxy or a broken server into
// a stream.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client_address.h"
#include "http/client.h"
#include "target.h"

namespace {

using namespace galley::http;

std::string events(std::string_view bytes, std::size_t piece) {
  EventParser parser;
  std::string seen;
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    if (!parser.feed(bytes.substr(at, piece), [&](const EventParser::Event& event) {
          seen += event.id + "|" + event.name + "|" + event.data + "\n";
        }))
      break;
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto back = percent_decode(percent_encode(bytes), true);
  if (bytes.find('\0') == bytes.npos ? !back || *back != bytes : bool(back)) std::abort();
  Request request;
  request.target = bytes;
  if (parse_target(request) && request.path.find('\0') != std::string::npos) std::abort();
  (void)parse_server(bytes);
  if (events(bytes, 1) != events(bytes, bytes.size() + 1)) std::abort();
  return 0;
}
