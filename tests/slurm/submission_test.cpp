#include "submission.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace galley::slurm {
namespace {

TEST(Submission, ComesBackAsItWasWritten) {
  const testing::TempFolder folder;
  const auto attempt = folder / "att_1";
  std::filesystem::create_directories(attempt);
  auto read = read_submission(attempt);
  ASSERT_TRUE(read);
  EXPECT_FALSE(*read);

  ASSERT_TRUE(write_submission(attempt, {.since = from_ms(5), .job = std::nullopt}));
  read = read_submission(attempt);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->since, from_ms(5));
  EXPECT_FALSE((*read)->job);

  ASSERT_TRUE(write_submission(attempt, {.since = from_ms(6), .job = 17}));
  EXPECT_EQ((*read_submission(attempt))->job, 17);
}

TEST(Submission, WhatIsNoRecordIsCorrupt) {
  for (const char* text :
       {"", "[]", "{}", "{\"since_ms\":-1}", "{\"since_ms\":\"x\"}", "{\"since_ms\":1,\"job\":0}",
        "{\"since_ms\":1,\"job\":\"7\"}", "{\"since_ms\":99999999999999999}"}) {
    const auto record = parse_submission(text);
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().code, Errc::corrupt);
  }
}

}  // namespace
}  // namespace galley::slurm
