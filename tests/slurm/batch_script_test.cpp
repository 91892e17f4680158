#include "batch_script.h"

#include <gmock/gmock.h>

namespace galley::slurm {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

protocol::Assignment assignment() {
  protocol::Assignment made;
  made.attempt_id = AttemptId::trusted("att_1");
  made.spec.name = "my job; rm -rf / JobState=COMPLETED";
  made.spec.command = {"python3", "train.py"};
  return made;
}
Submission submission(const protocol::Assignment& made) {
  return {made, "/shared/it's/att_1", "/opt/galley-job", "main", {"--account=ml"}};
}
std::vector<std::string> arguments(const protocol::Assignment& made) {
  return sbatch_arguments(submission(made), {.gpus = {{"H100", 8}, {"a100", 4}}});
}

TEST(SbatchArguments, NameTheAttemptAndLeaveRestartsToUs) {
  const auto words = arguments(assignment());
  EXPECT_EQ(words.front(), "sbatch");
  EXPECT_THAT(words, AllOf(Contains("--comment=galley:att_1"), Contains("--no-requeue"),
                           Contains("--partition=main"), Contains("--account=ml"),
                           Contains("--nodes=1"), Contains("--cpus-per-task=1")));
  EXPECT_THAT(words, Contains("--job-name=my_job__rm_-rf___JobState_COMPLETED"));
  // 0 would mean all of a node's memory, and no GPUs are none.
  EXPECT_THAT(words, Not(Contains(StartsWith("--mem"))));
  EXPECT_THAT(words, Not(Contains(StartsWith("--gres"))));
  EXPECT_THAT(words, Not(Contains(StartsWith("--time"))));
}

TEST(SbatchArguments, SayWhatTheJobNeeds) {
  auto made = assignment();
  made.spec.resources = {
      .gpus = 2, .gpu_type = "h100", .cpus = 8, .memory = {5'000'000'000}, .nodes = 3};
  made.spec.max_runtime = Millis{90'000};
  made.spec.priority_class = protocol::PriorityClass::idle;
  EXPECT_THAT(arguments(made),
              AllOf(Contains("--gres=gpu:H100:2"), Contains("--cpus-per-task=8"),
                    Contains("--mem=4769M"), Contains("--nodes=3"), Contains("--ntasks=3"),
                    Contains("--time=3"), Contains("--nice=1000")));
  made.spec.resources.gpu_type = "B300 x:y";
  EXPECT_THAT(arguments(made), Contains("--gres=gpu:B300_x_y:2"));
  made.spec.resources.gpu_type.reset();
  EXPECT_THAT(arguments(made), Contains("--gres=gpu:2"));
}

TEST(BatchScript, BecomesTheSupervisor) {
  const auto made = assignment();
  const auto script = batch_script(submission(made));
  EXPECT_THAT(script, StartsWith("#!/bin/sh\n"));
  EXPECT_THAT(script, HasSubstr("\nexec '/opt/galley-job' '/shared/it'\\''s/att_1' as-command\n"));
}

TEST(ShellQuoted, KeepsEveryByte) {
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("a$b`c\"d"), "'a$b`c\"d'");
  EXPECT_EQ(shell_quoted("'"), "''\\'''");
}

TEST(Adapt, LeavesLimitsAndGpusToSlurm) {
  process::AttemptSpec spec;
  spec.argv = {"train"};
  spec.env = {"CUDA_VISIBLE_DEVICES=", "NVIDIA_VISIBLE_DEVICES=", "A=b"};
  spec.limits = {.cpus = 4, .memory_bytes = 5};
  spec.cgroup_name = "galley-att_1";
  adapt(spec, assignment());
  EXPECT_EQ(spec.limits.memory_bytes, 0);
  EXPECT_TRUE(spec.cgroup_name.empty());
  // Kept empty where Slurm says nothing: absent would mean every GPU of the machine.
  EXPECT_THAT(spec.env, ::testing::ElementsAre("CUDA_VISIBLE_DEVICES=", "A=b"));
  EXPECT_THAT(spec.inherited_env, Contains("CUDA_VISIBLE_DEVICES"));
  EXPECT_EQ(spec.argv, std::vector<std::string>{"train"});
}

TEST(Adapt, SrunStartsTheRanksOfSeveralNodes) {
  auto made = assignment();
  made.spec.resources.nodes = 2;
  process::AttemptSpec spec;
  spec.argv = {"train", "--fast"};
  adapt(spec, made);
  EXPECT_EQ(spec.argv.front(), "srun");
  EXPECT_THAT(spec.argv, Contains("--ntasks=2"));
  EXPECT_EQ(spec.argv.back(), "--fast");
  EXPECT_THAT(spec.env, Contains("WORLD_SIZE=2"));
}

TEST(Adapt, TheRanksOfSeveralNodesBecomeTheAccountThemselves) {
  auto made = assignment();
  process::AttemptSpec spec;
  spec.argv = {"train"};
  spec.account = process::Account{"kim", 1001, 1002};
  adapt(spec, made);
  EXPECT_TRUE(spec.become_account);
  made.spec.resources.nodes = 2;
  adapt(spec, made);
  EXPECT_FALSE(spec.become_account);
  EXPECT_THAT(spec.argv, ::testing::IsSupersetOf(
                             {"srun", "setpriv", "--reuid=1001", "--regid=1002", "--init-groups"}));
}

}  // namespace
}  // namespace galley::slurm
