#include "fixture.h"

namespace galley::slurm {
namespace {

class SlurmStop : public SlurmFixture {
 protected:
  /// Runs, and holds all GPUs of both nodes until the file appears.
  agent::Agent::Assigned blocker() {
    auto job = shell("while test ! -e " + (temp_ / "go").string() + "; do sleep 0.05; done");
    job.assignment.spec.resources.gpus = 2;
    job.assignment.spec.resources.nodes = 2;
    return job;
  }
  void release() { ASSERT_TRUE(write_file_atomic(temp_ / "go", "", Durability::memory)); }
  agent::Agent::Assigned with_gpu(const std::string& script) {
    auto job = shell(script);
    job.assignment.spec.resources.gpus = 1;
    return job;
  }
};

TEST_F(SlurmStop, ACancelledProgramHasItsGrace) {
  const auto job =
      shell("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
  agent_->assign(job);
  ASSERT_TRUE(wait_for(job, AttemptState::running));
  for (int i = 0; i < 500 && log(job).empty(); ++i) ::usleep(10'000);
  agent_->cancel(job.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::cancelled);
  EXPECT_THAT(log(job), ::testing::EndsWith("saved\n"));
}

TEST_F(SlurmStop, AJobThatWaitsInSlurmSaysWhyAndIsCancelledThere) {
  const auto first = blocker();
  agent_->assign(first);
  ASSERT_TRUE(wait_for(first, AttemptState::running));
  const auto second = with_gpu("true");
  agent_->assign(second);
  ASSERT_TRUE(wait_for(second, AttemptState::starting, "PENDING (Resources)"));
  agent_->cancel(second.assignment.attempt_id);
  EXPECT_EQ(wait_for_end(second).state, AttemptState::cancelled);
  EXPECT_EQ(in_slurm(second, "%T"), "CANCELLED\n");
  release();
  EXPECT_EQ(wait_for_end(first).state, AttemptState::succeeded);
}

TEST_F(SlurmStop, WhatOthersCancelInSlurmHasFailed) {
  const auto running = shell("sleep 100");
  agent_->assign(running);
  ASSERT_TRUE(wait_for(running, AttemptState::running));
  ASSERT_TRUE(cluster_->run({"scancel", job_number(running)}));
  const auto end = wait_for_end(running);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("cancelled by Slurm's own tools"));

  const auto first = blocker();
  agent_->assign(first);
  ASSERT_TRUE(wait_for(first, AttemptState::running));
  const auto waiting = with_gpu("true");
  agent_->assign(waiting);
  ASSERT_TRUE(wait_for(waiting, AttemptState::starting, "PENDING"));
  ASSERT_TRUE(cluster_->run({"scancel", job_number(waiting)}));
  EXPECT_THAT(wait_for_end(waiting).reason, HasSubstr("cancelled by Slurm's own tools"));
  release();
  EXPECT_EQ(wait_for_end(first).state, AttemptState::succeeded);
}

TEST_F(SlurmStop, AJobOnAFailingNodeIsLost) {
  auto job = shell("echo on $SLURMD_NODENAME; sleep 100");
  agent_->assign(job);
  ASSERT_TRUE(wait_for(job, AttemptState::running));
  for (int i = 0; i < 500 && log(job).empty(); ++i) ::usleep(10'000);
  const std::string node = log(job).substr(3, 2);
  cluster_->kill_node(node == "n1" ? 1 : 2);
  ASSERT_TRUE(
      cluster_->run({"scontrol", "update", "NodeName=" + node, "State=DOWN", "Reason=test"}));
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_THAT(end.reason, HasSubstr("a node failed"));
  ASSERT_TRUE(cluster_->start_node(node == "n1" ? 1 : 2));
  (void)cluster_->run({"scontrol", "update", "NodeName=" + node, "State=RESUME"});
  EXPECT_TRUE(cluster_->wait_idle(2));
}

TEST_F(SlurmStop, WhileSlurmIsAwayNothingIsLost) {
  const auto running =
      shell("while test ! -e " + (temp_ / "go").string() + "; do sleep 0.05; done");
  agent_->assign(running);
  ASSERT_TRUE(wait_for(running, AttemptState::running));
  cluster_->stop_controller();
  const auto job = shell("echo after");
  agent_->assign(job);
  release();
  // The supervisor's status is in the folder, whatever Slurm does.
  EXPECT_EQ(wait_for_end(running).state, AttemptState::succeeded);
  ASSERT_TRUE(cluster_->start_controller());
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_THAT(job_number(job), ::testing::MatchesRegex("[0-9]+"));  // one job, not two
}

}  // namespace
}  // namespace galley::slurm
