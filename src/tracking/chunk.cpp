#include "tracking/chunk.h"

#include <bit>

#include "chunk_format.h"

namespace galley::tracking {
namespace {

using format::corrupt;

constexpr char kVersion = 1;
constexpr std::size_t kColumns = 3;
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
    format::put_varint(out, format::zigzag(static_cast<std::uint64_t>(point.step) - step));
    step = static_cast<std::uint64_t>(point.step);
  }
  for (const Point& point : points) {
    format::put_varint(out, format::zigzag(static_cast<std::uint64_t>(point.at_ms) - at));
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
    if (!format::get_varint(packed, code)) return corrupt("its steps end too early");
    step += format::unzigzag(code);
    point.step = static_cast<std::int64_t>(step);
  }
  for (Point& point : points) {
    if (!format::get_varint(packed, code)) return corrupt("its times end too early");
    at += format::unzigzag(code);
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
  return format::with_header(
      {kVersion, static_cast<char>(form), points.size()},
      form == ChunkForm::growing ? raw_columns(points) : format::compress(packed_columns(points)));
}

Result<std::vector<Point>> decode_chunk(std::string_view bytes) {
  GALLEY_TRY(const auto header, format::read_header(bytes, kVersion));
  if (header.form != static_cast<char>(ChunkForm::growing) &&
      header.form != static_cast<char>(ChunkForm::sealed))
    return Error{Errc::unsupported, "a chunk of a time series has form " +
                                        std::to_string(static_cast<unsigned char>(header.form)) +
                                        "; this program reads forms 0 and 1"};
  if (header.count < 1 || header.count > kChunkPoints) return corrupt("its count is out of bounds");
  const std::string_view payload = bytes.substr(format::kHeaderBytes);
  if (static_cast<ChunkForm>(header.form) == ChunkForm::growing)
    return read_raw(payload, header.count);
  GALLEY_TRY(const auto packed, format::decompress(payload, kMaxPacked));
  return read_packed(packed, header.count);
}

}  // namespace galley::tracking
