#include "fixture.h"

namespace galley::slurm {
namespace {

class SlurmAdopt : public SlurmFixture {
 protected:
  agent::Agent::Assigned until_told() {
    auto job = shell("echo begun; while test ! -e " + (temp_ / "go").string() +
                     "; do sleep 0.05; done; echo 'galley::loss=1'");
    job.assignment.spec.resources.gpus = 2;
    return job;
  }
  void release() { ASSERT_TRUE(write_file_atomic(temp_ / "go", "", Durability::memory)); }
  /// As a kill between sbatch and the note of its answer.
  void forget_number(const agent::Agent::Assigned& job) {
    ASSERT_TRUE(write_file_atomic(
        folder(job) / "slurm.json",
        "{\"since_ms\":" + std::to_string(to_ms(system_clock().wall())) + "}", Durability::memory));
  }
};

TEST_F(SlurmAdopt, ARunningJobIsTakenUpAgain) {
  auto job = until_told();
  agent_->assign(job);
  ASSERT_TRUE(wait_for(job, AttemptState::running));
  stop_agent();
  start_agent();
  job.expected_running = true;
  agent_->assign(job);
  release();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(link_.count_reports(AttemptState::running), 1U);
  EXPECT_EQ(link_.points_.size(), 1U);
  EXPECT_THAT(in_slurm(job, "%A"), ::testing::ContainsRegex("^[0-9]+\n$"));
}

TEST_F(SlurmAdopt, OneThatEndedMeanwhileIsReported) {
  auto job = until_told();
  agent_->assign(job);
  ASSERT_TRUE(wait_for(job, AttemptState::running));
  stop_agent();
  release();
  for (int i = 0; i < 1000 && !std::filesystem::exists(folder(job) / "exit.json"); ++i)
    ::usleep(10'000);
  start_agent();
  job.expected_running = true;
  agent_->assign(job);
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(link_.points_.size(), 1U);
}

TEST_F(SlurmAdopt, AJobWhoseNumberWasNeverNotedIsFoundAndNotSubmittedAgain) {
  auto job = until_told();
  agent_->assign(job);
  ASSERT_TRUE(wait_for(job, AttemptState::running));
  const std::string number = job_number(job);
  stop_agent();
  forget_number(job);
  start_agent();
  agent_->assign(job);
  for (int i = 0; i < 1000; ++i) {
    const auto note = read_file(folder(job) / "slurm.json", 4096);
    if (note && note->find("\"job\":" + number) != std::string::npos) break;
    ::usleep(10'000);
  }
  EXPECT_THAT(read_file(folder(job) / "slurm.json", 4096).value_or(""),
              HasSubstr("\"job\":" + number));
  release();
  EXPECT_EQ(wait_for_end(job).state, AttemptState::succeeded);
  EXPECT_EQ(in_slurm(job, "%A"), number + "\n");
}

TEST_F(SlurmAdopt, OneThatWasNeverSubmittedIsSubmittedOnce) {
  auto job = shell("echo once");
  stop_agent();
  start_agent();
  agent_->assign(job);
  ASSERT_EQ(wait_for_end(job).state, AttemptState::succeeded);

  // Killed after spec.json was written and before sbatch was started.
  auto next = shell("echo twice");
  std::filesystem::create_directories(folder(next));
  std::filesystem::copy_file(folder(job) / "spec.json", folder(next) / "spec.json");
  agent_->assign(next);
  EXPECT_EQ(wait_for_end(next).state, AttemptState::succeeded);
  EXPECT_EQ(log(next), "once\n");
}

TEST_F(SlurmAdopt, AJobThatIsNowhereIsLost) {
  auto job = shell("true");
  job.expected_running = true;
  std::filesystem::create_directories(folder(job));
  ASSERT_TRUE(write_file_atomic(folder(job) / "spec.json", "{}", Durability::memory));
  ASSERT_TRUE(write_file_atomic(folder(job) / "slurm.json", "{\"since_ms\":1000,\"job\":999999}",
                                Durability::memory));
  const auto end = run(job);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_THAT(end.reason, HasSubstr("Slurm knows nothing of it"));
}

}  // namespace
}  // namespace galley::slurm
