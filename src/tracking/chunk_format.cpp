#include "chunk_format.h"

#include <zstd.h>

#include "base/text.h"

namespace galley::tracking::format {
namespace {

constexpr std::string_view kMagic = "GLYT";
constexpr std::size_t kChecksumBytes = 8;
constexpr int kLevel = 3;

std::string checksum(std::string_view payload) {
  return sha256_hex(payload).substr(0, kChecksumBytes * 2);
}

}  // namespace

Error corrupt(std::string_view why) {
  return Error{Errc::corrupt, "a chunk of a time series is damaged: " + std::string(why)};
}

std::string with_header(const Header& header, std::string_view payload) {
  GALLEY_CHECK(header.count >= 1 && header.count <= 0xffffU, "a chunk's count fits its header");
  std::string out(kMagic);
  out.reserve(kHeaderBytes + payload.size());
  out += header.version;
  out += header.form;
  out += static_cast<char>(header.count & 0xffU);
  out += static_cast<char>(header.count >> 8U);
  const std::string digest = checksum(payload);
  for (std::size_t i = 0; i < digest.size(); i += 2)
    out += static_cast<char>(std::stoi(digest.substr(i, 2), nullptr, 16));
  out += payload;
  return out;
}

Result<Header> read_header(std::string_view bytes, char version) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic))
    return corrupt("it does not begin with a chunk's header");
  if (bytes[4] != version)
    return Error{Errc::unsupported,
                 "a chunk of a time series has version " +
                     std::to_string(static_cast<unsigned char>(bytes[4])) + ", form " +
                     std::to_string(static_cast<unsigned char>(bytes[5])) +
                     "; this program reads version " + std::to_string(int{version}) + " here"};
  const std::size_t count = static_cast<unsigned char>(bytes[6]) +
                            (std::size_t{static_cast<unsigned char>(bytes[7])} << 8U);
  if (to_hex(bytes.substr(8, kChecksumBytes)) != checksum(bytes.substr(kHeaderBytes)))
    return corrupt("its checksum is wrong");
  return Header{bytes[4], bytes[5], count};
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  out += static_cast<char>(value);
}

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

// Small differences of either sign become small numbers. Unsigned arithmetic wraps, so the distance
// between any two integers has a code.
std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1U) ^ (difference >> 63U ? ~std::uint64_t{0} : 0);
}
std::uint64_t unzigzag(std::uint64_t code) {
  return (code >> 1U) ^ (code & 1U ? ~std::uint64_t{0} : 0);
}

std::string compress(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  GALLEY_CHECK(ZSTD_isError(size) == 0, "compressing into enough room succeeds");
  out.resize(size);
  return out;
}

Result<std::string> decompress(std::string_view frame, std::size_t most) {
  const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size > most) return corrupt("its compressed size is out of bounds");
  std::string packed(static_cast<std::size_t>(size), '\0');
  if (ZSTD_decompress(packed.data(), packed.size(), frame.data(), frame.size()) != size)
    return corrupt("it cannot be decompressed");
  return packed;
}

}  // namespace galley::tracking::format
