#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checks.h"

namespace galley::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A tree of two modules without a fault.
Tree clean_tree() {
  return {
      {"src/base/CMakeLists.txt", {"galley_module(base", "  SOURCES id.cpp)"}},
      {"src/base/README.md", {"# base"}},
      {"src/base/id.cpp", {"#include \"base/id.h\""}},
      {"src/base/include/base/id.h", {"#pragma once"}},
      {"src/store/CMakeLists.txt",
       {"galley_module(store", "  SOURCES rows.cpp", "  PUBLIC galley::base)"}},
      {"src/store/README.md", {"# store"}},
      {"src/store/rows.cpp", {"#include \"store/rows.h\""}},
      {"src/store/include/store/rows.h", {"#pragma once", "#include \"base/id.h\""}},
  };
}

Tree with(Tree tree, SourceFile file) {
  std::erase_if(tree, [&](const SourceFile& old) { return old.path == file.path; });
  tree.push_back(std::move(file));
  return tree;
}

std::vector<std::string> faults(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings)
    lines.push_back(finding.file + ":" + std::to_string(finding.line) + ": " + finding.what);
  return lines;
}

TEST(Tidy, FindsNothingInACleanTree) {
  EXPECT_THAT(faults(check_layers(clean_tree())), IsEmpty());
  EXPECT_THAT(faults(check_leftovers(clean_tree())), IsEmpty());
  EXPECT_THAT(faults(check_types(clean_tree())), IsEmpty());
}

TEST(TidyLayers, SeesAnIncludeThatPointsUp) {
  const Tree tree = with(
      clean_tree(), {"src/base/id.cpp", {"#include \"base/id.h\"", "#include \"store/rows.h\""}});
  EXPECT_THAT(faults(check_layers(tree)),
              ElementsAre("src/base/id.cpp:2: 'base' includes 'store', which lies above it",
                          "src/base/id.cpp:2: 'base' includes 'store' without linking it"));
}

TEST(TidyLayers, SeesACycleOfLinks) {
  const Tree tree = with(
      clean_tree(),
      {"src/base/CMakeLists.txt", {"galley_module(base SOURCES id.cpp", "PRIVATE galley::store)"}});
  EXPECT_THAT(faults(check_layers(tree)),
              ::testing::IsSupersetOf(
                  {"src/base/CMakeLists.txt:2: 'base' links 'store', which lies above it",
                   "src/base/CMakeLists.txt:1: 'base' reaches itself through 'store'"}));
}

TEST(TidyLayers, SeesAMissingAndAnUnusedLink) {
  const Tree missing =
      with(clean_tree(), {"src/store/CMakeLists.txt", {"galley_module(store SOURCES rows.cpp)"}});
  EXPECT_THAT(
      faults(check_layers(missing)),
      ElementsAre("src/store/include/store/rows.h:2: 'store' includes 'base' without linking it"));
  const Tree unused = with(clean_tree(), {"src/store/include/store/rows.h", {"#pragma once"}});
  EXPECT_THAT(
      faults(check_layers(unused)),
      ElementsAre("src/store/CMakeLists.txt:3: 'store' links 'base' and includes nothing of it"));
}

TEST(TidyLayers, SeesThatServingReachesTheStoreOverAnother) {
  Tree tree = clean_tree();
  tree.push_back(
      {"src/registry/CMakeLists.txt", {"galley_module(registry PRIVATE galley::store)"}});
  tree.push_back({"src/registry/include/registry/r.h", {"#include \"store/rows.h\""}});
  tree.push_back(
      {"src/serving/CMakeLists.txt", {"galley_module(serving PRIVATE galley::registry)"}});
  tree.push_back({"src/serving/host.cpp", {"#include \"registry/r.h\""}});
  EXPECT_THAT(
      faults(check_layers(tree)),
      ElementsAre("src/serving/CMakeLists.txt:1: 'serving' reaches 'store' through 'registry'"));
}

TEST(TidyLayers, SeesAHeavyLibraryInAPublicHeaderAndAStrangeModule) {
  Tree tree = with(clean_tree(),
                   {"src/base/include/base/id.h", {"#pragma once", "#include <boost/asio.hpp>"}});
  tree.push_back({"src/shiny/CMakeLists.txt", {"galley_module(shiny)"}});
  EXPECT_THAT(faults(check_layers(tree)),
              ElementsAre("src/shiny/CMakeLists.txt:1: module 'shiny' is in no layer",
                          "src/base/include/base/id.h:2: a public header includes boost/asio.hpp"));
}

