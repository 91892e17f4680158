// Any bytes are refused as a tokenizer.json, or give a tokenizer whose printed form reads the same.
#include <cstdint>
#include <string_view>

#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::text;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  auto spec = parse_tokenizer_json(json, "");
  if (!spec) return 0;
  auto tokenizer = Tokenizer::create(*spec);
  if (!tokenizer) return 0;
  const auto again = parse_tokenizer_json(print_tokenizer_json(*spec), "");
  GALLEY_CHECK(again.has_value(), "what we print can be read");
  constexpr std::string_view kText = "ab <s> 한 12\n";
  const auto ids = tokenizer->encode(kText, {.parse_special = true});
  GALLEY_CHECK(tokenizer->decode(ids, true).size() <= 64 * (kText.size() + json.size()),
               "decoding stays in proportion");
  return 0;
}
