#include "blobs/manifest.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace galley::blobs {
namespace {

ManifestFile file(const std::string& path, const std::string& bytes) {
  ManifestFile made{.path = path,
                    .size_bytes = static_cast<std::int64_t>(bytes.size()),
                    .sha256 = sha256_hex(bytes)};
  if (!bytes.empty()) made.chunks = {made.sha256};
  return made;
}

Manifest large() {
  Manifest manifest{{file("a", "one"), file("dir/b", ""), file("dir/c d", "three")}};
  manifest.files[2].executable = true;
  // Two chunks: whole-file digest and chunk digests are independent.
  manifest.files[0].size_bytes = kChunkBytes + 1;
  manifest.files[0].chunks = {sha256_hex("x"), sha256_hex("y")};
  return manifest;
}

TEST(Manifest, ReadsWhatItPrints) {
  const Manifest manifest = large();
  const std::string text = print_manifest(manifest);
  const auto back = parse_manifest(text);
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(*back, manifest);
  EXPECT_EQ(manifest_name(*back), sha256_hex(text));
  EXPECT_TRUE(text.ends_with(R"("format":"galley-manifest","version":1})")) << text;
}

TEST(Manifest, SumsFindsAndListsChunks) {
  const Manifest manifest = large();
  EXPECT_EQ(manifest.size_bytes(), kChunkBytes + 1 + 5);
  EXPECT_EQ(manifest.find("dir/b"), &manifest.files[1]);
  EXPECT_EQ(manifest.find("dir"), nullptr);
  EXPECT_EQ(manifest.find("zzz"), nullptr);
  EXPECT_EQ(manifest.chunks().size(), 3U);
}

/// The text with every `from` replaced: a manifest that went wrong in one place.
std::string altered(const std::string& from, const std::string& to) {
  std::string text = print_manifest(large());
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  EXPECT_NE(text, print_manifest(large())) << from << " is not in the text";
  return text;
}

TEST(Manifest, RefusesWhatBreaksARule) {
  const std::string digest = sha256_hex("one");
  const std::vector<std::string> broken{
      "",
      "[]",
      "null",
      "{}",
      R"({"files":[],"format":"galley-manifest","version":1})",
      altered(R"("format":"galley-manifest")", R"("format":"other")"),
      altered(R"("version":1)", R"("version":"1")"),
      altered(R"("version":1)", R"("extra":0,"version":1)"),
      altered(R"("path":"a")", R"("path":"/a")"),
      altered(R"("path":"a")", R"("path":"../a")"),
      altered(R"("path":"a")", R"("path":"x/../a")"),
      altered(R"("path":"a")", R"("path":"./a")"),
      altered(R"("path":"a")", R"("path":"a//b")"),
      altered(R"("path":"a")", R"("path":"a/")"),
      altered(R"("path":"a")", R"("path":"")"),
      altered(R"("path":"a")", R"("path":"a\u0000")"),
      altered(R"("path":"a")", R"("path":"a\n")"),
      altered(R"("path":"a")", R"("path":7)"),
      altered(R"("path":"a")", R"("path":"dir")"),    // also a folder
      altered(R"("path":"a")", R"("path":"dir/b")"),  // twice
      altered(R"("path":"a")", R"("path":"z")"),      // not sorted
      altered(R"("path":"a")", R"("path":")" + std::string(300, 'p') + "\""),
      altered(R"("path":"a",)", ""),
      altered(R"("mode_executable":true)", R"("mode_executable":1)"),
      altered(R"("size_bytes":5)", R"("size_bytes":-5)"),
      altered(R"("size_bytes":5)", R"("size_bytes":5.0)"),
      altered(R"("size_bytes":5)", R"("size_bytes":5e0)"),
      altered(R"("size_bytes":5)", R"("size_bytes":0)"),
      altered(R"("size_bytes":5)", R"("size_bytes":4194305)"),
      altered(R"("size_bytes":5)", R"("size_bytes":18446744073709551615)"),
      altered(R"("size_bytes":5)", R"("size_bytes":"5")"),
      altered(sha256_hex("three"), sha256_hex("three").substr(1)),
      altered(sha256_hex(""), sha256_hex("not empty")),
      altered(R"("chunks":[])", R"("chunks":[")" + digest + R"("])"),
      altered(R"("chunks":[])", R"("chunks":{})"),
      altered(R"("chunks":[])", R"("chunks":[7])"),
      altered(R"("version":1})", R"("version":1} )"),
      altered(R"("version":1})", R"("version":1}{)"),
      altered(R"("files":)", R"("files": )"),
      altered(R"("path":"a")", "\"path\":\"a\xff\""),
  };
  for (const std::string& text : broken) {
    const auto manifest = parse_manifest(text);
    ASSERT_FALSE(manifest) << text;
    EXPECT_EQ(manifest.error().code, Errc::invalid_argument) << text;
    EXPECT_FALSE(manifest.error().message.empty());
  }
}

TEST(Manifest, ANewerVersionIsUnsupported) {
  const auto manifest = parse_manifest(altered(R"("version":1)", R"("version":2)"));
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::unsupported);
}

TEST(Manifest, AFileThatIsAFolderElsewhereIsFoundThroughNeighbours) {
  // "dir!" sorts between "dir" and "dir/b".
  const Manifest manifest{{file("dir", "1"), file("dir!", "2"), file("dir/b", "3")}};
  const auto back = parse_manifest(print_manifest(manifest));
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("both a file and a folder"), std::string::npos);
}

TEST(Manifest, TheSameChunkOfAOneChunkFileMustBeItsDigest) {
  Manifest manifest{{file("a", "1")}};
  manifest.files[0].chunks = {sha256_hex("2")};
  EXPECT_FALSE(parse_manifest(print_manifest(manifest)));
}

TEST(Manifest, DiffNamesWhatWasAddedRemovedAndChanged) {
  Manifest before{{file("changed", "12"), file("kept", "k"), file("mode", "m"), file("old", "o")}};
  Manifest after{{file("changed", "123"), file("kept", "k"), file("mode", "m"), file("new", "nn")}};
  after.files[2].executable = true;

  const ManifestDiff found = diff(before, after);

  EXPECT_EQ(found.added, (std::vector<ManifestDiff::Change>{{"new", 0, 2}}));
  EXPECT_EQ(found.removed, (std::vector<ManifestDiff::Change>{{"old", 1, 0}}));
  EXPECT_EQ(found.changed, (std::vector<ManifestDiff::Change>{{"changed", 2, 3}, {"mode", 1, 1}}));
  EXPECT_EQ(diff(before, before), ManifestDiff{});
}

}  // namespace
}  // namespace galley::blobs
