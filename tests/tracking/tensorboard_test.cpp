#include "tracking/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <random>

#include "../../src/tracking/tensorboard_format.h"

namespace galley::tracking {
namespace {

using Scalars = std::vector<std::tuple<std::string, std::int64_t, double>>;

/// A folder that goes with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tensorboard-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Heard {
  Scalars scalars;
  std::map<std::string, std::string> parameters;
  TensorboardSink sink() {
    return {.scalar =
                [this](const TensorboardScalar& scalar) {
                  scalars.emplace_back(scalar.tag, scalar.step, scalar.value);
                },
            .parameter = [this](std::string_view name,
                                std::string_view value) { parameters[std::string(name)] = value; }};
  }
};

template <class Number>
std::string little_endian(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}
std::string length_delimited(int field, const std::string& bytes) {
  std::string out(1, static_cast<char>(field << 3 | 2));
  for (std::size_t n = bytes.size();; n >>= 7) {
    if (n < 0x80) {
      out += static_cast<char>(n);
      break;
    }
    out += static_cast<char>(n | 0x80);
  }
  return out + bytes;
}
std::string record(const std::string& payload) {
  const std::string length = little_endian(static_cast<std::uint64_t>(payload.size()));
  return length + little_endian(masked_crc32c(length)) + payload +
         little_endian(masked_crc32c(payload));
}
std::string event(const std::string& value, char step = 7) {
  return record(std::string("\x09", 1) + little_endian(1.5) + "\x10" + step +
                length_delimited(5, length_delimited(1, value)));
}
std::string simple(const std::string& tag, float value) {
  return length_delimited(1, tag) + "\x15" + little_endian(value);
}
std::string tensor_of(const std::string& tag, const std::string& tensor,
                      const std::string& plugin) {
  std::string value = length_delimited(1, tag) + length_delimited(8, tensor);
  if (!plugin.empty())
    value += length_delimited(9, length_delimited(1, length_delimited(1, plugin)));
  return value;
}

TEST(Crc32c, KnownAnswersAndBothWaysAgree) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  std::mt19937 random(1);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(crc32c(bytes), crc32c_by_table(bytes));
    bytes += static_cast<char>(random());
  }
}

