#include <gtest/gtest.h>

#include "log_shipper.h"
#include "process/log_mirror.h"
#include "process/log_reader.h"
#include "process/log_sink.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using process::LogMirror;
using process::LogSegment;

TEST(LogPiece, GoesOnWhereTheOtherSideIs) {
  EXPECT_FALSE(next_log_piece({}, {}));
  EXPECT_FALSE(next_log_piece({{0, 10}}, {0, 10}));
  const auto rest = next_log_piece({{0, 10}}, {0, 4});
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->offset, 4);
  EXPECT_EQ(rest->count, 6);
}

TEST(LogPiece, PassesOverWhatWasDropped) {
  const auto next = next_log_piece({{0, 10}, {50, 8}, {58, 3}}, {10, 20});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->segment, 50);
  EXPECT_EQ(next->offset, 0);
  EXPECT_EQ(next->oldest, 50);
}

TEST(LogPiece, AnEmptyLastFileIsCarriedToo) {
  const auto mark = next_log_piece({{0, 10}, {15, 0}}, {0, 10});
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->segment, 15);
  EXPECT_EQ(mark->count, 0);
  EXPECT_FALSE(next_log_piece({{0, 10}, {15, 0}}, {15, 0}));
}

/// Everything that a reader sees, gaps included.
std::string whole(const std::filesystem::path& folder) {
  const process::LogReader reader(folder);
  std::string text;
  for (std::int64_t at = 0;;) {
    const auto chunk = reader.read(at, 1 << 20);
    if (!chunk || chunk->bytes.empty()) return text;
    text += chunk->bytes;
    at = chunk->next_offset;
  }
}

/// Sends all that there is, `piece` bytes at a time, every one of them twice.
void mirror(const std::filesystem::path& from, LogMirror& to, std::int64_t piece) {
  for (;;) {
    const auto here = process::list_log_segments(from);
    const auto place = to.last();
    ASSERT_TRUE(here && place);
    const auto next = next_log_piece(*here, *place);
    if (!next) return;
    const auto bytes =
        process::read_log_segment(from, next->segment, next->offset, std::min(next->count, piece));
    ASSERT_TRUE(bytes);
    ASSERT_TRUE(to.append(next->segment, next->offset, *bytes));
    ASSERT_TRUE(to.append(next->segment, next->offset, *bytes));
    ASSERT_TRUE(to.drop_before(next->oldest));
  }
}

TEST(LogMirror, IsTheSameLogWhateverIsDroppedMeanwhile) {
  testing::TempFolder folder;
  constexpr std::int64_t kLimit = 8192;
  auto sink = process::LogSink::open(folder.path(), kLimit);
  ASSERT_TRUE(sink);
  LogMirror late(folder / "late");
  LogMirror close(folder / "close");
  for (int i = 0; i < 3000; ++i) {
    sink->write("line " + std::to_string(i) + "\n");
    if (i % 7 == 0) mirror(folder.path(), close, 100);
    if (i == 500) mirror(folder.path(), late, 1 << 20);
  }
  sink->finish();
  mirror(folder.path(), close, 100);
  mirror(folder.path(), late, 1 << 20);

  EXPECT_EQ(whole(folder / "close"), whole(folder.path()));
  EXPECT_EQ(process::LogReader(folder / "late").length().value_or(-1), sink->total_bytes());
}

TEST(LogMirror, AGapIsRefused) {
  testing::TempFolder folder;
  LogMirror log(folder / "log");
  ASSERT_TRUE(log.append(0, 0, "abc"));
  EXPECT_EQ(log.append(0, 5, "x").error().code, Errc::conflict);
  ASSERT_TRUE(log.append(0, 2, "cd"));
  EXPECT_EQ(whole(folder / "log"), "abcd");
  EXPECT_EQ(*log.last(), (LogSegment{0, 4}));
}

}  // namespace
}  // namespace galley::agent
