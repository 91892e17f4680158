#include <sys/stat.h>

#include "fixture.h"

namespace galley::slurm {
namespace {

class SlurmLife : public SlurmFixture {};

TEST_F(SlurmLife, OutputProgressAndSuccessAreAsOnOurOwnNodes) {
  const auto job = shell("echo hello; echo 'galley::step=3 loss=0.5'; echo bye");
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::succeeded) << end.reason;
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_TRUE(end.started_at && end.finished_at);
  EXPECT_GT(end.log_bytes, 0);
  EXPECT_EQ(log(job), "hello\ngalley::step=3 loss=0.5\nbye\n");
  ASSERT_EQ(link_.points_.size(), 1U);
  EXPECT_EQ(link_.points_[0].value, 0.5);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 1U);
  EXPECT_TRUE(wait_for(job, AttemptState::starting, "in Slurm: job "));
}

TEST_F(SlurmLife, ProgressIsFoundInTheOutputOfAProgramThatTellsNone) {
  const auto job = shell(
      "for i in 1 2 3 4; do printf '\\r%d0%%|##  | %d0/100 [00:10<00:12, 4.30it/s, loss=0.%d]' "
      "$i $i $i; done; echo");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  std::vector<double> losses;
  double last_step = 0;
  for (const auto& point : link_.points_) {
    if (point.key == "log/loss") losses.push_back(point.value);
    if (point.key == "log/step") last_step = point.value;
  }
  EXPECT_EQ(losses, (std::vector{0.1, 0.2, 0.3, 0.4}));
  EXPECT_EQ(last_step, 40);
}

TEST_F(SlurmLife, AJobWithManyLinesOfItsOwnTellsEachOnce) {
  const auto job =
      shell("i=0; while [ $i -lt 1000 ]; do echo galley:: step=$i a=$i b=$i c=1; i=$((i+1)); done");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  ASSERT_EQ(link_.points_.size(), 3'000U);
  for (std::size_t i = 0; i < 1'000; ++i) EXPECT_EQ(link_.points_[3 * i].value, i) << i;
}

TEST_F(SlurmLife, TheExitCodeIsThePrograms) {
  const auto job = shell("exit 3");
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_TRUE(cluster_->run({"scontrol", "-o", "show", "job", job_number(job)}));
  for (int i = 0; i < 500 && in_slurm(job, "%T") != "FAILED\n"; ++i) ::usleep(10'000);
  EXPECT_EQ(in_slurm(job, "%T"), "FAILED\n");
}

TEST_F(SlurmLife, SoIsItsSignal) {
  const auto end = run(shell("kill -SEGV $$"));
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.signal, SIGSEGV);
}

TEST_F(SlurmLife, AProgramThatIsKilledFailsThoughSlurmIsAskedFirst) {
  const auto end = run(shell("kill -KILL $$"));
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(end.signal, SIGKILL);
}

TEST_F(SlurmLife, ItsOwnTimeLimitIsKept) {
  auto job = shell("sleep 100");
  job.assignment.spec.max_runtime = Millis{300};
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_EQ(in_slurm(job, "%l"), "2:00\n");
}

TEST_F(SlurmLife, JobsRunAsTheAccountThatTheAgentChose) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run jobs as other accounts";
  ASSERT_EQ(::chmod(temp_.path().c_str(), 0711), 0);
  stop_agent();
  jobs_as_ = {agent::JobsAs::Who::account, "nobody"};
  start_agent();
  const auto one =
      shell("id -un; echo x > own && echo galley:: step=1 loss=1 >> $GALLEY_METRICS_FILE");
  EXPECT_EQ(run(one).state, AttemptState::succeeded) << log(one);
  EXPECT_EQ(log(one), "nobody\n");
  EXPECT_EQ(link_.points_.size(), 1U);
  auto gang = shell("id -un; echo $RANK > own.$RANK");
  gang.assignment.spec.resources.nodes = 2;
  EXPECT_EQ(run(gang).state, AttemptState::succeeded) << log(gang);
  EXPECT_EQ(log(gang), "nobody\nnobody\n");
}

TEST_F(SlurmLife, GpusAreThoseThatSlurmGave) {
  auto job = shell(
      "echo cuda=$CUDA_VISIBLE_DEVICES. rank=$RANK/$WORLD_SIZE at $MASTER_ADDR "
      "job=$SLURM_JOB_ID node=$SLURMD_NODENAME $GALLEY_ATTEMPT");
  job.assignment.spec.resources.gpus = 2;
  job.assignment.spec.resources.gpu_type = "h100";
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  EXPECT_THAT(log(job), HasSubstr("cuda=0,1. rank=0/1 at 127.0.0.1 job=" + job_number(job)));
  const auto none = shell("echo cuda=${CUDA_VISIBLE_DEVICES-unset}.");
  EXPECT_EQ(run(none).state, AttemptState::succeeded);
  EXPECT_EQ(log(none), "cuda=.\n");
}

TEST_F(SlurmLife, NoSecretReachesSlurm) {
  auto job = shell("test \"$GALLEY_TOKEN\" = s3cret && test \"$MY_KEY\" = hunter2");
  job.assignment.spec.env["MY_KEY"] = "hunter2";
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  const auto shown = cluster_->run({"scontrol", "show", "job", job_number(job)});
  const auto script = cluster_->run({"scontrol", "write", "batch_script", job_number(job), "-"});
  ASSERT_TRUE(shown && script);
  for (const char* secret : {"s3cret", "hunter2"}) {
    EXPECT_THAT(*shown, ::testing::Not(HasSubstr(secret)));
    EXPECT_THAT(*script, ::testing::Not(HasSubstr(secret)));
  }
  EXPECT_EQ(std::filesystem::status(folder(job) / "spec.json").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SlurmLife, AJobOfTwoNodesHasARankOnEach) {
  auto job = shell("echo rank $RANK of $WORLD_SIZE on $SLURMD_NODENAME");
  job.assignment.spec.resources.nodes = 2;
  job.assignment.spec.resources.gpus = 1;
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::succeeded) << end.reason << log(job);
  EXPECT_THAT(log(job), HasSubstr("rank 0 of 2 on n1\n"));
  EXPECT_THAT(log(job), HasSubstr("rank 1 of 2 on n2\n"));
}

TEST_F(SlurmLife, WhatSlurmRefusesFailsInItsWords) {
  auto job = shell("true");
  job.assignment.spec.resources.gpus = 1;
  job.assignment.spec.resources.gpu_type = "B300";
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("Slurm refused it: "));
}

TEST_F(SlurmLife, TheNodeSaysWhatThePartitionHas) {
  const auto node = agent_->node();
  EXPECT_EQ(node.executor, protocol::Executor::slurm);
  EXPECT_EQ(node.cpus, 8);
  EXPECT_TRUE(node.devices.empty());
  ASSERT_FALSE(node.notes.empty());
  EXPECT_THAT(node.notes[0], HasSubstr("partition main: 2 of 2 nodes usable, 4 GPUs H100"));
}

TEST(SlurmBridge, AnUnknownPartitionIsRefused) {
  if (shared_cluster() == nullptr) GTEST_SKIP() << "Slurm is not installed";
  const auto bridge = Bridge::start({.partition = "nope", .supervisor_program = "galley-job"});
  ASSERT_FALSE(bridge);
  EXPECT_EQ(bridge.error().code, Errc::invalid_argument);
  EXPECT_THAT(bridge.error().message, HasSubstr("nope"));
}

}  // namespace
}  // namespace galley::slurm
