#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::blobs {

/// A blob larger than this is refused. Chunks are far smaller; the largest blobs are manifests, and
/// 64 MiB lists about four terabytes of chunks.
inline constexpr std::int64_t kMaxBlobBytes = 64LL << 20U;

/// True for 64 lower-case hexadecimal characters, the name of a blob. Names come from the network
/// and become file names, so everything else is refused before it touches the disk.
bool is_blob_name(std::string_view name);

/// The bytes of a blob's file (docs/formats/blob.md): a header with the digest, then the bytes,
/// compressed where that makes them smaller. `name` must be the SHA-256 of `bytes`.
std::string encode_blob(std::string_view name, std::string_view bytes);

/// The bytes that were encoded. Verified: the answer's SHA-256 is `name`.
/// Errors: corrupt (says what is wrong), unsupported (written by a newer version).
Result<std::string> decode_blob(std::string_view name, std::string_view file);

}  // namespace galley::blobs
