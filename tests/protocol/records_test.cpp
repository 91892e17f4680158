#include "protocol/records.h"

#include <gtest/gtest.h>

#include "protocol/agent_messages.h"

namespace galley::protocol {
namespace {

TEST(Records, LeaveOutWhatIsAbsent) {
  JobRecord job;
  job.id = *JobId::parse("job_00000000000000000000000001");
  job.spec.command = {"true"};
  const Json json = print_struct(job);
  EXPECT_EQ(json["state"], "queued");
  EXPECT_FALSE(json.contains("exit_code"));
  EXPECT_FALSE(json.contains("run_id"));
  EXPECT_EQ(json["created_at"], "1970-01-01T00:00:00.000Z");
  job.exit_code = 3;
  EXPECT_EQ(print_struct(job)["exit_code"], 3);
}

TEST(Records, ReadBackWhatTheyPrint) {
  NodeRecord node;
  node.id = *NodeId::parse("node_00000000000000000000000001");
  node.name = "n1";
  node.cpus = 4;
  node.cpu_used_ratio = 0.25;
  node.devices = {{.id = "GPU-1", .model = "H100", .memory_bytes = 85'899'345'920}};
  const auto again = parse_struct<NodeRecord>(print_struct(node));
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(print_struct(*again), print_struct(node));
}

TEST(Assignment, ToleratesFieldsOfANewerVersionOnlyOnRequest) {
  Json json{{"attempt_id", "att_00000000000000000000000001"},
            {"job_id", "job_00000000000000000000000001"},
            {"spec", {{"command", {"true"}}, {"gang", 1}}},
            {"colour", "red"}};
  EXPECT_TRUE(parse_struct<Assignment>(json, Unknown::ignore));
  const auto strict = parse_struct<Assignment>(json);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().field, "colour");
}

TEST(Assignment, RefusesTheIdOfAnotherKind) {
  const auto wrong = parse_struct<Assignment>(Json{{"attempt_id", "job_00000000000000000000000001"},
                                                   {"job_id", "job_00000000000000000000000001"},
                                                   {"spec", {{"command", {"true"}}}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().field, "attempt_id");
  EXPECT_EQ(wrong.error().expected, "att_ and 26 base32 characters");
}

TEST(Words, GoBothWays) {
  for (const auto& [word, state] : Words<JobState>::words) {
    EXPECT_EQ(word_of(state), word);
    EXPECT_EQ(from_word<JobState>(word), state);
  }
  EXPECT_FALSE(from_word<JobState>("sleeping"));
  EXPECT_FALSE(is_final(JobState::cancelling));
  EXPECT_TRUE(is_final(JobState::succeeded));
  EXPECT_FALSE(is_final(AttemptState::running));
  EXPECT_TRUE(is_final(AttemptState::lost));
}

}  // namespace
}  // namespace galley::protocol
