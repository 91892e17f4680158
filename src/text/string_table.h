#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace galley::text {

/// From strings to small numbers; the look-up that encoding spends its time in. Open addressing at
/// most half full; a string of up to 8 bytes is its own key, so that finding one touches a single
/// cache line. The strings are not owned and must stay where they are. Finding is thread-safe.
class StringTable {
 public:
  static constexpr std::int32_t kNone = -1;

  explicit StringTable(std::size_t expected = 0);

  /// False when the string is there already; the old number stays.
  bool insert(std::string_view text, std::int32_t value);

  std::int32_t find(std::string_view text) const {
    const std::uint64_t key = key_of(text);
    for (std::size_t at = slot_of(key, text.size());; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.value == kNone) return kNone;
      if (slot.key == key && slot.size == text.size() && same(slot, text)) return slot.value;
    }
  }

  std::size_t size() const { return texts_.size(); }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t size = 0;
    std::int32_t value = kNone;
    std::uint32_t text = 0;  // index into texts_
  };

  static std::uint64_t load(const char* p, std::size_t bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, bytes);
    return word;
  }

  static std::uint64_t key_of(std::string_view text) {
    const char* p = text.data();
    const std::size_t n = text.size();
    if (n > 8) return hash_long(text);
    if (n == 8) return load(p, 8);
    if (n >= 4) return load(p, 4) | load(p + n - 4, 4) << 8 * (n - 4);
    if (n == 0) return 0;
    const auto byte = [p](std::size_t i) {
      return std::uint64_t{static_cast<unsigned char>(p[i])} << 8 * i;
    };
    return byte(0) | byte(n / 2) | byte(n - 1);
  }

  static std::uint64_t hash_long(std::string_view text);

  std::size_t slot_of(std::uint64_t key, std::size_t size) const {
    const std::uint64_t mixed = (key ^ size) * 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(mixed ^ mixed >> 32) & mask_;
  }
  bool same(const Slot& slot, std::string_view text) const {
    return text.size() <= 8 || texts_[slot.text] == text;
  }
  void grow();

  std::vector<Slot> slots_;
  std::vector<std::string_view> texts_;
  std::size_t mask_ = 0;
};

}  // namespace galley::text
