#pragma once

#include <string>

#include "yaml.h"

namespace galley::cli {

/// A job file as read: its values, and where each of them stands for the messages about it.
struct SpecFile {
  std::string name;  // as the user wrote it; "-" is stdin
  Json json;
  LineMap lines;
};

/// Reads a YAML or JSON file (by its first character and extension). Errors: not_found, forbidden,
/// too_large, invalid_argument; messages begin "FILE:LINE: ".
Result<SpecFile> read_spec_file(const std::string& path);

/// The text of a file as above, for files that are already in memory.
Result<SpecFile> parse_spec_text(const std::string& name, std::string_view text);

/// An error of the spec's parser, ours or the server's, as "FILE:LINE: path: message". A field that
/// is not in the file takes the line of what should hold it. That nobody answers is not of the
/// file: as it is.
Error locate(const SpecFile& file, const Error& error);

}  // namespace galley::cli
