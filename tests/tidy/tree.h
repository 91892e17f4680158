#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace galley::tidy {

/// One fault, printed as "file:line: what: what to do".
struct Finding {
  std::string file;
  int line = 1;
  std::string what;
  std::string remedy;
  bool operator==(const Finding&) const = default;
};

/// A text file of the project, split into lines.
struct SourceFile {
  std::string path;  // relative to the root, with forward slashes
  std::vector<std::string> lines;
};

using Tree = std::vector<SourceFile>;

/// The files that git knows or would add; without git, the files under the project's own folders.
/// Files that are no text (corpora, compressed data) are left out.
Tree read_tree(const std::filesystem::path& root);

/// "src/store/events.cpp" -> "store"; empty for files outside src/.
std::string module_of(std::string_view path);
/// True for src/<module>/include/**.
bool is_public_header(std::string_view path);

/// The X of each `#include "X"` or `#include <X>`, with its line.
struct Include {
  std::string name;
  int line = 0;
  bool quoted = false;
};
std::vector<Include> includes_of(const SourceFile& file);

}  // namespace galley::tidy
