// Any bytes are either refused as a template or rendered within the bounds, twice to the same text.
#include <cstdint>
#include <string_view>

#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using galley::Json;
  static const Json kVariables{
      {"bos_token", "<s>"},
      {"add_generation_prompt", true},
      {"tools", Json::array({{{"name", "f"}}})},
      {"messages", Json::array({{{"role", "system"}, {"content", "Be brief."}},
                                {{"role", "user"}, {"content", "안녕"}}})}};
  const auto compiled =
      galley::text::ChatTemplate::compile({reinterpret_cast<const char*>(data), size});
  if (!compiled) {
    GALLEY_CHECK(!compiled.error().message.empty(), "a refusal says why");
    return 0;
  }
  const auto first = compiled->render(kVariables);
  const auto second = compiled->render(kVariables);
  GALLEY_CHECK(first.has_value() == second.has_value(), "rendering is repeatable");
  if (!first) return 0;
  GALLEY_CHECK(first->size() <= galley::text::ChatTemplate::kMaxOutputBytes, "output is bounded");
  GALLEY_CHECK(*first == *second, "rendering is repeatable");
  return 0;
}
