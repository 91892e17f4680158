#include "listings.h"

#include <gmock/gmock.h>

namespace galley::slurm {
namespace {

using ::testing::HasSubstr;

TEST(ParseQueue, ReadsWhatSqueuePrints) {
  const auto jobs = parse_queue(
      "7|N/A|PENDING|Resources||galley:att_1\n"
      "8|N/A|RUNNING|None|n[1-2]|galley:att_2\n"
      "9|N/A|PENDING|Nodes required for job are DOWN, DRAINED or reserved for jobs in higher "
      "priority "
      "partitions||galley:att_3\n"
      "10|N/A|COMPLETED|None|n1|(null)\n");
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(
      jobs[0],
      (JobView{.id = {7}, .state = "PENDING", .reason = "Resources", .comment = "galley:att_1"}));
  EXPECT_EQ(jobs[1].nodes, "n[1-2]");
  EXPECT_EQ(jobs[1].reason, "");
  EXPECT_THAT(jobs[2].reason, HasSubstr("DRAINED"));
  EXPECT_EQ(jobs[3].comment, "");
}

TEST(ParseQueue, PassesOverWhatIsNoJob) {
  EXPECT_TRUE(parse_queue("").empty());
  EXPECT_TRUE(parse_queue("\n\n||||||\nARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON|NODES|COMMENT\n"
                          "-1|N/A|RUNNING|a|b|c\n0|N/A|RUNNING|a|b|c\n")
                  .empty());
  EXPECT_TRUE(parse_queue("5|N/A|running|a|b|c\n5|N/A|RUNNING|a\n"
                          "99999999999999999999|N/A|RUNNING|a|b|c")
                  .empty());
  const auto jobs = parse_queue("5|N/A|RUNNING|a|b|a|b|c");
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].comment, "a|b|c");
}

TEST(ParseQueue, ATaskHasTheNumberOfItsArrayAndItsIndex) {
  const auto jobs = parse_queue(
      "14|0|RUNNING|None|n1|galley-array:att_1.5\n"
      "14|17|PENDING|Resources||galley-array:att_1.5\n"
      "14|N/A|CANCELLED|Resources||galley-array:att_1.5\n"
      "14|4294967294|CANCELLED|Resources||x\n"
      "14|3-5|PENDING|Resources||x\n");
  ASSERT_EQ(jobs.size(), 5U);
  EXPECT_EQ(jobs[0].id, (JobNumber{14, 0}));
  EXPECT_EQ(to_string(jobs[1].id), "14_17");
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(jobs[i].id, JobNumber{14}) << i;
}

TEST(ParseScontrol, ReadsStateReasonAndExitCode) {
  const auto job = parse_scontrol_job(
      "JobId=1 JobName=galley-x UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=4294901759 "
      "Nice=0 Account=(null) QOS=(null) JobState=FAILED Reason=NonZeroExitCode Dependency=(null) "
      "Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=3:0 RunTime=00:00:00 "
      "TimeLimit=00:01:00 TimeMin=N/A NodeList=n1 BatchHost=n1 NumNodes=1 "
      "Comment=galley:att_123  StdErr=/dev/null TresPerNode=gres:gpu:H100:1 \n");
  ASSERT_TRUE(job) << describe(job.error());
  EXPECT_EQ(*job, (JobView{.id = {1},
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

TEST(ParseScontrol, ReadsATaskOfAnArray) {
  const auto task = parse_scontrol_job(
      "JobId=2 ArrayJobId=1 ArrayTaskId=7 JobName=sbatch JobState=RUNNING Reason=None NodeList=n1");
  ASSERT_TRUE(task);
  EXPECT_EQ(task->id, (JobNumber{1, 7}));
  const auto rest = parse_scontrol_job("JobId=4 ArrayJobId=4 ArrayTaskId=4-5 JobState=PENDING");
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->id, JobNumber{4});
  EXPECT_EQ(
      parse_scontrol_job("JobId=4 ArrayJobId=4 ArrayTaskId=4294967294 JobState=CANCELLED")->id,
      JobNumber{4});
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
  const auto job = parse_accounting(text, {12});
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, "CANCELLED");
  EXPECT_EQ(job->signal, 15);
  EXPECT_EQ(parse_accounting(text, {11})->exit_code, 0);
  EXPECT_FALSE(parse_accounting(text, {13}));
  EXPECT_FALSE(parse_accounting("12||\n", {12}));
}

TEST(ParseAccounting, FindsATaskByItselfOrAmongThoseThatNeverBegan) {
  const std::string text =
      "12_0|FAILED|3:0\n12_[3-5,8,20-40:10%2]|CANCELLED by 0|0:0\n121_7|COMPLETED|0:0\n"
      "13_[1,2-|CANCELLED|0:0\n14_[1,...]|CANCELLED|0:0\n";
  const auto first = parse_accounting(text, {12, 0});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, (JobNumber{12, 0}));
  EXPECT_EQ(first->exit_code, 3);
  for (const std::int64_t task : {3, 4, 5, 8, 20, 30, 40}) {
    const auto found = parse_accounting(text, {12, task});
    ASSERT_TRUE(found) << task;
    EXPECT_EQ(found->state, "CANCELLED");
  }
  for (const std::int64_t task : {1, 2, 6, 7, 9, 25, 41})
    EXPECT_FALSE(parse_accounting(text, {12, task})) << task;
  EXPECT_FALSE(parse_accounting(text, {12}));  // a job of its own has another line
  EXPECT_FALSE(parse_accounting(text, {13, 2}));
  EXPECT_FALSE(parse_accounting(text, {14, 2}));
  EXPECT_FALSE(parse_accounting("12|COMPLETED|0:0\n", {12, 0}));
}

TEST(ParseMaxArraySize, ReadsTheLineOfTheConfiguration) {
  EXPECT_EQ(*parse_max_array_size("MailProg = /bin/mail\nMaxArraySize            = 1001\n"), 1001);
  EXPECT_EQ(*parse_max_array_size("MaxArraySize=0"), 0);
  for (const char* text : {"", "MaxArraySize", "MaxArraySize = many", "XMaxArraySize = 5"})
    EXPECT_EQ(parse_max_array_size(text).error().code, Errc::corrupt) << text;
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
