#include "job_states.h"

#include <gmock/gmock.h>

namespace galley::slurm {
namespace {

using process::AttemptExit;
using process::ExitReason;
using protocol::AttemptState;
using ::testing::HasSubstr;

const AttemptId kAttempt = AttemptId::trusted("att_1");

JobView job(std::string state) { return {.id = {12}, .state = std::move(state)}; }

AttemptState state_of(const std::string& state) {
  return end_of(kAttempt, std::nullopt, job(state), false).state;
}

TEST(PhaseOf, CoversTheStatesOfSlurm) {
  for (const char* state : {"PENDING", "PD", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD",
                            "SPECIAL_EXIT", "RESV_DEL_HOLD", "REQUEUE_FED"})
    EXPECT_EQ(phase_of(state), Phase::waiting) << state;
  for (const char* state : {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING",
                            "STAGE_OUT", "RESIZING", "A_STATE_OF_TOMORROW"})
    EXPECT_EQ(phase_of(state), Phase::running) << state;
  for (const char* state : {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "DEADLINE",
                            "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"})
    EXPECT_EQ(phase_of(state), Phase::ended) << state;
}

TEST(EndOf, SlurmAloneSaysWhatBecameOfAJobWithoutStatus) {
  EXPECT_EQ(state_of("COMPLETED"), AttemptState::succeeded);
  for (const char* state : {"FAILED", "CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY"})
    EXPECT_EQ(state_of(state), AttemptState::failed) << state;
  for (const char* state : {"NODE_FAIL", "BOOT_FAIL", "REVOKED"})
    EXPECT_EQ(state_of(state), AttemptState::lost) << state;
  EXPECT_EQ(state_of("PREEMPTED"), AttemptState::preempted);
  EXPECT_THAT(end_of(kAttempt, std::nullopt, job("TIMEOUT"), false).reason,
              HasSubstr("time limit has passed (job 12)"));
}

TEST(EndOf, CodesAndReasonsOfSlurmAreKept) {
  auto failed = job("FAILED");
  failed.exit_code = 1;
  failed.reason = "NonZeroExitCode";
  auto report = end_of(kAttempt, std::nullopt, failed, false);
  EXPECT_EQ(report.state, AttemptState::failed);
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_THAT(report.reason, HasSubstr("NonZeroExitCode"));
  failed.reason = "JobLaunchFailure";
  report = end_of(kAttempt, std::nullopt, failed, false);
  EXPECT_EQ(report.state, AttemptState::lost);
  EXPECT_THAT(report.reason, HasSubstr("JobLaunchFailure"));
}

TEST(EndOf, OurOwnCancellationIsOne) {
  for (const char* state : {"CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL"})
    EXPECT_EQ(end_of(kAttempt, std::nullopt, job(state), true).state, AttemptState::cancelled);
  EXPECT_EQ(end_of(kAttempt, std::nullopt, std::nullopt, true).state, AttemptState::cancelled);
  EXPECT_EQ(end_of(kAttempt, std::nullopt, std::nullopt, false).state, AttemptState::lost);
}

TEST(EndOf, TheSupervisorsWordStandsWhereItIsClear) {
  const AttemptExit good{.reason = ExitReason::exited, .exit_code = 0};
  EXPECT_FALSE(needs_word_of_slurm(good, false));
  EXPECT_EQ(end_of(kAttempt, good, job("NODE_FAIL"), false).state, AttemptState::succeeded);
  const AttemptExit bad{.reason = ExitReason::exited, .exit_code = 3};
  EXPECT_EQ(end_of(kAttempt, bad, job("FAILED"), false).exit_code, 3);
  const AttemptExit ours{.reason = ExitReason::cancelled, .signal = 15};
  EXPECT_FALSE(needs_word_of_slurm(ours, true));
  EXPECT_EQ(end_of(kAttempt, ours, std::nullopt, true).state, AttemptState::cancelled);
}

TEST(EndOf, SlurmSaysWhoAskedForTheEnd) {
  const AttemptExit stopped{.reason = ExitReason::cancelled, .signal = 15};
  ASSERT_TRUE(needs_word_of_slurm(stopped, false));
  EXPECT_EQ(end_of(kAttempt, stopped, job("PREEMPTED"), false).state, AttemptState::preempted);
  const auto timeout = end_of(kAttempt, stopped, job("TIMEOUT"), false);
  EXPECT_EQ(timeout.state, AttemptState::failed);
  EXPECT_THAT(timeout.reason, HasSubstr("time limit"));
  EXPECT_EQ(end_of(kAttempt, stopped, job("CANCELLED"), false).state, AttemptState::failed);
  EXPECT_EQ(end_of(kAttempt, stopped, job("FAILED"), false).state, AttemptState::failed);
  EXPECT_EQ(end_of(kAttempt, stopped, std::nullopt, false).state, AttemptState::failed);

  // The signal reached the program before the supervisor could pass it on.
  const AttemptExit termed{.reason = ExitReason::signalled, .signal = 15};
  ASSERT_TRUE(needs_word_of_slurm(termed, false));
  EXPECT_THAT(end_of(kAttempt, termed, job("CANCELLED"), false).reason,
              HasSubstr("Slurm's own tools"));
  EXPECT_EQ(end_of(kAttempt, termed, job("FAILED"), false).signal, 15);
  EXPECT_EQ(end_of(kAttempt, termed, job("CANCELLED"), true).state, AttemptState::cancelled);

  const AttemptExit killed{.reason = ExitReason::signalled, .signal = 9};
  ASSERT_TRUE(needs_word_of_slurm(killed, false));
  EXPECT_THAT(end_of(kAttempt, killed, job("OUT_OF_MEMORY"), false).reason,
              HasSubstr("memory limit"));
  EXPECT_EQ(end_of(kAttempt, killed, job("FAILED"), false).signal, 9);
}

}  // namespace
}  // namespace galley::slurm
