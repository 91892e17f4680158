#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::training {

/// The whole file, decompressed when it begins as a zstd frame does, whatever its name.
/// Errors: as read_file; corrupt for a damaged or truncated frame; too_large past max_bytes of
/// text.
Result<std::string> read_text_file(const std::filesystem::path& path, std::int64_t max_bytes);

/// `compressed` is one or more zstd frames. Errors: corrupt, too_large; the sentence names `what`.
Result<std::string> decompress(std::string_view compressed, std::int64_t max_bytes,
                               const std::string& what);

}  // namespace galley::training
