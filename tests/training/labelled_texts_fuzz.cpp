// Any bytes are refused with a sentence, or are texts and labels that lie within them.
#include <cstdint>
#include <string>

#include "base/text.h"
#include "training/labelled_texts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using galley::training::LabelledTexts;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto texts = LabelledTexts::parse(bytes, "fuzz", {});
  if (!texts) {
    GALLEY_CHECK(!texts.error().message.empty(), "every refusal says why");
    return 0;
  }
  GALLEY_CHECK(texts->size() > 0 && texts->labels().size() >= 2, "there is something to learn");
  for (std::size_t i = 0; i < texts->size(); ++i)
    GALLEY_CHECK(texts->label(i) < texts->labels().size() && galley::is_valid_utf8(texts->text(i)),
                 "rows are sound");
  return 0;
}
