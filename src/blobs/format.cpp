#include "blobs/format.h"

#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace galley::blobs {
namespace {

constexpr std::string_view kMagic = "GLYB";
constexpr unsigned char kVersion = 1;
enum class Codec : unsigned char { raw = 0, zstd = 1 };
constexpr std::size_t kHeaderBytes = 48;  // magic 4, version 1, codec 1, zero 2, size 8, digest 32
constexpr std::size_t kSizeAt = 8;
constexpr std::size_t kDigestAt = 16;
// Weights gain about as much at level 1 as at 3, and freezing must keep up with the disk.
constexpr int kLevel = 1;

void put_size(std::string& header, std::uint64_t size) {
  for (unsigned i = 0; i < 8; ++i) header += static_cast<char>((size >> (8U * i)) & 0xffU);
}

std::uint64_t read_size(std::string_view header) {
  std::uint64_t size = 0;
  for (unsigned i = 0; i < 8; ++i)
    size |= std::uint64_t{static_cast<unsigned char>(header[kSizeAt + i])} << (8U * i);
  return size;
}

int nibble(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

std::string digest_of(std::string_view name) {
  std::string digest;
  for (std::size_t i = 0; i + 1 < name.size(); i += 2)
    digest += static_cast<char>(nibble(name[i]) * 16 + nibble(name[i + 1]));
  return digest;
}

Error corrupt(std::string_view name, std::string_view why) {
  return Error{Errc::corrupt, "blob " + std::string(name) + " is damaged: " + std::string(why)};
}

}  // namespace

bool is_blob_name(std::string_view name) {
  return name.size() == 64 && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string encode_blob(std::string_view name, std::string_view bytes) {
  GALLEY_CHECK(is_blob_name(name), "a blob is named by its digest");
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
  const bool smaller = ZSTD_isError(size) == 0 && size < bytes.size();

  std::string file;
  file.reserve(kHeaderBytes + (smaller ? size : bytes.size()));
  file += kMagic;
  file += static_cast<char>(kVersion);
  file += static_cast<char>(smaller ? Codec::zstd : Codec::raw);
  file.append(2, '\0');
  put_size(file, bytes.size());
  file += digest_of(name);
  file += smaller ? std::string_view(packed).substr(0, size) : bytes;
  return file;
}

Result<std::string> decode_blob(std::string_view name, std::string_view file) {
  if (!is_blob_name(name))
    return Error{Errc::invalid_argument,
                 "'" + std::string(name.substr(0, 80)) + "' is not the name of a blob",
                 {},
                 "64 lower-case hexadecimal characters"};
  if (file.size() < kHeaderBytes || !file.starts_with(kMagic))
    return corrupt(name, "it does not begin with a blob's header");
  const auto version = static_cast<unsigned char>(file[4]);
  const auto codec = static_cast<unsigned char>(file[5]);
  if (version != kVersion || codec > static_cast<unsigned char>(Codec::zstd))
    return Error{Errc::unsupported, "blob " + std::string(name) + " has version " +
                                        std::to_string(version) + ", codec " +
                                        std::to_string(codec) + "; this program reads version 1"};
  if (file[6] != 0 || file[7] != 0) return corrupt(name, "its reserved bytes are not zero");
  const std::uint64_t size = read_size(file);
  if (size > static_cast<std::uint64_t>(kMaxBlobBytes))
    return corrupt(name, "its size is out of bounds");
  if (file.substr(kDigestAt, 32) != digest_of(name)) return corrupt(name, "it is another blob");

  const std::string_view payload = file.substr(kHeaderBytes);
  std::string bytes;
  if (static_cast<Codec>(codec) == Codec::raw) {
    if (payload.size() != size) return corrupt(name, "its length does not match its header");
    bytes = payload;
  } else {
    // The frame's own size must agree before so much memory is taken on a stranger's word.
    if (ZSTD_getFrameContentSize(payload.data(), payload.size()) != size)
      return corrupt(name, "its compressed size does not match its header");
    bytes.resize(size);
    if (ZSTD_decompress(bytes.data(), bytes.size(), payload.data(), payload.size()) != size)
      return corrupt(name, "it cannot be decompressed");
  }
  if (sha256_hex(bytes) != name) return corrupt(name, "its bytes do not have that digest");
  return bytes;
}

}  // namespace galley::blobs
