// Any bytes are either refused as not UTF-8 or hashed twice to the same features.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "text/ngrams.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  galley::text::NgramScratch scratch;
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> second;
  const auto status = galley::text::hash_ngrams(text, {}, scratch, first);
  GALLEY_CHECK(
      status.has_value() == (galley::is_valid_utf8(text) && size <= galley::text::kMaxTextBytes),
      "exactly valid UTF-8 is accepted");
  if (!status) return 0;
  (void)galley::text::hash_ngrams(text, {}, scratch, second).has_value();
  GALLEY_CHECK(first == second, "hashing does not depend on what the scratch held");
  return 0;
}
