#include <cstdint>
#include <string_view>

#include "protocol/fleet_messages.h"

namespace {

/// What can be read can be printed and read again as the same.
template <class T>
void round_trip(std::string_view text) {
  const auto message = galley::protocol::read_message<T>(text);
  if (!message) return;
  const std::string printed = galley::protocol::print_message(*message);
  const auto again = galley::protocol::read_message<T>(printed);
  GALLEY_CHECK(again && galley::protocol::print_message(*again) == printed,
               "a message survives its own text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::protocol;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip<JoinRequest>(text);
  round_trip<JoinAnswer>(text);
  round_trip<AttachRequest>(text);
  round_trip<AttachAnswer>(text);
  round_trip<AgentMessages>(text);
  round_trip<Heartbeat>(text);
  round_trip<AttemptReport>(text);
  round_trip<ProgressMessage>(text);
  round_trip<LogPlace>(text);
  round_trip<NodeSample>(text);
  if (const auto progress = read_message<ProgressMessage>(text)) (void)from_message(*progress);
  return 0;
}
