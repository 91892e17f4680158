#include "inference/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace galley::inference {
namespace {

using ::testing::HasSubstr;

/// A file with this header text and data.
std::string file_of(const std::string& header, const std::string& data = "") {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xFFU);
  return file + header + data;
}

std::string error_of(const std::string& file) {
  const auto parsed = Safetensors::parse(file);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, Errc::corrupt);
  return parsed.error().message;
}

TEST(Safetensors, ReadsWhatItPrints) {
  const std::string floats(24, 'f');
  const std::string bytes = "abc";
  const std::vector<std::pair<std::string, TensorView>> tensors{
      {"w", {"F32", {2, 3}, floats}}, {"q", {"I8", {3}, bytes}}, {"none", {"F32", {0, 5}, ""}}};

  const std::string file = print_safetensors(tensors, {{"by", "a \"test\""}});
  const auto parsed = Safetensors::parse(file);

  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->tensors.size(), 3U);
  EXPECT_EQ(parsed->tensors.at("w").shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(parsed->tensors.at("w").bytes, floats);
  EXPECT_EQ(parsed->tensors.at("q").bytes, bytes);
  EXPECT_EQ(parsed->tensors.at("q").dtype, "I8");
  EXPECT_EQ(parsed->metadata.at("by"), "a \"test\"");
  EXPECT_EQ((parsed->tensors.at("w").bytes.data() - file.data()) % 64, 0) << "data is aligned";
}

TEST(Safetensors, RefusesLengthsThatDoNotFit) {
  EXPECT_THAT(error_of(""), HasSubstr("0 bytes"));
  EXPECT_THAT(error_of("1234567"), HasSubstr("7 bytes"));
  EXPECT_THAT(error_of(std::string(8, '\xff')), HasSubstr("does not fit"));
  EXPECT_THAT(error_of(file_of("{}").substr(0, 9)), HasSubstr("does not fit"));
}

TEST(Safetensors, RefusesMalformedHeaders) {
  EXPECT_THAT(error_of(file_of("")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(file_of("{")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(file_of("[]")), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of(file_of(R"({"a":{"dtype":"I8"}})")), HasSubstr("needs exactly"));
  EXPECT_THAT(error_of(file_of(R"({"a":7})")), HasSubstr("needs exactly"));
  EXPECT_THAT(error_of(file_of(R"({"a":{"dtype":"I7","shape":[],"data_offsets":[0,1]}})", "x")),
              HasSubstr("unknown dtype"));
  EXPECT_THAT(error_of(file_of(R"({"a":{"dtype":"I8","shape":[-1],"data_offsets":[0,1]}})", "x")),
              HasSubstr("whole numbers"));
  EXPECT_THAT(error_of(file_of(R"({"a":{"dtype":"I8","shape":[1.0],"data_offsets":[0,1]}})", "x")),
              HasSubstr("whole numbers"));
  EXPECT_THAT(error_of(file_of(R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}})", "x")),
              HasSubstr("two numbers"));
  EXPECT_THAT(error_of(file_of(R"({"__metadata__":{"a":1}})")), HasSubstr("not a string"));
  const std::string twice = R"({"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},)"
                            R"("a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})";
  EXPECT_THAT(error_of(file_of(twice, "x")), HasSubstr("not JSON"));
}

TEST(Safetensors, RefusesTensorsThatDoNotTileTheData) {
  const auto one = [](const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}}";
  };
  EXPECT_EQ(error_of(file_of(one("2", "0,8"), "12345678")), "");
  EXPECT_THAT(error_of(file_of(one("2", "0,8"), "1234567")), HasSubstr("of 7 data bytes"));
  EXPECT_THAT(error_of(file_of(one("2", "8,0"), "12345678")), HasSubstr("lies at 8 to 0"));
  EXPECT_THAT(error_of(file_of(one("3", "0,8"), "12345678")), HasSubstr("do not explain"));
  EXPECT_THAT(error_of(file_of(one("2", "0,8"), "123456789")), HasSubstr("belong to none"));
  EXPECT_THAT(error_of(file_of(one("1", "4,8"), "12345678")), HasSubstr("begins at 4"));
  // 2^62 * 4 bytes wraps around to 0.
  EXPECT_THAT(error_of(file_of(one("4611686018427387904", "0,0"))), HasSubstr("do not explain"));
  const std::string overlap = R"({"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},)"
                              R"("b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}})";
  EXPECT_THAT(error_of(file_of(overlap, "xyz")), HasSubstr("begins at 1"));
}

}  // namespace
}  // namespace galley::inference
