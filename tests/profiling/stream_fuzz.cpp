#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/client.h"
#include "target_stream.h"

/// The bytes are a server's stream of events.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  galley::http::EventParser events;
  galley::profiling::StreamedAnswer answer;
  const auto fed = events.feed(bytes, [&](const galley::http::EventParser::Event& event) {
    (void)answer.take(event.data).has_value();
  });
  (void)fed.has_value();
  GALLEY_CHECK(answer.pieces() <= answer.text().size(), "a piece has a byte at least");
  GALLEY_CHECK(answer.count_is_wrong(16) || answer.output_tokens(16) >= answer.pieces(),
               "tokens are at least as many as pieces");
  return 0;
}
