#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace galley::openai {

/// Twelve hexadecimal characters that stand for the files of a model or an adapter: their names,
/// their sizes, and 64 samples of 4 KiB spread over each. Equal files have equal marks on every
/// machine, and training any further changes every weight, so that it is not overlooked; the cost
/// stays 256 KiB of reading a file, where a hash of all bytes would take seconds for each GB. Not a
/// defence against forgery. Errors: not_found, forbidden.
Result<std::string> weights_mark(std::span<const std::filesystem::path> files);
/// Likewise of the files that lie in a folder.
Result<std::string> folder_mark(const std::filesystem::path& folder);

}  // namespace galley::openai
