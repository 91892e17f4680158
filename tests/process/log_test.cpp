#include <gmock/gmock.h>

#include <fstream>
#include <random>
#include <thread>

#include "process/log_reader.h"
#include "process/log_sink.h"
#include "support/temp_folder.h"

namespace galley::process {
namespace {

using galley::testing::TempFolder;

std::string random_text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() & 0xffU);
  return text;
}

class LogTest : public ::testing::Test {
 protected:
  LogSink open(std::int64_t limit_bytes) {
    auto sink = LogSink::open(temp_.path(), limit_bytes);
    GALLEY_CHECK(sink.has_value(), "an empty folder takes a log");
    return *std::move(sink);
  }
  std::int64_t stored_bytes() const {
    std::int64_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(temp_.path()))
      sum += static_cast<std::int64_t>(entry.file_size());
    return sum;
  }
  void put_file(const std::string& name, const std::string& bytes) {
    std::ofstream(temp_ / name, std::ios::binary) << bytes;
  }

  TempFolder temp_;
  LogReader reader_{temp_.path()};
};

/// Everything a reader gets from the offset on; gaps as their lines.
std::string read_from(const LogReader& reader, std::int64_t offset, std::int64_t piece) {
  std::string text;
  for (;;) {
    const auto chunk = reader.read(offset, piece);
    if (!chunk) return "error: " + chunk.error().message;
    text += chunk->bytes;
    offset = chunk->next_offset;
    if (chunk->at_end) return text;
  }
}

TEST_F(LogTest, OutputUpToTheLimitIsComplete) {
  constexpr std::int64_t kLimit = 10'007;  // not a multiple of anything
  const std::string text = random_text(kLimit, 1);
  LogSink sink = open(kLimit);

  for (std::size_t at = 0; at < text.size(); at += 333) sink.write(text.substr(at, 333));

  EXPECT_EQ(read_from(reader_, 0, 100), text);
  EXPECT_EQ(read_from(reader_, 5'555, 1 << 20), text.substr(5'555));
  EXPECT_EQ(*reader_.length(), kLimit);
  EXPECT_EQ(sink.total_bytes(), kLimit);
  EXPECT_EQ(sink.lost_bytes(), 0);
}

