// Any config.json is refused, or describes a model that can be printed and read again alike.
#include <cstdint>
#include <string_view>

#include "hf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::inference;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)parse_end_tokens(bytes).has_value();
  const auto read = parse_hf_config(bytes);
  if (!read) return 0;
  ModelParts parts;
  parts.config = read->config;
  parts.rope = read->rope;
  parts.stated_context = read->stated_context;
  const auto again = parse_hf_config(print_hf_config(parts));
  GALLEY_CHECK(again.has_value(), "what we print we read");
  GALLEY_CHECK(again->config.inverse_frequencies == read->config.inverse_frequencies &&
                   again->config.head_dim == read->config.head_dim &&
                   again->config.context == read->config.context &&
                   again->config.sliding_window == read->config.sliding_window,
               "and read it alike");
  return 0;
}
