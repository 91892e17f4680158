#include "allocation_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::HasSubstr;

AttemptId attempt(char last) {
  return AttemptId::trusted("att_0000000000000000000000000" + std::string(1, last));
}

Allocation whole(char last, std::vector<std::string> devices) {
  return {.attempt = attempt(last), .devices = std::move(devices)};
}

class AllocationTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<AllocationTable> open() {
    auto table = AllocationTable::open(folder_ / "allocations.json");
    GALLEY_CHECK(table, table ? "" : table.error().message.c_str());
    return *std::move(table);
  }
  testing::TempFolder folder_;
};

TEST_F(AllocationTableTest, AGpuHasOneHolder) {
  const auto table = open();
  ASSERT_TRUE(table->take(whole('a', {"GPU-1", "GPU-2"})));

  const auto refused = table->take(whole('b', {"GPU-2"}));

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().message,
              HasSubstr("GPU-2 is held here by attempt " + attempt('a').str()));
  EXPECT_TRUE(table->take(whole('b', {"GPU-3"})));
  EXPECT_TRUE(table->take(whole('a', {"GPU-1", "GPU-2"}))) << "the same again is no conflict";
}

TEST_F(AllocationTableTest, PartsOfAGpuFitUntilItIsFull) {
  const auto table = open();
  ASSERT_TRUE(table->take({.attempt = attempt('a'), .devices = {"GPU-1"}, .milli = 600}));
  EXPECT_FALSE(table->take({.attempt = attempt('b'), .devices = {"GPU-1"}, .milli = 500}));
  EXPECT_TRUE(table->take({.attempt = attempt('c'), .devices = {"GPU-1"}, .milli = 400}));
}

TEST_F(AllocationTableTest, IsThereAfterAKill) {
  ASSERT_TRUE(open()->take(whole('a', {"GPU-1"})));

  const auto table = open();

  EXPECT_TRUE(table->holds(attempt('a')));
  EXPECT_FALSE(table->take(whole('b', {"GPU-1"})));
  table->end(attempt('a'));
  EXPECT_FALSE(table->holds(attempt('a')));
  EXPECT_EQ(table->all().size(), 1U) << "its folder is still there";
  EXPECT_TRUE(table->take(whole('b', {"GPU-1"})));
  table->forget(attempt('a'));
  EXPECT_EQ(open()->all(), (std::vector{whole('b', {"GPU-1"})}));
}

TEST_F(AllocationTableTest, AFileOfSomethingElseIsNamed) {
  ASSERT_TRUE(
      write_file_atomic(folder_ / "allocations.json", "{\"version\": 7}", Durability::memory));
  const auto table = AllocationTable::open(folder_ / "allocations.json");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Errc::corrupt);
  EXPECT_THAT(table.error().message, HasSubstr("allocations.json"));
}

}  // namespace
}  // namespace galley::agent
