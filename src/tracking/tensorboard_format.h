#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace galley::tracking {

// An event file is a row of records: u64 length, u32 masked CRC of the length, the payload, u32
// masked CRC of the payload; all little-endian.
inline constexpr std::size_t kTensorboardHead = 12;
inline constexpr std::size_t kTensorboardTail = 4;

/// CRC-32C (Castagnoli), by SSE 4.2 where the machine has it.
std::uint32_t crc32c(std::string_view bytes);
/// The table's answer, whatever the machine: what the other is tested against.
std::uint32_t crc32c_by_table(std::string_view bytes);

/// TensorFlow's guard against checksums of data that holds checksums.
inline std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

template <class Number>
Number load_little_endian(const char* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

/// Walks over the fields of a protocol buffer message.
class ProtoCursor {
 public:
  explicit ProtoCursor(std::string_view bytes) : rest_(bytes) {}

  /// Moves to the next field; false at the end, and where the message is damaged (see broken()).
  bool next() {
    if (rest_.empty()) return false;
    const auto key = varint();
    if (!key || *key >> 3 == 0 || *key >> 3 > 0x1fffffff) return fail();
    field_ = static_cast<std::uint32_t>(*key >> 3);
    wire_ = static_cast<std::uint32_t>(*key & 7);
    switch (wire_) {
      case 0: {
        const auto value = varint();
        if (!value) return fail();
        number_ = *value;
        return true;
      }
      case 1:
        return take(8);
      case 2: {
        const auto length = varint();
        return length && *length <= rest_.size() ? take(static_cast<std::size_t>(*length)) : fail();
      }
      case 5:
        return take(4);
      default:
        return fail();  // groups are no longer written
    }
  }

  bool is_varint(std::uint32_t field) const { return field_ == field && wire_ == 0; }
  bool is_bytes(std::uint32_t field) const { return field_ == field && wire_ == 2; }
  bool is_double(std::uint32_t field) const { return field_ == field && wire_ == 1; }
  bool is_float(std::uint32_t field) const { return field_ == field && wire_ == 5; }

  std::uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }
  bool broken() const { return broken_; }

 private:
  bool fail() {
    broken_ = true;
    return false;
  }
  bool take(std::size_t length) {
    if (length > rest_.size()) return fail();
    bytes_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::string_view rest_;
  std::string_view bytes_;
  std::uint64_t number_ = 0;
  std::uint32_t field_ = 0;
  std::uint32_t wire_ = 0;
  bool broken_ = false;
};

}  // namespace galley::tracking
