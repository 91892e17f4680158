#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace galley::http {

/// SHA-256 (hexadecimal) of the first certificate of a PEM file: what a client may pin
/// (ClientOptions::pinned_sha256). Errors: invalid_argument (no certificate in it), those of
/// reading.
Result<std::string> certificate_sha256(const std::filesystem::path& pem_file);

}  // namespace galley::http