TEST(TidyLeftovers, SeesMarkersAndPathsButNotWordsThatContainThem) {
  const std::string marker = std::string("TO") + "DO";
  const Tree tree = with(
      clean_tree(), {"src/base/id.cpp",
                     {"#include \"base/id.h\"", "// " + marker + ": later", "\"/tmp/a-XXXXXX\"",
                      "// MY" + marker, std::string("\"/wo") + "rk/main\""}});
  EXPECT_THAT(
      faults(check_leftovers(tree)),
      ElementsAre("src/base/id.cpp:2: leftover marker " + marker,
                  std::string("src/base/id.cpp:5: names a path of one machine (/wo") + "rk/main)"));
}

TEST(TidyLeftovers, SeesDeadFilesMissingGuardsAndReadmes) {
  Tree tree = with(clean_tree(), {"src/base/include/base/id.h", {"// no guard"}});
  std::erase_if(tree, [](const SourceFile& file) { return file.path == "src/store/README.md"; });
  tree.push_back({"src/base/orphan.cpp", {}});
  tree.push_back({"src/base/orphan.h", {"#pragma once"}});
  EXPECT_THAT(faults(check_leftovers(tree)),
              ElementsAre("src/base/include/base/id.h:1: header without a guard",
                          "src/base/orphan.cpp:1: no CMakeLists.txt builds it",
                          "src/base/orphan.h:1: nothing includes it",
                          "src/store/README.md:1: the module has no README.md"));
}

TEST(TidyLeftovers, SeesAFileThatGrewTooLong) {
  SourceFile file{"src/base/id.cpp", {"#include \"base/id.h\""}};
  file.lines.resize(kLongestFile + 1);
  EXPECT_THAT(faults(check_leftovers(with(clean_tree(), file))),
              ElementsAre("src/base/id.cpp:451: has 451 lines"));
}

TEST(TidyTypes, SeesTwoTypesOfOneNameInFilesThatMayBeLinked) {
  Tree tree = clean_tree();
  tree.push_back({"src/store/a.cpp",
                  {"namespace galley::store {", "struct Row { int x = 0; };", "class Other;",
                   "struct Row::Cell {};", "}"}});
  tree.push_back({"src/store/b.h",
                  {"namespace galley {", "namespace store {", "template <class T>",
                   "class alignas(64) Row final : public std::vector<T> {", "};",
                   "enum class [[nodiscard]] Row::Cell : int { a };", "}", "}"}});
  EXPECT_THAT(faults(check_types(tree)),
              ElementsAre("src/store/b.h:4: defines galley::store::Row, and so does "
                          "src/store/a.cpp:2",
                          "src/store/b.h:6: defines galley::store::Row::Cell, and so does "
                          "src/store/a.cpp:4"));
}

TEST(TidyTypes, LeavesAloneWhatIsAFilesOwnOrNoDefinition) {
  Tree tree = clean_tree();
  tree.push_back({"src/store/a.cpp",
                  {"namespace galley::store {", "struct Row {", "  struct Inner { int x; };", "};",
                   "struct Row make_row(int count = 10'000) { struct Local {}; return {}; }",
                   "template <> struct Hash<Row> {};", "const struct stat info{};", "}"}});
  tree.push_back({"src/store/b.cpp",
                  {"namespace galley::store {", "namespace {", "struct Row {};", "}",
                   "struct Row;  // struct Row {}", "#define ROW struct Row {}",
                   "const char* text = \"struct Row {\" R\"(struct Row {)\";",
                   "struct Other { struct Inner {}; struct stat info{}; };",
                   "void f() { struct Local {}; }", "template <> struct Hash<Other> {};", "}"}});
  tree.push_back({"src/base/c.h", {"namespace galley::base {", "struct Row {};", "}"}});
  tree.push_back({"tests/store/d.cpp", {"namespace galley::store {", "struct Row {};", "}"}});
  EXPECT_THAT(faults(check_types(tree)), IsEmpty());
}

TEST(TidyHeaders, LeavesToTheBuildWhatASourceFileIncludesFirst) {
  EXPECT_THAT(unproven_headers(clean_tree()), IsEmpty());
  const Tree tree = with(
      clean_tree(), {"src/store/rows.cpp", {"#include <vector>", "#include \"store/rows.h\""}});
  EXPECT_THAT(unproven_headers(tree), ElementsAre("store/rows.h"));
}

}  // namespace
}  // namespace galley::tidy
