#include "inference/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace galley::inference {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Writes what no writer of ours would.
class RawGguf {
 public:
  RawGguf(std::uint32_t version, std::uint64_t tensors, std::uint64_t keys) : bytes_("GGUF") {
    put(version).put(tensors).put(keys);
  }
  template <class T>
  RawGguf& put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    bytes_.append(raw, sizeof(T));
    return *this;
  }
  RawGguf& text(std::string_view value) {
    put<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  RawGguf& tensor(std::string_view name, std::vector<std::uint64_t> dims, std::uint32_t type,
                  std::uint64_t offset) {
    text(name).put(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) put(dim);
    return put(type).put(offset);
  }
  std::string with_data(std::size_t data_bytes) const {
    std::string file = bytes_;
    file.resize((file.size() + 31) / 32 * 32 + data_bytes, '\1');
    return file;
  }
  std::string bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::string fault(const std::string& file) {
  const auto parsed = Gguf::parse(file);
  return parsed ? "none" : parsed.error().message;
}

std::string small_file() {
  GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  writer.add_u32("llama.block_count", 7);
  writer.add_f32("llama.rope.freq_base", 500000);
  writer.add_bool("tokenizer.ggml.add_bos_token", true);
  const std::vector<std::string> words{"a", "", "가나"};
  writer.add_strings("tokenizer.ggml.tokens", words);
  const std::vector<float> scores{0.5F, -1};
  writer.add_floats("tokenizer.ggml.scores", scores);
  const std::vector<std::int32_t> types{1, -2, 3};
  writer.add_integers("tokenizer.ggml.token_type", types);
  const std::size_t matrix[] = {2, 64};
  writer.add_tensor("a.weight", tensor::Format::q8_0, matrix);
  const std::size_t vector[] = {3};
  writer.add_tensor("b.bias", tensor::Format::f32, vector);
  std::string file = writer.header();
  file.resize(writer.file_bytes(), '\2');
  return file;
}

TEST(Gguf, ReadsWhatTheWriterWrote) {
  const std::string bytes = small_file();
  const auto file = Gguf::parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->version(), 3U);
  EXPECT_EQ(*file->string_of("general.architecture"), "llama");
  EXPECT_EQ(*file->unsigned_of("llama.block_count"), 7U);
  EXPECT_EQ(*file->number_of("llama.rope.freq_base"), 500000);
  EXPECT_EQ(*file->number_of("llama.block_count"), 7);
  EXPECT_EQ(**file->find_bool("tokenizer.ggml.add_bos_token"), true);
  EXPECT_THAT(*file->strings_of("tokenizer.ggml.tokens"), ElementsAre("a", "", "가나"));
  EXPECT_THAT(**file->find_floats("tokenizer.ggml.scores"), ElementsAre(0.5F, -1));
  EXPECT_THAT(**file->find_integers("tokenizer.ggml.token_type"), ElementsAre(1, -2, 3));
  EXPECT_FALSE(*file->find_string("absent"));
  const GgufTensor& weight = file->tensors().at("a.weight");
  EXPECT_THAT(weight.shape, ElementsAre(2, 64));
  EXPECT_EQ(weight.format, tensor::Format::q8_0);
  EXPECT_EQ(weight.type_name, "Q8_0");
  EXPECT_EQ(weight.bytes.size(), 2U * 68);
  EXPECT_EQ(file->tensors().at("b.bias").bytes.size(), 12U);
}

TEST(Gguf, CopiesValuesByteForByte) {
  const std::string bytes = small_file();
  const auto file = Gguf::parse(bytes);
  ASSERT_TRUE(file);
  GgufWriter writer;
  for (const auto& [key, value] : file->values()) writer.add_value(key, value);
  const std::string copy = writer.header();
  const auto again = Gguf::parse(copy);
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->values().size(), file->values().size());
  for (const auto& [key, value] : file->values())
    EXPECT_EQ(again->find(key)->bytes, value.bytes) << key;
}

TEST(Gguf, AFileCutAnywhereIsRefused) {
  const std::string bytes = small_file();
  const std::string needed = bytes.substr(0, bytes.size() - 20);  // the last tensor's padding
  ASSERT_TRUE(Gguf::parse(needed));
  for (std::size_t size = 0; size < needed.size(); ++size) {
    const auto parsed = Gguf::parse(std::string_view(needed).substr(0, size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().code, Errc::corrupt) << size;
  }
}

TEST(Gguf, WrongTypesAreNamed) {
  const std::string bytes = small_file();
  const auto file = Gguf::parse(bytes);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->unsigned_of("general.architecture").error().message,
            "GGUF: key 'general.architecture' should be an integer and is string");
  EXPECT_EQ(file->string_of("tokenizer.ggml.scores").error().message,
            "GGUF: key 'tokenizer.ggml.scores' should be a string and is array of 2 f32");
  EXPECT_EQ(file->string_of("x").error().message, "GGUF: key 'x' is missing");
  EXPECT_FALSE(file->find_integers("tokenizer.ggml.tokens"));
  EXPECT_FALSE(file->find_floats("tokenizer.ggml.tokens"));
  EXPECT_FALSE(file->find_strings("tokenizer.ggml.scores"));
  EXPECT_FALSE(file->find_bool("llama.block_count"));
}

