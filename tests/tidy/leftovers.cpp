#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "checks.h"

namespace galley::tidy {
namespace {

/// Written in two halves, so that this file is not its own finding.
constexpr std::array<std::string_view, 4> kMarkers{
    "TO"
    "DO",
    "FIX"
    "ME",
    "XX"
    "X",
    "HA"
    "CK"};
constexpr std::array<std::string_view, 3> kMachinePaths{
    "/wo"
    "rk/main",
    "/wo"
    "rk/shared",
    "../sha"
    "red/"};
/// Build files have no business outside the tree and the system's own folders.
constexpr std::array<std::string_view, 3> kBuildPaths{"/tmp/", "/home/", "/root/"};

/// Files that may be longer than kLongestFile, with the reason beside each. There are none.
const std::set<std::string> kLongFiles{};

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const bool starts = at == 0 || !is_letter(line[at - 1]);
    const std::size_t end = at + word.size();
    if (starts && (end == line.size() || !is_letter(line[end]))) return true;
  }
  return false;
}

bool is_code(const SourceFile& file) {
  return file.path.ends_with(".h") || file.path.ends_with(".cpp");
}

void check_lines(const SourceFile& file, std::vector<Finding>& findings) {
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const int line = static_cast<int>(i) + 1;
    for (const auto marker : kMarkers)
      if (has_word(file.lines[i], marker))
        findings.push_back({file.path, line, "leftover marker " + std::string(marker),
                            "finish it, or open an issue and remove the comment"});
    const auto refuse_path = [&](std::string_view path) {
      if (file.lines[i].find(path) != std::string::npos)
        findings.push_back({file.path, line,
                            "names a path of one machine (" + std::string(path) + ")",
                            "use a path relative to the project, or an option"});
    };
    for (const auto path : kMachinePaths) refuse_path(path);
    if (file.path.ends_with("CMakeLists.txt") || file.path.ends_with(".cmake"))
      for (const auto path : kBuildPaths) refuse_path(path);
  }
}

void check_file(const SourceFile& file, std::vector<Finding>& findings) {
  check_lines(file, findings);
  if (!is_code(file)) return;
  if (file.lines.size() > kLongestFile && !kLongFiles.contains(file.path))
    findings.push_back({file.path, static_cast<int>(file.lines.size()),
                        "has " + std::to_string(file.lines.size()) + " lines",
                        "split out its second subject"});
  if (file.path.ends_with(".h") &&
      std::ranges::find(file.lines, "#pragma once") == file.lines.end())
    findings.push_back({file.path, 1, "header without a guard", "begin it with #pragma once"});
}

std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

/// Source files that no CMakeLists names, and headers that nothing includes.
void check_dead_files(const Tree& tree, std::vector<Finding>& findings) {
  std::set<std::string> built;     // words of CMakeLists files
  std::set<std::string> included;  // last parts of includes
  for (const SourceFile& file : tree) {
    if (file.path.ends_with("CMakeLists.txt") || file.path.ends_with(".cmake"))
      for (const std::string& line : file.lines)
        for (std::size_t i = 0; i < line.size();) {
          const auto is_part = [&](std::size_t at) {
            return at < line.size() && (is_letter(line[at]) || line[at] == '.' || line[at] == '-');
          };
          std::size_t end = i;
          while (is_part(end)) ++end;
          if (end > i) built.insert(line.substr(i, end - i));
          i = end + 1;
        }
    for (const Include& include : includes_of(file)) included.insert(name_of(include.name));
  }
  for (const SourceFile& file : tree) {
    if (file.path.ends_with(".cpp") && !built.contains(name_of(file.path)))
      findings.push_back(
          {file.path, 1, "no CMakeLists.txt builds it", "add it to its target or delete it"});
    if (file.path.ends_with(".h") && !included.contains(name_of(file.path)))
      findings.push_back({file.path, 1, "nothing includes it", "delete it"});
  }
}

void check_readmes(const Tree& tree, std::vector<Finding>& findings) {
  std::map<std::string, bool> has_readme;
  for (const SourceFile& file : tree) {
    const std::string module = module_of(file.path);
    if (!module.empty()) has_readme[module] |= file.path == "src/" + module + "/README.md";
  }
  for (const auto& [module, found] : has_readme)
    if (!found)
      findings.push_back(
          {"src/" + module + "/README.md", 1, "the module has no README.md",
           "say in ten lines what it is for, its main types, and what it must not do"});
}

}  // namespace

std::vector<Finding> check_leftovers(const Tree& tree) {
  std::vector<Finding> findings;
  for (const SourceFile& file : tree) check_file(file, findings);
  check_dead_files(tree, findings);
  check_readmes(tree, findings);
  return findings;
}

std::vector<std::string> unproven_headers(const Tree& tree) {
  std::set<std::string> proven;
  for (const SourceFile& file : tree) {
    if (!file.path.ends_with(".cpp")) continue;
    const auto includes = includes_of(file);
    if (!includes.empty() && includes.front().quoted) proven.insert(includes.front().name);
  }
  std::vector<std::string> unproven;
  for (const SourceFile& file : tree) {
    if (!is_public_header(file.path)) continue;
    const std::string folder = "src/" + module_of(file.path) + "/include/";
    const std::string name = file.path.substr(folder.size());
    if (!proven.contains(name)) unproven.push_back(name);
  }
  return unproven;
}

}  // namespace galley::tidy
