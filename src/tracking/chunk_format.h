#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::tracking::format {

// What all versions of a chunk share: the header, the checksum, numbers and compression.

inline constexpr std::size_t kHeaderBytes = 16;  // magic 4, version 1, form 1, count 2, checksum 8

struct Header {
  char version = 1;
  char form = 0;
  std::size_t count = 0;  // 1 to 65,535
};

/// The header over this payload, and the payload.
std::string with_header(const Header& header, std::string_view payload);

/// The header of a chunk whose checksum is right. Errors: corrupt, unsupported (another version
/// than that).
Result<Header> read_header(std::string_view bytes, char version);

Error corrupt(std::string_view why);

void put_varint(std::string& out, std::uint64_t value);
/// False when the bytes end too early or the number has more than 64 bits.
bool get_varint(std::string_view& bytes, std::uint64_t& value);
std::uint64_t zigzag(std::uint64_t difference);
std::uint64_t unzigzag(std::uint64_t code);

std::string compress(const std::string& bytes);
/// Errors: corrupt, also for a frame that does not state its size or states more than `most`.
Result<std::string> decompress(std::string_view frame, std::size_t most);

}  // namespace galley::tracking::format
