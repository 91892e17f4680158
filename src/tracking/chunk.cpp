#include "tracking/chunk.h"

#include <zstd.h>

#include <bit>

#include "base/text.h"

namespace galley::tracking {
namespace {

constexpr std::string_view kMagic = "GLYT";
constexpr char kVersion = 1;
constexpr std::size_t kHeaderBytes = 16;  // magic 4, version 1, form 1, count 2, checksum 8
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kColumns = 3;
constexpr int kLevel = 3;
// A varint of 64 bits takes at most ten bytes; a value always takes eight.
constexpr std::size_t kMaxPacked = kChunkPoints * (10 + 10 + 8);

void put_fixed(std::string& out, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>((value >> (8U * i)) & 0xffU);
}

std::uint64_t get_fixed(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8U * i);
  return value;
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  out += static_cast<char>(value);
}

/// False when the bytes end too early or the number has more than 64 bits.
bool get_varint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// Small differences of either sign become small numbers. Unsigned arithmetic wraps, so the
/// distance between any two integers has a code.
std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1U) ^ (difference >> 63U ? ~std::uint64_t{0} : 0);
}
std::uint64_t unzigzag(std::uint64_t code) {
  return (code >> 1U) ^ (code & 1U ? ~std::uint64_t{0} : 0);
}

std::string raw_columns(std::span<const Point> points) {
  std::string out;
  out.reserve(points.size() * kColumns * 8);
  for (const Point& point : points) put_fixed(out, static_cast<std::uint64_t>(point.step));
  for (const Point& point : points) put_fixed(out, std::bit_cast<std::uint64_t>(point.value));
  for (const Point& point : points) put_fixed(out, static_cast<std::uint64_t>(point.at_ms));
  return out;
}

/// Deltas of steps and times; values XORed with their predecessor and split into byte planes, so
/// that the equal leading bytes of neighbours lie together (Pelkonen et al. 2015, Gorilla, for
/// XOR).
std::string packed_columns(std::span<const Point> points) {
  std::string out;
  std::uint64_t step = 0;
  std::uint64_t at = 0;
  for (const Point& point : points) {
    put_varint(out, zigzag(static_cast<std::uint64_t>(point.step) - step));
    step = static_cast<std::uint64_t>(point.step);
  }
  for (const Point& point : points) {
    put_varint(out, zigzag(static_cast<std::uint64_t>(point.at_ms) - at));
    at = static_cast<std::uint64_t>(point.at_ms);
  }
  for (unsigned plane = 0; plane < 8; ++plane) {
    std::uint64_t last = 0;
    for (const Point& point : points) {
      const auto bits = std::bit_cast<std::uint64_t>(point.value);
      out += static_cast<char>(((bits ^ last) >> (8U * (7U - plane))) & 0xffU);
      last = bits;
    }
  }
  return out;
}

std::string compress(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  GALLEY_CHECK(ZSTD_isError(size) == 0, "compressing into enough room succeeds");
  out.resize(size);
  return out;
}

std::string checksum(std::string_view payload) {
  return sha256_hex(payload).substr(0, kChecksumBytes * 2);
}

Error corrupt(std::string_view why) {
  return Error{Errc::corrupt, "a chunk of a time series is damaged: " + std::string(why)};
}

Result<std::vector<Point>> read_raw(std::string_view payload, std::size_t count) {
  if (payload.size() != count * kColumns * 8) return corrupt("its length is wrong");
  std::vector<Point> points(count);
  for (std::size_t i = 0; i < count; ++i)
    points[i] = {static_cast<std::int64_t>(get_fixed(payload, i * 8)),
                 std::bit_cast<double>(get_fixed(payload, (count + i) * 8)),
                 static_cast<std::int64_t>(get_fixed(payload, (2 * count + i) * 8))};
  return points;
}

Result<std::vector<Point>> read_packed(std::string_view packed, std::size_t count) {
  std::vector<Point> points(count);
  std::uint64_t code = 0;
  std::uint64_t step = 0;
  std::uint64_t at = 0;
  for (Point& point : points) {
    if (!get_varint(packed, code)) return corrupt("its steps end too early");
    step += unzigzag(code);
    point.step = static_cast<std::int64_t>(step);
  }
  for (Point& point : points) {
    if (!get_varint(packed, code)) return corrupt("its times end too early");
    at += unzigzag(code);
    point.at_ms = static_cast<std::int64_t>(at);
  }
  if (packed.size() != count * 8) return corrupt("its values have the wrong length");
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t change = 0;
    for (std::size_t plane = 0; plane < 8; ++plane)
      change = change << 8U | static_cast<unsigned char>(packed[plane * count + i]);
    bits ^= change;
    points[i].value = std::bit_cast<double>(bits);
  }
  return points;
}

}  // namespace

std::string encode_chunk(std::span<const Point> points, ChunkForm form) {
  GALLEY_CHECK(!points.empty() && points.size() <= kChunkPoints, "a chunk holds 1 to 512 points");
  const std::string payload =
      form == ChunkForm::growing ? raw_columns(points) : compress(packed_columns(points));
  std::string out(kMagic);
  out += kVersion;
  out += static_cast<char>(form);
  out += static_cast<char>(points.size() & 0xffU);
  out += static_cast<char>(points.size() >> 8U);
  const std::string digest = checksum(payload);
  for (std::size_t i = 0; i < digest.size(); i += 2)
    out += static_cast<char>(std::stoi(digest.substr(i, 2), nullptr, 16));
  return out + payload;
}

Result<std::vector<Point>> decode_chunk(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic))
    return corrupt("it does not begin with a chunk's header");
  const auto form = static_cast<unsigned char>(bytes[5]);
  if (bytes[4] != kVersion || form > static_cast<unsigned char>(ChunkForm::sealed))
    return Error{Errc::unsupported, "a chunk of a time series has version " +
                                        std::to_string(static_cast<unsigned char>(bytes[4])) +
                                        ", form " + std::to_string(form) +
                                        "; this program reads version 1"};
  const std::size_t count = static_cast<unsigned char>(bytes[6]) +
                            (std::size_t{static_cast<unsigned char>(bytes[7])} << 8U);
  if (count < 1 || count > kChunkPoints) return corrupt("its count is out of bounds");
  const std::string_view payload = bytes.substr(kHeaderBytes);
  if (to_hex(bytes.substr(8, kChecksumBytes)) != checksum(payload))
    return corrupt("its checksum is wrong");
  if (static_cast<ChunkForm>(form) == ChunkForm::growing) return read_raw(payload, count);

  const auto size = ZSTD_getFrameContentSize(payload.data(), payload.size());
  if (size > kMaxPacked) return corrupt("its compressed size is out of bounds");
  std::string packed(static_cast<std::size_t>(size), '\0');
  if (ZSTD_decompress(packed.data(), packed.size(), payload.data(), payload.size()) != size)
    return corrupt("it cannot be decompressed");
  return read_packed(packed, count);
}

}  // namespace galley::tracking
