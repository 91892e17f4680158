#include "submission.h"

#include <gtest/gtest.h>

#include "base/json.h"
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

  ASSERT_TRUE(write_submission(attempt, {.since = from_ms(5)}));
  read = read_submission(attempt);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->since, from_ms(5));
  EXPECT_FALSE((*read)->job);

  ASSERT_TRUE(write_submission(attempt, {.since = from_ms(6), .job = JobNumber{17}}));
  EXPECT_EQ((*read_submission(attempt))->job, JobNumber{17});
}

TEST(Submission, SoDoesThePlaceInAnArray) {
  SubmissionRecord record{.since = from_ms(5), .array = ArrayPlace{"att_1.5", 3}};
  auto read = parse_submission(print_submission(record));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->since, from_ms(5));
  EXPECT_EQ(read->array, record.array);
  EXPECT_FALSE(read->job);
  record.job = JobNumber{12, 3};
  read = parse_submission(print_submission(record));
  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->job, record.job);
}

// Galley 0.x before arrays reads since_ms and job: with a job it would take the array's state for
// the task's, and once submit_timeout has passed since since_ms it would submit again.
TEST(Submission, AGalleyThatKnowsNoArraysWaits) {
  for (const bool answered : {false, true}) {
    SubmissionRecord record{.since = from_ms(5), .array = ArrayPlace{"att_1.5", 3}};
    if (answered) record.job = JobNumber{12, 3};
    const auto json = parse_json(print_submission(record));
    ASSERT_TRUE(json);
    EXPECT_FALSE(json->contains("job"));
    EXPECT_GT(json->at("since_ms").get<std::int64_t>(), to_ms(*parse_rfc3339("2199-01-01")));
  }
}

TEST(Submission, WhatAnOlderGalleyWroteIsRead) {
  const auto record = parse_submission("{\"job\":17,\"since_ms\":5}\n");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->job, JobNumber{17});
  EXPECT_FALSE(record->array);
  EXPECT_FALSE(parse_submission("{\"since_ms\":5}")->job);
}

TEST(Submission, WhatIsNoRecordIsCorrupt) {
  for (const char* text :
       {"", "[]", "{}", "{\"since_ms\":-1}", "{\"since_ms\":\"x\"}", "{\"since_ms\":1,\"job\":0}",
        "{\"since_ms\":1,\"job\":\"7\"}", "{\"since_ms\":99999999999999999}",
        "{\"since_ms\":18446744073709551615}", "{\"since_ms\":1,\"array\":7}",
        "{\"since_ms\":1,\"array\":{\"name\":\"a\",\"index\":0}}",
        "{\"array\":{\"name\":\"a\",\"index\":-1,\"since_ms\":1}}",
        "{\"array\":{\"name\":\"\",\"index\":0,\"since_ms\":1}}",
        "{\"array\":{\"name\":7,\"index\":0,\"since_ms\":1}}",
        "{\"array\":{\"name\":\"a\",\"index\":0,\"since_ms\":1,\"job\":-2}}"}) {
    const auto record = parse_submission(text);
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().code, Errc::corrupt);
  }
}

}  // namespace
}  // namespace galley::slurm
