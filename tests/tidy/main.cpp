// tidy layers|leftovers|types ROOT: prints each fault as "file:line: what: what to do"; exits 1 if
// any. tidy headers ROOT: prints the headers that must be shown to compile alone.
#include <cstdio>
#include <string_view>

#include "checks.h"

int main(int argc, char** argv) {
  using namespace galley::tidy;
  const std::string_view check = argc == 3 ? argv[1] : "";
  if (check != "layers" && check != "leftovers" && check != "types" && check != "headers") {
    std::fprintf(stderr, "usage: tidy layers|leftovers|types|headers ROOT\n");
    return 2;
  }
  const Tree tree = read_tree(argv[2]);
  if (tree.empty()) {
    std::fprintf(stderr, "no source files under %s\n", argv[2]);
    return 2;
  }
  if (check == "headers") {
    for (const auto& header : unproven_headers(tree)) std::printf("%s\n", header.c_str());
    return 0;
  }
  const auto findings = check == "layers"  ? check_layers(tree)
                        : check == "types" ? check_types(tree)
                                           : check_leftovers(tree);
  for (const Finding& finding : findings)
    std::printf("%s:%d: %s: %s\n", finding.file.c_str(), finding.line, finding.what.c_str(),
                finding.remedy.c_str());
  std::printf("%zu files, %zu faults\n", tree.size(), findings.size());
  return findings.empty() ? 0 : 1;
}
