#include "job_states.h"

#include <gtest/gtest.h>

#include <set>

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::JobState;

std::vector<JobState> all_states() {
  std::vector<JobState> states;
  for (const auto& entry : protocol::Words<JobState>::words) states.push_back(entry.second);
  return states;
}

TEST(JobStates, TheTableHoldsExactlyTheMovesOfThePicture) {
  const std::set<std::pair<JobState, JobState>> allowed{
      {JobState::queued, JobState::starting},      {JobState::queued, JobState::cancelled},
      {JobState::starting, JobState::running},     {JobState::starting, JobState::cancelling},
      {JobState::starting, JobState::queued},      {JobState::starting, JobState::succeeded},
      {JobState::starting, JobState::failed},      {JobState::starting, JobState::cancelled},
      {JobState::running, JobState::cancelling},   {JobState::running, JobState::queued},
      {JobState::running, JobState::succeeded},    {JobState::running, JobState::failed},
      {JobState::running, JobState::cancelled},    {JobState::cancelling, JobState::cancelled},
      {JobState::cancelling, JobState::succeeded},
  };
  for (const JobState from : all_states())
    for (const JobState to : all_states())
      EXPECT_EQ(may_move(from, to), allowed.contains({from, to}))
          << protocol::word_of(from) << " -> " << protocol::word_of(to);
}

TEST(JobStates, EveryEndOfAnAttemptIsAMoveThatTheTableAllows) {
  for (const JobState from : {JobState::starting, JobState::running, JobState::cancelling})
    for (const auto& [word, end] : protocol::Words<AttemptState>::words)
      for (const std::int64_t lost_before : {0, 1, 5}) {
        if (!protocol::is_final(end)) continue;
        const JobState to = state_after({from, end, lost_before, 2});
        EXPECT_TRUE(may_move(from, to))
            << protocol::word_of(from) << " " << word << " -> " << protocol::word_of(to);
      }
}

TEST(JobStates, AnAttemptsEndDecidesItsJobs) {
  const auto after = [](JobState job, AttemptState attempt, std::int64_t lost_before = 0) {
    return state_after({job, attempt, lost_before, 2});
  };
  EXPECT_EQ(after(JobState::running, AttemptState::succeeded), JobState::succeeded);
  EXPECT_EQ(after(JobState::running, AttemptState::failed), JobState::failed);
  EXPECT_EQ(after(JobState::running, AttemptState::cancelled), JobState::cancelled);
  EXPECT_EQ(after(JobState::running, AttemptState::lost), JobState::queued);
  EXPECT_EQ(after(JobState::running, AttemptState::lost, 1), JobState::queued);
  EXPECT_EQ(after(JobState::running, AttemptState::lost, 2), JobState::failed);
  // Whoever asked for the end sees a cancelled job, unless the program had done its work.
  EXPECT_EQ(after(JobState::cancelling, AttemptState::failed), JobState::cancelled);
  EXPECT_EQ(after(JobState::cancelling, AttemptState::lost), JobState::cancelled);
  EXPECT_EQ(after(JobState::cancelling, AttemptState::succeeded), JobState::succeeded);
}

TEST(JobStates, WhoMakesRoomIsQueuedAgain) {
  const protocol::AttemptReport killed{.state = AttemptState::cancelled};
  const protocol::AttemptReport exit_75{.state = AttemptState::failed, .exit_code = 75};
  const protocol::AttemptReport failed{.state = AttemptState::failed, .exit_code = 1};
  const protocol::AttemptReport done{.state = AttemptState::succeeded};
  const auto asked = [](const protocol::AttemptReport& report) {
    return outcome_of(report, JobState::running, true);
  };
  EXPECT_EQ(asked(killed), AttemptState::preempted);
  EXPECT_EQ(asked(exit_75), AttemptState::preempted);
  EXPECT_EQ(asked(failed), AttemptState::failed);
  EXPECT_EQ(asked(done), AttemptState::succeeded);
  EXPECT_EQ(outcome_of(killed, JobState::cancelling, true), AttemptState::cancelled);
  EXPECT_EQ(outcome_of(exit_75, JobState::running, false), AttemptState::failed);
  EXPECT_EQ(outcome_of(killed, JobState::running, false), AttemptState::lost);
  EXPECT_EQ(state_after({JobState::running, AttemptState::preempted, 9, 0}), JobState::queued);
  EXPECT_EQ(state_after({JobState::cancelling, AttemptState::preempted, 0, 0}),
            JobState::cancelled);
}

TEST(JobStates, NothingLeavesAFinalState) {
  for (const JobState from : {JobState::succeeded, JobState::failed, JobState::cancelled})
    for (const JobState to : all_states()) EXPECT_FALSE(may_move(from, to));
}

}  // namespace
}  // namespace galley::controller
