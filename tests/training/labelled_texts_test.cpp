#include "training/labelled_texts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "support/temp_folder.h"
#include "toy_data.h"

namespace galley::training {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

Result<LabelledTexts> parse_texts(const std::string& text, const ColumnNames& columns = {}) {
  return LabelledTexts::parse(text, "data.tsv", columns);
}

std::string error_of(const std::string& text, const ColumnNames& columns = {}) {
  const auto parsed = parse_texts(text, columns);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  return parsed.error().message;
}

std::string compress(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(LabelledTexts, ReadsColumnsByTheirNames) {
  const auto texts = parse_texts("id\tdocument\tlabel\n1\t좋은 영화\t1\n2\t나쁜 영화\t0\n");
  ASSERT_TRUE(texts) << describe(texts.error());
  ASSERT_EQ(texts->size(), 2U);
  EXPECT_EQ(texts->text(0), "좋은 영화");
  EXPECT_THAT(texts->labels(), ElementsAre("0", "1"));
  EXPECT_EQ(texts->labels()[texts->label(0)], "1");
  EXPECT_EQ(texts->sha256(), sha256_hex("id\tdocument\tlabel\n1\t좋은 영화\t1\n2\t나쁜 영화\t0\n"));
}

TEST(LabelledTexts, TakesOtherColumnsWhenTold) {
  const std::string tsv = "text\tintent\tdomain\nhello\tgreet\tsmalltalk\npay my bill\tpay\tbank\n";
  EXPECT_THAT(parse_texts(tsv)->labels(), ElementsAre("greet", "pay"));
  EXPECT_THAT(parse_texts(tsv, {.label = "domain"})->labels(), ElementsAre("bank", "smalltalk"));
}

TEST(LabelledTexts, ForgivesWhatEditorsAdd) {
  const auto texts = parse_texts("\xEF\xBB\xBFtext\tlabel\r\nyes\tA\r\nno\tB\r\n\n");
  ASSERT_TRUE(texts) << describe(texts.error());
  EXPECT_EQ(texts->text(1), "no");
  EXPECT_THAT(texts->labels(), ElementsAre("A", "B"));
  EXPECT_TRUE(parse_texts("text\tlabel\na\tA\nb\tB"));  // no final newline
}

TEST(LabelledTexts, SkipsAndCountsRowsWithoutText) {
  const auto texts = parse_texts("text\tlabel\na\tA\n \tA\n\tB\nb\tB\n");
  ASSERT_TRUE(texts);
  EXPECT_EQ(texts->size(), 2U);
  EXPECT_EQ(texts->skipped_empty(), 2U);
}

TEST(LabelledTexts, NamesTheLineThatIsWrong) {
  EXPECT_THAT(error_of("text\tlabel\na\tA\nb\n"),
              AllOf(HasSubstr("data.tsv:3"), HasSubstr("1 tab")));
  EXPECT_THAT(error_of("text\tlabel\na\tA\tx\n"),
              AllOf(HasSubstr("data.tsv:2"), HasSubstr("3 tab")));
  EXPECT_THAT(error_of("text\tlabel\na\tA\n\nb\tB\n"), HasSubstr("data.tsv:3"));
  EXPECT_THAT(error_of("text\tlabel\na\t\n"), AllOf(HasSubstr("data.tsv:2"), HasSubstr("empty")));
  EXPECT_THAT(error_of("text\tlabel\na\xff\tA\n"),
              AllOf(HasSubstr("data.tsv:2"), HasSubstr("UTF-8")));
}

TEST(LabelledTexts, RefusesFilesThatTeachNothing) {
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
  EXPECT_THAT(error_of("text\tlabel\n"), HasSubstr("no rows"));
  EXPECT_THAT(error_of("text\tlabel\na\tA\nb\tA\n"), HasSubstr("one class only ('A')"));
  EXPECT_THAT(error_of("words\tlabel\na\tA\n"), AllOf(HasSubstr("no column"), HasSubstr("words")));
  EXPECT_THAT(error_of("text\tlabel\na\tA\n", {.text = "body"}), HasSubstr("body"));
  EXPECT_THAT(error_of("te\xfft\tlabel\n"), HasSubstr("header"));
}

TEST(LabelledTexts, KeepsTheTrainingLabels) {
  const std::vector<std::string> labels{"A", "B", "C"};
  const auto texts = LabelledTexts::parse("text\tlabel\nb\tB\n", "test.tsv", {}, &labels);
  ASSERT_TRUE(texts) << describe(texts.error());
  EXPECT_EQ(texts->label(0), 1U);
  EXPECT_EQ(texts->labels(), labels);
  const auto unknown = LabelledTexts::parse("text\tlabel\nb\tD\n", "test.tsv", {}, &labels);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, AllOf(HasSubstr("test.tsv:2"), HasSubstr("'D'")));
}

TEST(LabelledTexts, ReadsCompressedFilesAlike) {
  const TempFolder folder;
  const std::string tsv = testing::toy_reviews(500, 1);
  ASSERT_TRUE(write_file_atomic(folder / "a.tsv", tsv, Durability::memory));
  ASSERT_TRUE(write_file_atomic(folder / "b.tsv.zst", compress(tsv), Durability::memory));
  const auto half = tsv.find('\n', tsv.size() / 2) + 1;
  ASSERT_TRUE(write_file_atomic(folder / "two.zst",
                                compress(tsv.substr(0, half)) + compress(tsv.substr(half)),
                                Durability::memory));
  const auto plain = LabelledTexts::read(folder / "a.tsv", {});
  ASSERT_TRUE(plain);
  for (const char* name : {"b.tsv.zst", "two.zst"}) {
    const auto packed = LabelledTexts::read(folder / name, {});
    ASSERT_TRUE(packed) << describe(packed.error());
    EXPECT_EQ(packed->size(), 500U);
    EXPECT_EQ(packed->sha256(), plain->sha256());
  }
}

TEST(LabelledTexts, DamagedCompressionIsOneSentence) {
  const TempFolder folder;
  const std::string good = compress(testing::toy_reviews(500, 1));
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 0x55);
  for (const std::string& bytes : {good.substr(0, good.size() / 2), good.substr(0, 6), flipped}) {
    ASSERT_TRUE(write_file_atomic(folder / "bad.zst", bytes, Durability::memory));
    const auto texts = LabelledTexts::read(folder / "bad.zst", {});
    ASSERT_FALSE(texts);
    EXPECT_THAT(texts.error().message, HasSubstr("bad.zst"));
  }
  EXPECT_EQ(LabelledTexts::read(folder / "absent", {}).error().code, Errc::not_found);
}

