#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "inference/gguf.h"
#include "inference/gguf_tokenizer.h"
#include "tokenizers/tokenizer_vectors.h"

namespace galley::inference {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Every text of every vocabulary gives the ids that Hugging Face and llama.cpp give.
void expect_all_right(const std::filesystem::path& folder) {
  const auto all = bench::read_tokenizer_vectors(folder);
  ASSERT_TRUE(all) << all.error().message;
  for (const bench::TokenizerVectors& vectors : *all) {
    std::vector<std::string> wrong;
    for (const bench::TokenizerCase* each : vectors.wrong()) wrong.push_back(each->text);
    EXPECT_THAT(wrong, IsEmpty()) << vectors.name;
    EXPECT_GE(vectors.cases.size(), 46U);
  }
}

TEST(TokenizerVectors, ThoseThatAreShipped) {
  expect_all_right(std::filesystem::path(GALLEY_SOURCE_DIR) / "data/tokenizers");
}

TEST(TokenizerVectors, ThoseOfAFolderThatIsGiven) {
  const char* folder = std::getenv("GALLEY_TOKENIZER_VECTORS");
  if (folder == nullptr) GTEST_SKIP() << "set GALLEY_TOKENIZER_VECTORS to a folder of vocabularies";
  expect_all_right(folder);
}

TEST(TokenizerVectors, AFolderWithoutVocabulariesIsNamed) {
  const auto none =
      bench::read_tokenizer_vectors(std::filesystem::path(GALLEY_SOURCE_DIR) / "docs");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
}

/// The keys of a small byte-level tokenizer; a test changes some.
struct Keys {
  std::string model = "gpt2";
  std::optional<std::string> pre = "gpt-2";
  std::vector<std::string> tokens{"a", "b", "ab", "<|im_end|>"};
  std::vector<std::int32_t> types{1, 1, 1, 1};
  std::vector<std::string> merges{"a b"};
  std::optional<std::uint32_t> eos;

  Result<text::TokenizerSpec> read() const {
    GgufWriter writer;
    writer.add_string("tokenizer.ggml.model", model);
    if (pre) writer.add_string("tokenizer.ggml.pre", *pre);
    writer.add_strings("tokenizer.ggml.tokens", tokens);
    writer.add_integers("tokenizer.ggml.token_type", types);
    writer.add_strings("tokenizer.ggml.merges", merges);
    if (eos) writer.add_u32("tokenizer.ggml.eos_token_id", *eos);
    const std::string bytes = writer.header();
    GALLEY_TRY(const auto file, Gguf::parse(bytes));
    return tokenizer_of(file);
  }
};

TEST(GgufTokenizer, ReadsTheKeys) {
  const auto spec = Keys{.eos = 3}.read();
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->kind, text::TokenizerKind::byte_bpe);
  EXPECT_EQ(spec->merges.size(), 1U);
  EXPECT_EQ(spec->eos, 3);
  EXPECT_FALSE(spec->add_bos);
  EXPECT_EQ(spec->tokens[3].type, text::TokenType::control) << "its name says so";
  EXPECT_EQ(spec->end_of_turn, std::vector<text::TokenId>{3});
}

TEST(GgufTokenizer, FillsInWhatFilesLeaveOut) {
  EXPECT_EQ((Keys{.pre = std::nullopt}.read())->pre_tokenizer, "default");
  EXPECT_EQ((Keys{.eos = 4'294'967'295U}.read())->eos, std::nullopt)
      << "none, as some files say it";
  EXPECT_TRUE((Keys{.pre = "llama-bpe"}.read())->ignore_merges);
  const auto llama = Keys{.model = "llama"}.read();
  ASSERT_TRUE(llama);
  EXPECT_EQ(llama->bos, 1);
  EXPECT_TRUE(llama->add_bos);
  EXPECT_TRUE(llama->add_space_prefix);
}

TEST(GgufTokenizer, RefusesWhatContradictsItself) {
  const auto message = [](const Keys& keys, Errc code) {
    const auto spec = keys.read();
    EXPECT_FALSE(spec);
    if (spec) return std::string();
    EXPECT_EQ(spec.error().code, code);
    return spec.error().message;
  };
  EXPECT_THAT(message({.model = "rwkv"}, Errc::unsupported), HasSubstr("'rwkv'"));
  EXPECT_THAT(message({.types = {1, 1}}, Errc::corrupt), HasSubstr("2 entries for 4 tokens"));
  EXPECT_THAT(message({.types = {1, 1, 1, 7}}, Errc::corrupt), HasSubstr("token 3 is 7"));
  EXPECT_THAT(message({.merges = {"ab"}}, Errc::corrupt), HasSubstr("holds no space"));
}

}  // namespace
}  // namespace galley::inference
