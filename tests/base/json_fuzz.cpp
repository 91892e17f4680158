// Documents: what anybody may send as a body or a file.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const auto parsed = parse_json(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed) {
    if (parsed.error().message.empty() || !is_valid_utf8(parsed.error().message)) std::abort();
    return 0;
  }
  const std::string printed = dump_json(*parsed);
  const auto again = parse_json(printed);
  if (!again || dump_json(*again) != printed) std::abort();
  return 0;
}
