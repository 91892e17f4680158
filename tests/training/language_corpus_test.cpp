// What a language model's training does before and around the tensors.
#include "training/language_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <set>
#include <string>

#include "base/file.h"
#include "support/temp_folder.h"
#include "training/token_windows.h"

namespace galley::training {
namespace {

using ::testing::HasSubstr;

std::string numbered_lines(int count, const std::string& end = "\n") {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line " + std::to_string(i) + end;
  return text;
}

TEST(LanguageText, HoldsOutTheLastTwentiethOfTheLines) {
  const auto text = cut_language_text(numbered_lines(100), "a");
  ASSERT_TRUE(text) << describe(text.error());
  EXPECT_TRUE(text->lines);
  EXPECT_EQ(text->validation, "line 95\nline 96\nline 97\nline 98\nline 99\n");
  EXPECT_EQ(text->train + text->validation, numbered_lines(100));
}

TEST(LanguageText, BlankLinesMakeItOneRunningText) {
  const auto text = cut_language_text("SPEAKER:\n\n" + numbered_lines(60), "play");
  ASSERT_TRUE(text);
  EXPECT_FALSE(text->lines);
}

TEST(LanguageText, ReadsWindowsLineEndsAndAMissingLastOne) {
  auto bytes = numbered_lines(60, "\r\n");
  bytes.resize(bytes.size() - 2);
  const auto text = cut_language_text(bytes, "a");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->train + text->validation, numbered_lines(60));
}

TEST(LanguageText, RefusesWhatIsNoText) {
  EXPECT_THAT(cut_language_text(numbered_lines(39), "few").error().message,
              HasSubstr("few has 39 lines"));
  EXPECT_THAT(cut_language_text("", "empty").error().message, HasSubstr("empty has 0 lines"));
  auto bytes = numbered_lines(50);
  bytes[bytes.find("line 7")] = '\xff';
  EXPECT_THAT(cut_language_text(bytes, "bad").error().message, HasSubstr("bad:8"));
}

TEST(LanguageText, IsReadFromZstdAndNamedAfterItsFile) {
  const testing::TempFolder folder;
  const std::string text = numbered_lines(60);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  ASSERT_TRUE(write_file_atomic(folder / "reviews.txt.zst", packed, Durability::memory));
  const auto read = read_language_text(folder / "reviews.txt.zst");
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->name, "reviews");
  EXPECT_EQ(read->train + read->validation, text);
  EXPECT_EQ(read_language_text(folder / "absent.txt").error().code, Errc::not_found);
}

TEST(LanguageFiles, AFolderStandsForItsTextsInOrder) {
  const testing::TempFolder folder;
  for (const char* name : {"b.txt", "a.txt.zst", "README.md"})
    ASSERT_TRUE(write_file_atomic(folder / name, "x", Durability::memory));
  const std::vector<std::filesystem::path> asked{folder.path(), "other.tsv"};
  const auto files = find_language_files(asked);
  ASSERT_TRUE(files);
  EXPECT_EQ(*files, (std::vector<std::filesystem::path>{folder / "a.txt.zst", folder / "b.txt",
                                                        "other.tsv"}));
  const testing::TempFolder empty;
  const std::vector<std::filesystem::path> nothing{empty.path()};
  EXPECT_EQ(find_language_files(nothing).error().code, Errc::not_found);
}

TEST(LanguageCorpus, EncodesDocumentsBetweenEndOfTextTokens) {
  const auto text = cut_language_text(numbered_lines(200), "a");
  ASSERT_TRUE(text);
  auto spec = train_vocabulary(std::span(&*text, 1), 300);
  ASSERT_TRUE(spec) << describe(spec.error());
  ASSERT_TRUE(spec->eos);
  EXPECT_LE(spec->tokens.size(), 300U);
  const auto tokenizer = text::Tokenizer::create(*spec);
  ASSERT_TRUE(tokenizer) << describe(tokenizer.error());

  const auto lines = encode_documents(*tokenizer, "one\n\ntwo\n", true);
  EXPECT_EQ(std::ranges::count(lines, *spec->eos), 3);
  EXPECT_EQ(lines.front(), *spec->eos);
  EXPECT_EQ(lines.back(), *spec->eos);
  EXPECT_EQ(tokenizer->decode(lines, false), "onetwo");
  const auto whole = encode_documents(*tokenizer, "one\n\ntwo\n", false);
  EXPECT_EQ(std::ranges::count(whole, *spec->eos), 2);
  EXPECT_EQ(tokenizer->decode(whole, false), "one\n\ntwo\n");
  // The words in a text that look like the control token are letters.
  const auto letters = encode_documents(*tokenizer, "<|endoftext|>", false);
  EXPECT_EQ(std::ranges::count(letters, *spec->eos), 2);
}

class Windows : public ::testing::Test {
 protected:
  Windows() {
    for (int i = 0; i < 107; ++i) stream_.push_back(i);
  }
  std::vector<text::TokenId> stream_;
};

TEST_F(Windows, APassDealsEachOnce) {
  TokenWindows windows(stream_, 10, 7);
  ASSERT_EQ(windows.windows_per_pass(), 9U);
  for (int pass = 0; pass < 3; ++pass) {
    std::set<text::TokenId> starts;
    for (std::size_t i = 0; i < windows.windows_per_pass(); ++i) {
      const auto window = windows.next();
      ASSERT_EQ(window.size(), 11U);
      EXPECT_EQ(window.back(), window.front() + 10);
      starts.insert(window.front());
    }
    EXPECT_EQ(starts.size(), 9U);
    EXPECT_EQ(*starts.rbegin() - *starts.begin(), 80);
  }
}

TEST_F(Windows, SeekGoesOnExactly) {
  TokenWindows straight(stream_, 10, 7);
  for (std::uint64_t dealt = 0; dealt < 30; ++dealt) {
    TokenWindows resumed(stream_, 10, 7);
    resumed.seek(dealt);
    EXPECT_EQ(resumed.dealt(), straight.dealt());
    EXPECT_EQ(resumed.next().front(), straight.next().front()) << dealt;
  }
}

}  // namespace
}  // namespace galley::training
