#include "char_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "utf8.h"

namespace galley::text {
namespace {

// One unit: bits 0-7 and 31 its label, bit 8 whether a value hangs on it, bit 9 the scale of the
// offset, bits 10-30 the offset to its children.
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 1U << 9) >> 6); }
std::uint32_t label_of(std::uint32_t unit) { return unit & (1U << 31 | 0xFFU); }
bool has_value(std::uint32_t unit) { return (unit >> 8 & 1U) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & ~(1U << 31); }

}  // namespace

Result<CharMap> CharMap::parse(std::string_view bytes) {
  CharMap map;
  if (bytes.empty()) return map;
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
  if (bytes.size() < sizeof size || size > bytes.size() - sizeof size || size % 4 != 0 || size == 0)
    return Error{Errc::invalid_argument,
                 fmt::format("the tokenizer's character map of {} bytes says that its array has {}",
                             bytes.size(), size),
                 "char_map"};
  map.units_.resize(size / 4);
  std::memcpy(map.units_.data(), bytes.data() + sizeof size, size);
  map.strings_ = bytes.substr(sizeof size + size);
  return map;
}

CharMap::Found CharMap::longest(std::string_view text) const {
  Found found;
  std::size_t at = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) break;
    at ^= byte;
    if (at >= units_.size() || label_of(units_[at]) != byte) break;
    const std::uint32_t unit = units_[at];
    at ^= offset_of(unit);
    if (!has_value(unit)) continue;
    if (at >= units_.size()) break;
    const std::size_t place = value_of(units_[at]);
    if (place >= strings_.size()) break;
    const std::size_t end = std::min(strings_.find('\0', place), strings_.size());
    found = {i + 1, std::string_view(strings_).substr(place, end - place)};
  }
  return found;
}

void CharMap::apply(std::string_view text, std::string& out) const {
  out.clear();
  while (!text.empty()) {
    const Found found = empty() ? Found{} : longest(text);
    const std::size_t size = found.size > 0 ? found.size : read_char(text.data()).size;
    out += found.size > 0 ? found.replacement : text.substr(0, size);
    text.remove_prefix(size);
  }
}

}  // namespace galley::text