TEST(Gguf, VersionsAndByteOrder) {
  EXPECT_EQ(fault(RawGguf(2, 0, 0).bytes()), "none");
  EXPECT_THAT(fault(RawGguf(1, 0, 0).bytes()), HasSubstr("version 1"));
  EXPECT_THAT(fault(RawGguf(4, 0, 0).bytes()), HasSubstr("version 4"));
  EXPECT_THAT(fault(RawGguf(0x03000000, 0, 0).bytes()), HasSubstr("big endian"));
  EXPECT_THAT(fault("GGML............................"), HasSubstr("letters GGUF"));
}

TEST(Gguf, HostileCountsAreRefusedBeforeAnythingIsAllocated) {
  EXPECT_THAT(fault(RawGguf(3, UINT64_MAX, 0).bytes()), HasSubstr("do not fit"));
  EXPECT_THAT(fault(RawGguf(3, 0, UINT64_MAX / 2).bytes()), HasSubstr("do not fit"));
  const auto key = [] { return RawGguf(3, 0, 1); };
  EXPECT_THAT(fault(key().text("k").put(9U).put(8U).put(UINT64_MAX).with_data(64)),
              HasSubstr("18446744073709551615 elements"));
  EXPECT_THAT(fault(key().text("k").put(9U).put(10U).put(UINT64_MAX / 8 + 2).with_data(64)),
              HasSubstr("elements"));
  EXPECT_THAT(fault(key().put(UINT64_MAX).with_data(64)), HasSubstr("needs"));
  EXPECT_THAT(fault(key().text("k").put(8U).put(UINT64_MAX - 3).with_data(64)), HasSubstr("needs"));
  EXPECT_THAT(fault(key().text("k").put(9U).put(9U).put(std::uint64_t{1}).with_data(64)),
              HasSubstr("array of arrays"));
  EXPECT_THAT(fault(key().text("k").put(99U).with_data(64)), HasSubstr("unknown type 99"));
  EXPECT_THAT(fault(key().text("k").put(7U).put(std::uint8_t{2}).with_data(64)),
              HasSubstr("neither 0 nor 1"));
  EXPECT_THAT(fault(key().text("").put(7U).put(std::uint8_t{1}).with_data(64)), HasSubstr("empty"));
}

TEST(Gguf, TensorsThatCannotBe) {
  const auto one = [] { return RawGguf(3, 1, 0); };
  EXPECT_EQ(fault(one().tensor("t", {32, 2}, 8, 0).with_data(68)), "none");
  EXPECT_THAT(fault(one().tensor("t", {32, 2}, 8, 0).with_data(67)),
              HasSubstr("'t' needs 68 bytes at 0 of the data section, which has 67"));
  EXPECT_THAT(fault(one().tensor("t", {32, 2}, 8, UINT64_MAX - 31).with_data(68)),
              HasSubstr("needs 68 bytes"));
  EXPECT_THAT(fault(one().tensor("t", {32, 2}, 8, 8).with_data(128)), HasSubstr("alignment"));
  EXPECT_THAT(fault(one().tensor("t", {30, 2}, 8, 0).with_data(128)),
              HasSubstr("rows of 30 values"));
  EXPECT_THAT(fault(one().tensor("t", {}, 0, 0).with_data(128)), HasSubstr("0 dimensions"));
  EXPECT_THAT(fault(one().tensor("t", {1, 1, 1, 1, 1}, 0, 0).with_data(128)),
              HasSubstr("5 dimensions"));
  EXPECT_THAT(fault(one().tensor("t", {0}, 0, 0).with_data(128)), HasSubstr("dimension of 0"));
  EXPECT_THAT(fault(one().tensor("t", {1ULL << 33U, 1ULL << 33U}, 0, 0).with_data(128)),
              HasSubstr("2^62"));
  EXPECT_THAT(fault(one().tensor("t", {1ULL << 62U}, 0, 0).with_data(128)),
              HasSubstr("too many bytes"));
  EXPECT_THAT(fault(one().tensor("t", {32}, 4, 0).with_data(128)), HasSubstr("type 4"));
  EXPECT_THAT(fault(one().tensor(std::string(64, 'n'), {32}, 0, 0).with_data(128)),
              HasSubstr("more than the 63 allowed"));
  EXPECT_THAT(fault(RawGguf(3, 2, 0).tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32).with_data(64)),
              HasSubstr("there twice"));
  EXPECT_THAT(fault(RawGguf(3, 2, 0).tensor("t", {9}, 0, 0).tensor("u", {8}, 0, 32).with_data(64)),
              HasSubstr("'t' and 'u' overlap"));
  EXPECT_THAT(
      fault(RawGguf(3, 0, 2).text("k").put(0U).put('a').text("k").put(0U).put('a').with_data(0)),
      HasSubstr("key 'k' is there twice"));
}

TEST(Gguf, AlignmentIsAPowerOfTwo) {
  const auto aligned = [](std::uint32_t alignment) {
    return RawGguf(3, 0, 1).text("general.alignment").put(4U).put(alignment).with_data(0);
  };
  EXPECT_EQ(fault(aligned(64)), "none");
  EXPECT_THAT(fault(aligned(0)), HasSubstr("power of two"));
  EXPECT_THAT(fault(aligned(48)), HasSubstr("power of two"));
  EXPECT_THAT(fault(aligned(1U << 31U)), HasSubstr("power of two"));
}

TEST(Gguf, TypesThatWeDoNotComputeWithAreStillNamed) {
  const std::string bytes = RawGguf(3, 1, 0).tensor("t", {256}, 17, 0).with_data(74);
  const auto file = Gguf::parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().at("t").type_name, "IQ2_XS");
  EXPECT_FALSE(file->tensors().at("t").format);
}

}  // namespace
}  // namespace galley::inference
