#include "tracking/table_chunk.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tracking/chunk.h"

namespace galley::tracking {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableChunk small() {
  return {.at_ms = {1'000, 6'000, 11'000},
          .groups = {{"node:", {"cpu_ratio"}}, {"gpu:GPU-1", {"power_watts", "sm_clock_mhz"}}},
          .values = {0.25F, 0.5F, std::numeric_limits<float>::quiet_NaN(),  //
                     300, 301.5F, 299,                                      //
                     1'980, 1'980, 1'980}};
}

TEST(TableChunk, GivesBackWhatItWasMadeOf) {
  const TableChunk table = small();
  const auto reader = TableReader::open(encode_table(table));
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_THAT(reader->at_ms(), ElementsAre(1'000, 6'000, 11'000));
  EXPECT_EQ(reader->groups(), table.groups);
  ASSERT_EQ(reader->columns(), 3U);
  EXPECT_TRUE(std::isnan(reader->column(0)[2]));
  EXPECT_THAT(reader->column(1), ElementsAre(300, 301.5F, 299));
  EXPECT_THAT(reader->column(2), ElementsAre(1'980, 1'980, 1'980));
}

TEST(TableChunk, HoldsTimesWithoutColumnsAndTimesThatGoBack) {
  const auto reader =
      TableReader::open(encode_table({.at_ms = {5, -7}, .groups = {}, .values = {}}));
  ASSERT_TRUE(reader);
  EXPECT_THAT(reader->at_ms(), ElementsAre(5, -7));
}

TEST(TableChunk, NumbersThatNeverChangeTakeNextToNothing) {
  TableChunk table;
  for (int row = 0; row < 60; ++row) table.at_ms.push_back(row * 60'000);
  for (int gpu = 0; gpu < 8; ++gpu) {
    TableGroup group{"gpu:GPU-" + std::to_string(gpu), {}};
    for (int field = 0; field < 20; ++field)
      group.fields.push_back("field_" + std::to_string(field));
    table.groups.push_back(std::move(group));
  }
  table.values.assign(table.at_ms.size() * 160, 42);
  EXPECT_LT(encode_table(table).size(), 1'500U);  // of 38,400 bytes of values
}

TEST(TableChunk, EveryDamagedByteIsNoticed) {
  const std::string bytes = encode_table(small());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto reader = TableReader::open(damaged);
    // The form has one meaning only, and is not looked at.
    if (i == 5) continue;
    EXPECT_FALSE(reader) << "byte " << i;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(TableReader::open(bytes.substr(0, size))) << size;
}

TEST(TableChunk, TheTwoKindsOfChunksAreNotTakenForEachOther) {
  const std::vector<Point> points{{1, 2.0, 3}};
  const auto as_table = TableReader::open(encode_chunk(points, ChunkForm::sealed));
  ASSERT_FALSE(as_table);
  EXPECT_EQ(as_table.error().code, Errc::unsupported);
  const auto as_points = decode_chunk(encode_table(small()));
  ASSERT_FALSE(as_points);
  EXPECT_THAT(as_points.error().message, HasSubstr("version 2"));
}

}  // namespace
}  // namespace galley::tracking
