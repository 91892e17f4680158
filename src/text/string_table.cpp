#include "string_table.h"

#include <bit>

namespace galley::text {

StringTable::StringTable(std::size_t expected)
    : slots_(std::bit_ceil(expected * 2 + 2)), mask_(slots_.size() - 1) {
  texts_.reserve(expected);
}

std::uint64_t StringTable::hash_long(std::string_view text) {
  constexpr std::uint64_t kOdd = 0xD6E8FEB86659FD93U;
  const char* p = text.data();
  const char* const last = p + text.size() - 8;
  std::uint64_t hash = load(last, 8) * kOdd;
  for (; p < last; p += 8) {
    hash = (hash ^ hash >> 32 ^ load(p, 8)) * kOdd;
  }
  return hash ^ hash >> 32;
}

bool StringTable::insert(std::string_view text, std::int32_t value) {
  if (find(text) != kNone) return false;
  if (texts_.size() * 2 >= slots_.size()) grow();
  const std::uint64_t key = key_of(text);
  std::size_t at = slot_of(key, text.size());
  while (slots_[at].value != kNone) at = (at + 1) & mask_;
  slots_[at] = {key, static_cast<std::uint32_t>(text.size()), value,
                static_cast<std::uint32_t>(texts_.size())};
  texts_.push_back(text);
  return true;
}

void StringTable::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.value == kNone) continue;
    std::size_t at = slot_of(slot.key, slot.size);
    while (slots_[at].value != kNone) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

}  // namespace galley::text