TEST_F(LogTest, BeyondTheLimitTheMiddleIsDroppedAndCounted) {
  constexpr std::size_t kLimit = 8'192;
  const std::string text = random_text(50'000, 2);
  LogSink sink = open(kLimit);
  for (std::size_t at = 0; at < text.size(); at += 777) sink.write(text.substr(at, 777));

  const auto head = reader_.read(0, 1 << 20);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->bytes, text.substr(0, kLimit / 2));
  EXPECT_EQ(head->dropped_bytes, 0);

  const auto gap = reader_.read(head->next_offset, 1 << 20);
  ASSERT_TRUE(gap) << gap.error().message;
  EXPECT_GT(gap->dropped_bytes, 0);
  const std::string line =
      "[galley: " + std::to_string(gap->dropped_bytes) + " bytes dropped here]\n";
  EXPECT_THAT(gap->bytes, ::testing::EndsWith(line));
  EXPECT_EQ(gap->next_offset, head->next_offset + gap->dropped_bytes);

  const std::string rest = read_from(reader_, gap->next_offset, 1000);
  EXPECT_EQ(rest, text.substr(static_cast<std::size_t>(gap->next_offset)));
  EXPECT_GE(rest.size(), kLimit / 2 * 7 / 8);
  EXPECT_LE(stored_bytes(), static_cast<std::int64_t>(kLimit));
  EXPECT_EQ(*reader_.length(), 50'000);
}

TEST_F(LogTest, AFollowerThatKeepsUpGetsAlsoWhatIsDroppedLater) {
  const std::string text = random_text(200'000, 3);
  LogSink sink = open(8'192);
  std::string followed;
  std::int64_t offset = 0;

  for (std::size_t at = 0; at < text.size(); at += 511) {
    sink.write(text.substr(at, 511));
    for (bool at_end = false; !at_end;) {
      const auto chunk = reader_.read(offset, 300);
      ASSERT_TRUE(chunk) << chunk.error().message;
      followed += chunk->bytes;
      offset = chunk->next_offset;
      at_end = chunk->at_end;
    }
  }

  EXPECT_EQ(followed, text);
}

TEST_F(LogTest, AReaderBesideTheWriterNeverGetsAByteFromAnotherPosition) {
  constexpr std::size_t kTotal = 3'000'000;
  const std::string text = random_text(kTotal, 4);
  LogSink sink = open(16'384);
  const std::jthread writer([&] {
    for (std::size_t at = 0; at < text.size(); at += 700) sink.write(text.substr(at, 700));
  });

  std::int64_t offset = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (offset < std::ssize(text) && std::chrono::steady_clock::now() < deadline) {
    const auto chunk = reader_.read(offset, 5'000);
    ASSERT_TRUE(chunk) << chunk.error().message;
    if (chunk->dropped_bytes > 0) {
      ASSERT_EQ(chunk->next_offset, offset + chunk->dropped_bytes);
    } else {
      ASSERT_EQ(chunk->next_offset, offset + std::ssize(chunk->bytes));
      ASSERT_TRUE(
          text.compare(static_cast<std::size_t>(offset), chunk->bytes.size(), chunk->bytes) == 0)
          << "at " << offset;
    }
    offset = chunk->next_offset;
  }
  EXPECT_EQ(offset, std::ssize(text));
}

TEST_F(LogTest, AGapCountsFromWhereTheReaderStands) {
  put_file("log.head", "abc\n");
  put_file("log.tail.00000000000000000010", "xyz\n");

  EXPECT_EQ(read_from(reader_, 0, 100), "abc\n[galley: 6 bytes dropped here]\nxyz\n");
  // Somewhere inside the gap, a reader does not know whether its last line was complete.
  EXPECT_EQ(read_from(reader_, 7, 100), "\n[galley: 3 bytes dropped here]\nxyz\n");
  EXPECT_EQ(read_from(reader_, 12, 100), "z\n");
}

TEST_F(LogTest, AGapAfterHalfALineStartsANewLine) {
  put_file("log.head", "abc");
  put_file("log.tail.00000000000000000005", "xyz");

  EXPECT_EQ(read_from(reader_, 0, 100), "abc\n[galley: 2 bytes dropped here]\nxyz");
}

TEST_F(LogTest, ForeignFilesAreNotPartOfTheLog) {
  put_file("log.head", "abc");
  put_file("log.tail.x", "nonsense");
  put_file("log.tail.-5", "nonsense");
  put_file("log.tail.99999999999999999999", "nonsense");
  put_file("exit.json", "{}");

  EXPECT_EQ(read_from(reader_, 0, 100), "abc");
}

TEST_F(LogTest, PastTheEndThereIsNothingYet) {
  put_file("log.head", "abc");

  const auto chunk = reader_.read(10, 100);

  ASSERT_TRUE(chunk) << chunk.error().message;
  EXPECT_EQ(chunk->bytes, "");
  EXPECT_EQ(chunk->next_offset, 10);
  EXPECT_TRUE(chunk->at_end);
}

TEST_F(LogTest, WrongRequestsAreRefused) {
  EXPECT_EQ(reader_.read(0, 10).error().code, Errc::not_found);
  EXPECT_EQ(reader_.length().error().code, Errc::not_found);
  put_file("log.head", "abc");
  EXPECT_EQ(reader_.read(-1, 10).error().code, Errc::invalid_argument);
  EXPECT_EQ(reader_.read(0, 0).error().code, Errc::invalid_argument);
  EXPECT_EQ(LogReader("/no/such/folder").read(0, 1).error().code, Errc::not_found);
  put_file("log.tail.00000000000000000003", "d");
  EXPECT_EQ(LogSink::open(temp_.path(), 8192).error().code, Errc::conflict);
}

TEST_F(LogTest, GoesOnAfterWhatWasWrittenBeforeIt) {
  put_file("log.head", "prepared\n");
  {
    auto sink = LogSink::open(temp_.path(), 8192);
    ASSERT_TRUE(sink);
    sink->write("begun\n");
    EXPECT_EQ(sink->total_bytes(), 15);
    sink->write(std::string(20'000, 'x'));
    sink->finish();
  }
  EXPECT_EQ(read_from(reader_, 0, 15).substr(0, 17), "prepared\nbegun\nxx");
  EXPECT_EQ(reader_.length().value_or(0), 20'015);
}

TEST_F(LogTest, FindsTheLastLinesAcrossSegments) {
  put_file("log.head", "one\ntwo\nth");
  put_file("log.tail.00000000000000000010", "ree\nfour\n");

  const auto last = [&](std::int64_t lines) {
    return read_from(reader_, reader_.offset_of_last_lines(lines).value_or(-1), 100);
  };
  EXPECT_EQ(last(0), "");
  EXPECT_EQ(last(1), "four\n");
  EXPECT_EQ(last(2), "three\nfour\n");
  EXPECT_EQ(last(3), "two\nthree\nfour\n");
  EXPECT_EQ(last(100), "one\ntwo\nthree\nfour\n");
}

TEST_F(LogTest, TheLastLinesDoNotReachOverAGap) {
  put_file("log.head", "one\ntwo\n");
  put_file("log.tail.00000000000000000100", "three\nfour");

  EXPECT_EQ(*reader_.offset_of_last_lines(1), 106);
  EXPECT_EQ(*reader_.offset_of_last_lines(5), 100);
}

}  // namespace
}  // namespace galley::process
