// Any bytes are refused, or are a card that survives printing and parsing.
#include <cstdint>
#include <string_view>

#include "inference/classifier_card.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::inference;
  const auto card = parse_classifier_card({reinterpret_cast<const char*>(data), size});
  if (!card) return 0;
  const auto again = parse_classifier_card(print_classifier_card(*card));
  GALLEY_CHECK(again.has_value() && *again == *card, "what we print we read");
  return 0;
}
