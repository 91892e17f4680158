#include <signal.h>

#include "fixture.h"

namespace galley::agent {
namespace {

using protocol::AttemptState;
using ::testing::HasSubstr;

class Life : public AgentFixture {};

TEST_F(Life, TrueRunsAndSucceeds) {
  const auto job = command({"true"});
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::succeeded);
  EXPECT_EQ(end.exit_code, 0);
  ASSERT_TRUE(end.started_at && end.finished_at);
  ASSERT_EQ(link_.reports_.size(), 2U);
  EXPECT_EQ(link_.reports_[0].state, AttemptState::running);
  EXPECT_TRUE(link_.reports_[0].started_at);
}

TEST_F(Life, TheEnvironmentNamesTheJobAndNoGpu) {
  const auto job = shell("env; echo \"cuda=${CUDA_VISIBLE_DEVICES-unset}.\"; pwd");
  EXPECT_EQ(run(job).state, AttemptState::succeeded);
  const std::string text = log(job);
  EXPECT_THAT(text, HasSubstr("GALLEY_SERVER=http://localhost:1\n"));
  EXPECT_THAT(text, HasSubstr("GALLEY_TOKEN=secret\n"));
  EXPECT_THAT(text, HasSubstr("GALLEY_ATTEMPT_ID=" + job.assignment.attempt_id.str() + "\n"));
  EXPECT_THAT(text, HasSubstr("cuda=.\n"));
  EXPECT_THAT(text, HasSubstr("/work\n"));
}

TEST_F(Life, CodesAndSignalsAreTold) {
  const auto failed = run(shell("exit 3"));
  EXPECT_EQ(failed.state, AttemptState::failed);
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.reason, "exited with code 3");
  EXPECT_EQ(run(shell("exit 75")).reason, "preempted (exit 75)");
  const auto killed = run(shell("kill -SEGV $$"));
  EXPECT_EQ(killed.state, AttemptState::failed);
  EXPECT_EQ(killed.signal, SIGSEGV);
}

TEST_F(Life, AMissingProgramFailsWithItsName) {
  const auto end = run(command({"/no/such/program"}));
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("/no/such/program"));
  EXPECT_EQ(end.exit_code, 127);
}

TEST_F(Life, WhatCannotBeLaunchedFailsWithoutACode) {
  auto job = command({"true"});
  job.assignment.spec.log_limit = protocol::Bytes{1};
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("log limit of 1 bytes"));
  EXPECT_FALSE(end.exit_code);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 0U);
}

TEST_F(Life, CancelEndsTheJob) {
  Gate gate(temp_ / "gate");
  const auto job = shell("echo up > " + gate.str() + "; exec sleep 600");
  agent_->assign(job);
  ASSERT_EQ(gate.receive(), "up");
  agent_->cancel(job.assignment.attempt_id);
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::cancelled);
  EXPECT_EQ(end.signal, SIGTERM);
}

TEST_F(Life, CancelWhileDataIsPreparedNeverLaunches) {
  link_.hold_datasets(true);
  auto job = command({"true"});
  job.assignment.spec.datasets = {"ice@1"};
  agent_->assign(job);
  ASSERT_TRUE(link_.wait([](const FakeLink& link) { return link.dataset_calls_ == 1; }));
  agent_->cancel(job.assignment.attempt_id);
  const auto end = wait_for_end(job);
  EXPECT_EQ(end.state, AttemptState::cancelled);
  link_.hold_datasets(false);
  EXPECT_EQ(run(command({"true"})).state, AttemptState::succeeded);
  EXPECT_FALSE(std::filesystem::exists(agent_->attempt_folder(job.assignment.attempt_id)));
}

TEST_F(Life, CancelOfAnUnknownAttemptIsIgnored) {
  agent_->cancel(ids_.next<AttemptTag>());
  EXPECT_EQ(run(command({"true"})).state, AttemptState::succeeded);
}

TEST_F(Life, DataSetsAreVisibleAndReadOnly) {
  ASSERT_TRUE(make_folders(temp_ / "source"));
  ASSERT_TRUE(write_file_atomic(temp_ / "source" / "a.txt", "content\n", Durability::memory));
  link_.datasets["sea-ice@1"] = blobs::freeze(temp_ / "source", *blobs_)->manifest;
  link_.dataset_faults = 2;
  auto job = shell(
      "cat $GALLEY_DATASET_SEA_ICE/a.txt; ls $GALLEY_DATASETS_DIR; stat -L -c %a "
      "$GALLEY_DATASET_SEA_ICE/a.txt $GALLEY_DATASET_SEA_ICE");
  job.assignment.spec.datasets = {"sea-ice@1"};
  EXPECT_EQ(run(job).state, AttemptState::succeeded) << log(job);
  EXPECT_THAT(log(job), HasSubstr("content\nsea-ice@1\n444\n555\n"));
  EXPECT_EQ(link_.dataset_calls_, 3);
}

TEST_F(Life, AnUnknownDataSetFailsTheJob) {
  auto job = command({"true"});
  job.assignment.spec.datasets = {"ice@9"};
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::failed);
  EXPECT_THAT(end.reason, HasSubstr("cannot prepare data set ice@9: there is no data set ice@9"));
}

TEST_F(Life, ReportsAreRepeatedUntilTheyAreStored) {
  agent_.reset();
  link_.report_fault = [](int call) {
    return call <= 4 ? std::optional(Error{Errc::unavailable, "not now"}) : std::nullopt;
  };
  start_agent();
  EXPECT_EQ(run(command({"true"})).state, AttemptState::succeeded);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 1U);
  EXPECT_EQ(link_.report_calls_, 6);
}

TEST_F(Life, AConflictMeansThatTheControllerKnew) {
  agent_.reset();
  link_.report_fault = [](int call) {
    return call == 1 ? std::optional(Error{Errc::conflict, "it has ended"}) : std::nullopt;
  };
  start_agent();
  EXPECT_EQ(run(command({"true"})).state, AttemptState::succeeded);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 0U);
}

TEST_F(Life, ForgetRemovesTheFolderAfterTheEnd) {
  Gate gate(temp_ / "gate");
  const auto job = shell("read x < " + gate.str());
  agent_->assign(job);
  agent_->forget(job.assignment.attempt_id);
  gate.open();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  agent_.reset();  // its slow thread may still be at it, or may not have begun
  start_agent();
  agent_->forget(job.assignment.attempt_id);
  auto after = command({"true"});
  after.assignment.spec.datasets = {"ice@1"};  // behind the removal on the slow thread
  EXPECT_EQ(run(after).state, AttemptState::failed);
  EXPECT_FALSE(std::filesystem::exists(agent_->attempt_folder(job.assignment.attempt_id)));
}

TEST_F(Life, HeartbeatsKeepComing) {
  EXPECT_TRUE(link_.wait([](const FakeLink& link) { return link.heartbeats_ >= 3; }));
  EXPECT_EQ(agent_->node().name, "here");
  EXPECT_GE(agent_->node().cpus, 1);
}

TEST_F(Life, ManyJobsAtOnce) {
  std::vector<Agent::Assigned> jobs;
  for (int i = 0; i < 30; ++i) jobs.push_back(shell("echo galley:: x=" + std::to_string(i)));
  for (const auto& job : jobs) agent_->assign(job);
  for (const auto& job : jobs) EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(link_.points_.size(), 30U);
}

}  // namespace
}  // namespace galley::agent
