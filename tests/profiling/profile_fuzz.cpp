#include <cstddef>
#include <cstdint>
#include <string_view>

#include "profiling/profile.h"

/// What could be read is printed, and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto profile = galley::profiling::parse_profile(text);
  if (!profile) return 0;
  const std::string printed = print_profile(*profile);
  const auto again = galley::profiling::parse_profile(printed);
  GALLEY_CHECK(again && print_profile(*again) == printed, "a profile prints as it was read");
  return 0;
}