TEST(FindDataFiles, KnowsTheNamesOfAFolder) {
  const TempFolder folder;
  EXPECT_EQ(find_data_files(folder.path()).error().code, Errc::not_found);
  EXPECT_EQ(find_data_files(folder / "nothing").error().code, Errc::not_found);
  const auto touch = [&](const char* name) {
    ASSERT_TRUE(write_file_atomic(folder / name, "x", Durability::memory));
  };
  touch("ratings_train.txt.zst");
  ASSERT_TRUE(find_data_files(folder.path()));
  EXPECT_EQ(find_data_files(folder.path())->train.filename(), "ratings_train.txt.zst");
  EXPECT_FALSE(find_data_files(folder.path())->test);
  touch("ratings_test.txt");
  EXPECT_EQ(find_data_files(folder.path())->test->filename(), "ratings_test.txt");
  touch("train.tsv");
  EXPECT_EQ(find_data_files(folder.path())->train.filename(), "train.tsv");
  EXPECT_EQ(find_data_files(folder / "train.tsv")->train, folder / "train.tsv");
  EXPECT_FALSE(find_data_files(folder / "train.tsv")->test);
}

TEST(IsHeldOut, TakesAboutOneTextInAsManyAsAsked) {
  const auto held_out = [](std::uint32_t one_in) {
    int count = 0;
    for (int i = 0; i < 20'000; ++i)
      count += is_held_out("review " + std::to_string(i), one_in) ? 1 : 0;
    return count;
  };
  EXPECT_NEAR(held_out(20), 1000, 120);
  EXPECT_NEAR(held_out(5), 4000, 220);
}

}  // namespace
}  // namespace galley::training
