#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "profiling/evaluation_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto items = galley::profiling::parse_evaluation_set("set", text);
  if (!items) return 0;
  for (const auto& item : *items)
    GALLEY_CHECK(!item.answer.empty() && !item.prompt.empty() &&
                     (item.choices.empty() ||
                      std::ranges::find(item.choices, item.answer) != item.choices.end()),
                 "what was read can be asked");
  return 0;
}
