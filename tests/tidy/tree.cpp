#include "tree.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace galley::tidy {
namespace {

namespace fs = std::filesystem;

bool is_text(std::string_view path) {
  constexpr std::array kEndings{".h",  ".cpp", ".cmake", ".txt",  ".md",  ".sql", ".sh",
                                ".ts", ".tsx", ".css",   ".html", ".yml", ".yaml"};
  if (path.find("/corpus/") != std::string_view::npos || path.starts_with("data/")) return false;
  return path == "dev" || path == ".ci/run" ||
         std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return path.ends_with(ending); });
}

std::vector<std::string> names_from_git(const fs::path& root) {
  const std::string command =
      "git -C '" + root.string() + "' ls-files -co --exclude-standard 2>/dev/null";
  std::vector<std::string> names;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return names;
  std::string text;
  char buffer[4096];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    text.append(buffer, count);
  ::pclose(pipe);
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    names.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return names;
}

std::vector<std::string> names_from_folders(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto folder : {"src", "apps", "tests", "bench", "cmake", "docs"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file())
        names.push_back(fs::relative(entry.path(), root).generic_string());
  }
  return names;
}

}  // namespace

Tree read_tree(const fs::path& root) {
  auto names = names_from_git(root);
  if (names.empty()) names = names_from_folders(root);
  std::ranges::sort(names);
  Tree tree;
  for (const std::string& name : names) {
    if (!is_text(name)) continue;
    std::ifstream in(root / name);
    if (!in) continue;  // deleted, but not committed as such yet
    SourceFile file{name, {}};
    for (std::string line; std::getline(in, line);) file.lines.push_back(line);
    tree.push_back(std::move(file));
  }
  return tree;
}

std::string module_of(std::string_view path) {
  if (!path.starts_with("src/")) return {};
  const std::size_t end = path.find('/', 4);
  return end == std::string_view::npos ? std::string() : std::string(path.substr(4, end - 4));
}

bool is_public_header(std::string_view path) {
  const std::string module = module_of(path);
  return !module.empty() && path.starts_with("src/" + module + "/include/") && path.ends_with(".h");
}

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> found;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string_view line = file.lines[i];
    if (!line.starts_with("#include")) continue;
    const std::size_t open = line.find_first_of("\"<");
    if (open == std::string_view::npos) continue;
    const std::size_t close = line.find_first_of("\">", open + 1);
    if (close == std::string_view::npos) continue;
    found.push_back({std::string(line.substr(open + 1, close - open - 1)), static_cast<int>(i) + 1,
                     line[open] == '"'});
  }
  return found;
}

}  // namespace galley::tidy