TEST(TensorboardReader, ReadsAFileWrittenByAnotherProgram) {
  // The version and one scalar as PyTorch's SummaryWriter writes them, with bitwise checksums.
  std::ifstream file(GALLEY_SOURCE_DIR "/tests/tracking/corpus/tensorboard/scalar.tfevents",
                     std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Heard heard;
  TensorboardReader reader;
  reader.feed(bytes, heard.sink());
  EXPECT_EQ(heard.scalars, (Scalars{{"loss", 3, 0.5}}));
  EXPECT_EQ(reader.counts().records, 2U);
  EXPECT_EQ(reader.counts().corrupt, 0U);
}

TEST(TensorboardReader, ReadsSimpleValuesAndTensorsOfOneNumber) {
  const std::string float_list =
      std::string("\x08\x01", 2) + length_delimited(5, little_endian(0.25F));
  const std::string content =
      std::string("\x08\x02", 2) + length_delimited(4, little_endian(0.125));
  const std::string many =
      std::string("\x08\x01", 2) + length_delimited(4, little_endian(1.0) + little_endian(2.0));
  Heard heard;
  TensorboardReader reader;
  reader.feed(
      event(simple("loss", 0.5F)) + event(tensor_of("a", float_list, "scalars")) +
          event(tensor_of("b", content, "")) + event(tensor_of("c", many, "")) +
          event(tensor_of("d", float_list, "histograms")) +
          event(length_delimited(1, "image") + length_delimited(4, std::string(100'000, 'x'))),
      heard.sink());
  EXPECT_EQ(heard.scalars, (Scalars{{"loss", 7, 0.5}, {"a", 7, 0.25}, {"b", 7, 0.125}}));
  EXPECT_EQ(reader.counts().records, 6U);
  EXPECT_EQ(reader.counts().corrupt, 0U);
}

TEST(TensorboardReader, ReadsHparams) {
  const auto entry = [](const std::string& name, const std::string& value) {
    return length_delimited(1, length_delimited(1, name) + length_delimited(2, value));
  };
  const std::string session = entry("lr", std::string("\x11", 1) + little_endian(0.001)) +
                              entry("optimizer", length_delimited(3, "adam")) +
                              entry("amp", std::string("\x20\x01", 2));
  const std::string metadata = length_delimited(
      1, length_delimited(1, "hparams") + length_delimited(2, length_delimited(3, session)));
  Heard heard;
  TensorboardReader reader;
  reader.feed(
      event(length_delimited(1, "_hparams_/session_start_info") + length_delimited(9, metadata)),
      heard.sink());
  EXPECT_EQ(heard.parameters, (std::map<std::string, std::string>{
                                  {"lr", "0.001"}, {"optimizer", "adam"}, {"amp", "true"}}));
}

TEST(TensorboardReader, BytesMayComeInAnyPieces) {
  std::string bytes;
  for (char step = 1; step < 50; ++step)
    bytes += event(simple("loss", 1.0F / static_cast<float>(step)), step);
  for (const std::size_t piece : {1, 3, 17, 1000}) {
    Heard heard;
    TensorboardReader reader;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      reader.feed(std::string_view(bytes).substr(at, piece), heard.sink());
    EXPECT_EQ(heard.scalars.size(), 49U);
    EXPECT_EQ(reader.pending(), 0U);
  }
}

TEST(TensorboardReader, ADamagedRecordCostsOnlyItself) {
  std::vector<std::string> records;
  for (char step = 1; step <= 5; ++step) records.push_back(event(simple("loss", 1), step));
  const auto read_with_damage = [&](std::size_t at, std::size_t piece) {
    std::string bytes;
    for (const std::string& one : records) bytes += one;
    bytes[records[0].size() + records[1].size() + at] ^= 0x40;
    Heard heard;
    TensorboardReader reader;
    for (std::size_t i = 0; i < bytes.size(); i += piece)
      reader.feed(std::string_view(bytes).substr(i, piece), heard.sink());
    EXPECT_EQ(reader.counts().corrupt, 1U) << at;
    EXPECT_EQ(heard.scalars.size(), 4U) << at;
  };
  for (std::size_t at = 0; at < records[2].size(); ++at)
    for (const std::size_t piece : {5, 1000}) read_with_damage(at, piece);
}

TEST(TensorboardReader, ATruncatedTailWaitsForItsRest) {
  const std::string bytes = event(simple("loss", 1));
  Heard heard;
  TensorboardReader reader;
  reader.feed(std::string_view(bytes).substr(0, bytes.size() - 1), heard.sink());
  EXPECT_TRUE(heard.scalars.empty());
  EXPECT_EQ(reader.pending(), bytes.size() - 1);
  reader.feed(std::string_view(bytes).substr(bytes.size() - 1), heard.sink());
  EXPECT_EQ(heard.scalars.size(), 1U);
}

TEST(TensorboardReader, ARecordPastTheLimitIsPassedOver) {
  const std::string length = little_endian(std::uint64_t{70} << 20);
  const std::string head = length + little_endian(masked_crc32c(length));
  Heard heard;
  TensorboardReader reader;
  reader.feed(head.substr(0, 5), heard.sink());
  reader.feed(head.substr(5), heard.sink());
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 70; ++i) reader.feed(part, heard.sink());
  reader.feed("crc!" + event(simple("loss", 1)), heard.sink());
  EXPECT_EQ(reader.counts().too_large, 1U);
  EXPECT_EQ(heard.scalars.size(), 1U);
}

TEST(TensorboardWriter, WhatItWritesIsReadBackBitForBit) {
  const Scratch scratch;
  const auto now = from_ms(1'700'000'000'123);
  auto writer = TensorboardWriter::create(scratch.path() / "run-1", now);
  ASSERT_TRUE(writer) << writer.error().message;
  EXPECT_TRUE(writer->path().filename().string().starts_with("events.out.tfevents.1700000000."));
  const std::vector<float> values{0.1F, -0.0F, std::nanf(""), INFINITY, 1e-45F};
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_TRUE(writer->add_scalar("loss", static_cast<std::int64_t>(i) - 1, values[i], now));
  EXPECT_FALSE(writer->add_scalar("", 1, 1, now));
  ASSERT_TRUE(writer->flush());

  TensorboardTail tail(scratch.path());
  std::map<std::string, Heard> runs;
  const auto sinks = [&](const std::string& run) { return runs[run].sink(); };
  ASSERT_TRUE(tail.poll(sinks));
  const Scalars& read = runs["run-1"].scalars;
  ASSERT_EQ(read.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::get<1>(read[i]), static_cast<std::int64_t>(i) - 1);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(std::get<2>(read[i]))),
              std::bit_cast<std::uint32_t>(values[i]));
  }
  EXPECT_EQ(tail.counts().corrupt, 0U);
}

