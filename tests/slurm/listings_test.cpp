#include "listings.h"

#include <gmock/gmock.h>

namespace galley::slurm {
namespace {

using ::testing::HasSubstr;

TEST(ParseQueue, ReadsWhatSqueuePrints) {
  const auto jobs = parse_queue(
      "7|PENDING|Resources||galley:att_1\n"
      "8|RUNNING|None|n[1-2]|galley:att_2\n"
      "9|PENDING|Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority "
      "partitions||galley:att_3\n"
      "10|COMPLETED|None|n1|(null)\n");
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(
      jobs[0],
      (JobView{.id = 7, .state = "PENDING", .reason = "Resources", .comment = "galley:att_1"}));
  EXPECT_EQ(jobs[1].nodes, "n[1-2]");
  EXPECT_EQ(jobs[1].reason, "");
  EXPECT_THAT(jobs[2].reason, HasSubstr("DRAINED"));
  EXPECT_EQ(jobs[3].comment, "");
}

TEST(ParseQueue, PassesOverWhatIsNoJob) {
  EXPECT_TRUE(parse_queue("").empty());
  EXPECT_TRUE(
      parse_queue("\n\n|||||\nJOBID|STATE|REASON|NODES|COMMENT\n-1|RUNNING|a|b|c\n").empty());
  EXPECT_TRUE(
      parse_queue("5|running|a|b|c\n5|RUNNING|a\n99999999999999999999|RUNNING|a|b|c").empty());
  const auto jobs = parse_queue("5|RUNNING|a|b|a|b|c");
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].comment, "a|b|c");
}

TEST(ParseScontrol, ReadsStateReasonAndExitCode) {
  const auto job = parse_scontrol_job(
      "JobId=1 JobName=galley-x UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901759 "
      "Nice=0 Account=(null) QOS=(null) JobState=FAILED Reason=NonZeroExitCode Dependency=(null) "
      "Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=3:0 RunTime=00:00:00 "
      "TimeLimit=00:01:00 TimeMin=N/A NodeList=n1 BatchHost=n1 NumNodes=1 "
      "Comment=galley:att_123  StdErr=/dev/null TresPerNode=gres:gpu:H100:1 \n");
  ASSERT_TRUE(job) << describe(job.error());
  EXPECT_EQ(*job, (JobView{.id = 1,
                           .state = "FAILED",
                           .reason = "NonZeroExitCode",
                           .nodes = "n1",
                           .comment = "galley:att_123",
                           .exit_code = 3,
                           .signal = {}}));
  const auto killed =
      parse_scontrol_job("JobId=2 JobState=FAILED Reason=RaisedSignal:9 ExitCode=0:9");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->signal, 9);
  EXPECT_FALSE(killed->exit_code);
}

TEST(ParseScontrol, RefusesWhatNamesNoJob) {
  EXPECT_EQ(parse_scontrol_job("").error().code, Errc::corrupt);
  EXPECT_FALSE(parse_scontrol_job("JobId=x JobState=RUNNING"));
  EXPECT_FALSE(parse_scontrol_job("JobId=3 JobState=???"));
  const auto odd = parse_scontrol_job("JobId=3 JobState=RUNNING ExitCode=999:1 Reason=");
  ASSERT_TRUE(odd);
  EXPECT_FALSE(odd->exit_code);
}

TEST(ParseAccounting, FindsTheJobAndCutsWhoCancelledIt) {
  const std::string text = "11|COMPLETED|0:0\n12|CANCELLED by 1000|0:15\n12.batch|CANCELLED|0:15\n";
  const auto job = parse_accounting(text, 12);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, "CANCELLED");
  EXPECT_EQ(job->signal, 15);
  EXPECT_EQ(parse_accounting(text, 11)->exit_code, 0);
  EXPECT_FALSE(parse_accounting(text, 13));
  EXPECT_FALSE(parse_accounting("12||\n", 12));
}

TEST(ParseSubmitted, ReadsTheNumberWithAndWithoutCluster) {
  EXPECT_EQ(*parse_submitted("17\n"), 17);
  EXPECT_EQ(*parse_submitted("17;alpha\n"), 17);
  for (const char* text : {"", "0\n", "Submitted batch job 17\n", "-4", "17x"})
    EXPECT_FALSE(parse_submitted(text)) << text;
}

TEST(JudgeRefusal, KnowsWhatPasses) {
  EXPECT_EQ(
      judge_refusal("sbatch: error: Batch job submission failed: Requested node configuration "
                    "is not available"),
      Refusal::final);
  EXPECT_EQ(judge_refusal("sbatch: error: invalid partition specified: nope\nsbatch: error: Batch "
                          "job submission failed: Invalid partition name specified"),
            Refusal::final);
  EXPECT_EQ(judge_refusal("sbatch: error: Batch job submission failed: Unable to contact slurm "
                          "controller (connect failure)"),
            Refusal::passing);
  EXPECT_EQ(judge_refusal("sbatch: error: Slurm temporarily unable to accept job, sleeping"),
            Refusal::passing);
  EXPECT_EQ(judge_refusal("sbatch: error: Batch job submission failed: Socket timed out on "
                          "send/recv operation"),
            Refusal::uncertain);
}

TEST(ParsePartition, SumsItsNodes) {
  const auto partition = parse_partition(
      "n1|4|4000|idle|gpu:H100:2(S:0-1)\n"
      "n2|8|4000+|mixed|gpu:H100:2,gpu:A100:1,shard:4\n"
      "n2|8|4000+|mixed|gpu:H100:2\n"
      "n3|4|4000|down*|gpu:4\n"
      "n4|4|4000|idle*|(null)\n"
      "n5|4|4000|drng|(null)\n");
  EXPECT_EQ(partition.nodes, 5);
  EXPECT_EQ(partition.usable_nodes, 2);
  EXPECT_EQ(partition.cpus, 24);
  EXPECT_EQ(partition.memory_bytes, std::int64_t{20'000} << 20);
  EXPECT_EQ(partition.gpus,
            (std::map<std::string, std::int64_t>{{"", 4}, {"A100", 1}, {"H100", 4}}));
  EXPECT_EQ(parse_partition("garbage\n|||||\n").nodes, 0);
}

}  // namespace
}  // namespace galley::slurm
