#include <fmt/format.h>

#include "array_fixture.h"
#include "array_script.h"

namespace galley::slurm {
namespace {

/// What a bridge that was killed left behind, and what the next one makes of it.
class SlurmArrayAdopt : public ArrayFixture {
 protected:
  void restart() {
    stop_agent();
    start_agent();
  }
  /// Each ran once, and Slurm has no second job of any.
  void expect_each_once(const std::vector<Job>& together) {
    for (const Job& job : together) {
      EXPECT_EQ(end_of(job).state, AttemptState::succeeded) << end_of(job).reason;
      EXPECT_EQ(log(job), "begun\n");
    }
  }
};

TEST_F(SlurmArrayAdopt, TasksThatRunAndWaitAreTakenUpAgain) {
  auto together = jobs(4, "echo begun; " + until_released());
  for (Job& job : together) job.assignment.spec.resources.cpus = 4;
  launch_together(together);
  ASSERT_TRUE(wait_until_begun(together[0]) && wait_until_begun(together[1]));
  ASSERT_TRUE(wait_for_word(together[3], "_3 is PENDING"));
  const std::int64_t array = number(together[0]).job;
  const std::size_t calls = sbatch().calls().size();
  restart();
  for (const Job& job : together) adopt(job);
  bridge_->cancel(together[3].assignment.attempt_id);
  EXPECT_EQ(end_of(together[3]).state, AttemptState::cancelled);
  release();
  together.pop_back();
  expect_each_once(together);
  EXPECT_EQ(sbatch().calls().size(), calls);
  EXPECT_EQ(count_tasks(array), 4U);
}

TEST_F(SlurmArrayAdopt, OnesThatEndedMeanwhileAreReportedEachAsItself) {
  std::vector<Job> together;
  for (int i = 0; i < 4; ++i)
    together.push_back(jobs(1, until_released("exit " + std::to_string(i))).front());
  launch_together(together);
  for (const Job& job : together) ASSERT_TRUE(wait_until_begun(job));
  stop_agent();
  release();
  for (const Job& job : together)
    for (int i = 0; i < 1'000 && !std::filesystem::exists(folder(job) / "exit.json"); ++i)
      ::usleep(10'000);
  start_agent();
  for (const Job& job : together) adopt(job);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(end_of(together[static_cast<std::size_t>(i)]).exit_code, i);
}

// Killed after Slurm has taken the array and before its number was noted.
TEST_F(SlurmArrayAdopt, AnArrayWhoseNumberWasNeverNotedIsFoundAndNotSubmittedAgain) {
  const auto together = jobs(5, "echo begun; " + until_released());
  launch_together(together, Mode::keep_answer);
  ASSERT_TRUE(sbatch().wait_until_taken());
  const std::size_t calls = sbatch().calls().size();
  stop_agent();
  for (const Job& job : together) {
    const auto record = read_submission(folder(job));
    ASSERT_TRUE(record && *record && (*record)->array);
    EXPECT_FALSE((*record)->job);
  }
  sbatch().set(Mode::plain);
  start_agent();
  for (const Job& job : together) adopt(job);
  for (std::size_t i = 0; i < together.size(); ++i)
    EXPECT_EQ(wait_for_number(together[i]).task, static_cast<std::int64_t>(i));
  release();
  expect_each_once(together);
  EXPECT_EQ(sbatch().calls().size(), calls);
  EXPECT_EQ(count_tasks(number(together[0]).job), 5U);
}

TEST_F(SlurmArrayAdopt, AnSbatchThatDoesNotAnswerIsUncertainUntilSlurmTells) {
  submit_timeout_ = Millis{3'000};
  restart();
  const auto together = jobs(5, "echo begun; " + until_released());
  launch_together(together, Mode::keep_answer);
  ASSERT_TRUE(sbatch().wait_until_taken());
  sbatch().set(Mode::plain);
  // That sbatch never says it.
  for (const Job& job : together) EXPECT_TRUE(wait_for_number(job).task);
  release();
  expect_each_once(together);
  EXPECT_EQ(sbatch().calls().size(), 2U);
}

// Killed after the notes and before sbatch was started, or before some of the notes.
TEST_F(SlurmArrayAdopt, AnArrayThatWasNeverSubmittedIsSubmittedOnce) {
  stop_agent();
  const auto together = jobs(5, "echo begun");
  const std::string name = array_name(together[0].assignment.attempt_id, 5);
  for (std::size_t i = 0; i < together.size(); ++i) {
    write_order(together[i]);
    if (i >= 3) continue;
    // Of what was noted so long ago nothing can come any more.
    const SubmissionRecord record{.since = system_clock().wall() - Millis{60'000},
                                  .array = ArrayPlace{name, static_cast<std::int64_t>(i)}};
    ASSERT_TRUE(write_submission(folder(together[i]), record));
  }
  start_agent();
  for (const Job& job : together) adopt(job);
  expect_each_once(together);
  std::set<JobNumber> numbers;
  for (const Job& job : together) numbers.insert(number(job));
  EXPECT_EQ(numbers.size(), 5U);
  // The two without a note at once, as an array or not; the others each alone.
  EXPECT_LE(sbatch().calls().size(), 5U);
}

// Killed while sbatch went on by itself: Slurm hears of the array when the next bridge waits for
// it.
TEST_F(SlurmArrayAdopt, AnArrayThatComesLateIsFoundAndNotSubmittedAgain) {
  const auto together = jobs(4, "echo begun; " + until_released());
  launch_together(together, Mode::hold);
  stop_agent();
  const std::string name = array_name(together[0].assignment.attempt_id, 5);
  const auto since = system_clock().wall();
  std::vector<Submission> members;
  for (std::size_t i = 0; i < together.size(); ++i) {
    const Job& job = together[i];
    write_order(job);
    ASSERT_TRUE(write_submission(
        folder(job), {.since = since, .array = ArrayPlace{name, static_cast<std::int64_t>(i)}}));
    members.push_back({job.assignment, folder(job), galley_job(), "main", {}});
  }
  sbatch().forget();
  sbatch().set(Mode::plain);
  start_agent();
  for (const Job& job : together) adopt(job);
  ASSERT_TRUE(write_file_atomic(temp_ / "script", array_script(members), Durability::memory));
  auto arguments = array_arguments(members, name, {});
  arguments.push_back((temp_ / "script").string());
  const auto sent = cluster_->run(arguments);
  ASSERT_TRUE(sent) << describe(sent.error());
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_EQ(wait_for_number(together[i]).task, static_cast<std::int64_t>(i));
    EXPECT_EQ(std::to_string(number(together[i]).job) + "\n", *sent);
  }
  release();
  expect_each_once(together);
  EXPECT_EQ(sbatch().calls().size(), 1U);  // ours
}

// Slurm has forgotten the job, and the note of its number was lost.
TEST_F(SlurmArrayAdopt, OneThatHasBegunIsNeverSubmittedAgain) {
  stop_agent();
  const auto together = jobs(2, "echo begun");
  for (std::size_t i = 0; i < together.size(); ++i) {
    write_order(together[i]);
    const SubmissionRecord record{.since = system_clock().wall() - Millis{60'000},
                                  .array = ArrayPlace{"gone", static_cast<std::int64_t>(i)}};
    ASSERT_TRUE(write_submission(folder(together[i]), record));
  }
  ASSERT_TRUE(write_file_atomic(folder(together[0]) / process::attempt_file::kPid, "{}",
                                Durability::memory));
  start_agent();
  for (const Job& job : together) adopt(job);
  expect_each_once({together[1]});
  EXPECT_EQ(sbatch().calls().size(), 1U);
  EXPECT_FALSE(number(together[0]));
}

// Lost is started again as another attempt, where the job may: this one may run in Slurm.
TEST_F(SlurmArrayAdopt, ANoteThatCannotBeReadIsNoReasonToSubmitAgain) {
  submit_timeout_ = Millis{1'000};
  restart();
  const auto job = jobs(1, "true").front();
  std::filesystem::create_directories(folder(job));
  ASSERT_TRUE(write_file_atomic(folder(job) / "spec.json", "{}", Durability::memory));
  ASSERT_TRUE(write_file_atomic(folder(job) / "slurm.json", "{\"since", Durability::memory));
  adopt(job);
  const auto end = end_of(job);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_THAT(end.reason, HasSubstr("cannot be read"));
  EXPECT_TRUE(sbatch().calls().empty());
}

TEST_F(SlurmArrayAdopt, AnAttemptOfAnOlderGalleyIsTakenUp) {
  const auto job = jobs(1, "echo begun; " + until_released()).front();
  launch(job);
  ASSERT_TRUE(wait_until_begun(job));
  const JobNumber noted = wait_for_number(job);
  stop_agent();
  ASSERT_TRUE(write_file_atomic(
      folder(job) / "slurm.json",
      fmt::format("{{\"job\":{},\"since_ms\":{}}}\n", noted.job, to_ms(system_clock().wall())),
      Durability::memory));
  start_agent();
  adopt(job);
  release();
  expect_each_once({job});
  EXPECT_EQ(sbatch().calls().size(), 1U);
}

}  // namespace
}  // namespace galley::slurm