TEST(TensorboardTail, FollowsFilesAsTheyGrow) {
  const Scratch scratch;
  TensorboardTail tail(scratch.path() / "logs");
  std::map<std::string, Heard> runs;
  const auto sinks = [&](const std::string& run) { return runs[run].sink(); };
  ASSERT_TRUE(tail.poll(sinks));  // nothing there yet
  auto writer = TensorboardWriter::create(scratch.path() / "logs/a/b", from_ms(1000));
  ASSERT_TRUE(writer);
  std::ofstream(scratch.path() / "logs/notes.txt") << "no events";
  ASSERT_TRUE(writer->add_scalar("x", 1, 1, from_ms(1000)));
  ASSERT_TRUE(writer->flush());
  ASSERT_TRUE(tail.poll(sinks));
  EXPECT_EQ(runs["a/b"].scalars.size(), 1U);
  EXPECT_EQ(tail.files(), 1U);
  ASSERT_TRUE(writer->add_scalar("x", 2, 2, from_ms(2000)));
  ASSERT_TRUE(writer->flush());
  const auto read = tail.poll(sinks);
  ASSERT_TRUE(read);
  EXPECT_GT(*read, 0U);
  EXPECT_EQ(runs["a/b"].scalars.size(), 2U);
  EXPECT_EQ(*tail.poll(sinks), 0U);

  std::filesystem::resize_file(writer->path(), 0);  // written anew
  std::ofstream(writer->path(), std::ios::binary) << event(simple("x", 3), 3);
  ASSERT_TRUE(tail.poll(sinks));
  EXPECT_EQ(runs["a/b"].scalars.size(), 3U);
}

TEST(TensorboardTail, AnotherOneGoesOnBehindTheLastWholeRecord) {
  const Scratch scratch;
  const auto path = scratch.path() / "run" / "events.out.tfevents.1.host";
  std::filesystem::create_directories(path.parent_path());
  const std::string first = event(simple("x", 1), 1);
  const std::string second = event(simple("x", 2), 2);
  std::ofstream(path, std::ios::binary) << first << second.substr(0, 10);
  std::map<std::string, Heard> runs;
  const auto sinks = [&](const std::string& run) { return runs[run].sink(); };
  TensorboardTail tail(scratch.path());
  ASSERT_TRUE(tail.poll(sinks));
  const auto offsets = tail.offsets();
  EXPECT_EQ(
      offsets,
      (std::map<std::string, std::uint64_t>{{"run/events.out.tfevents.1.host", first.size()}}));

  std::ofstream(path, std::ios::binary | std::ios::app) << second.substr(10);
  TensorboardTail another(scratch.path());
  another.resume(offsets);
  ASSERT_TRUE(another.poll(sinks));
  EXPECT_EQ(runs["run"].scalars, (Scalars{{"x", 1, 1}, {"x", 2, 2}}));
  EXPECT_EQ(another.counts().corrupt, 0U);
}

}  // namespace
}  // namespace galley::tracking
