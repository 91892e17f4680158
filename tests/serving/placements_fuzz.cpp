// placements.json: what is accepted can be written and read again unchanged.
#include <cstdint>

#include "placements_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley;
  const auto channels =
      serving::parse_placements(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!channels) return 0;
  const std::string text = serving::print_placements(*channels);
  const auto again = serving::parse_placements(text);
  GALLEY_CHECK(again && serving::print_placements(*again) == text, "placements survive");
  for (const auto& channel : *channels)
    GALLEY_CHECK(channel.placement.snapshot_id.find('/') == std::string::npos, "ids are no paths");
  return 0;
}
