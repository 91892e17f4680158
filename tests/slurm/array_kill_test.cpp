#include <spawn.h>
#include <sys/wait.h>

#include <csignal>

#include "array_fixture.h"

namespace galley::slurm {
namespace {

/// A bridge in a process of its own dies of SIGKILL while it submits; one of ours takes over. Each
/// attempt notes its beginning in a file, so that one which ran twice shows.
class SlurmArrayKill : public ArrayFixture {
 protected:
  void SetUp() override {
    submit_timeout_ = Millis{3'000};  // as that of the other
    ArrayFixture::SetUp();
  }
  void TearDown() override {
    kill_bridge();
    ArrayFixture::TearDown();
  }

  std::vector<Job> counted(std::size_t count) {
    auto made = jobs(count, "");
    for (Job& job : made)
      job.assignment.spec.command = {"/bin/sh", "-c",
                                     "echo ran >> " + (folder(job) / "count").string()};
    return made;
  }
  void start_bridge(const std::vector<Job>& attempts) {
    std::vector<std::string> words{KILLED_BRIDGE, galley_job()};
    for (const Job& job : attempts) {
      words.push_back(folder(job));
      const std::string text = process::print_spec(order(job));
      ASSERT_TRUE(write_file_atomic(folder(job) / "order.json", text, Durability::memory));
    }
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  }
  void kill_bridge() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  /// As the agent does with an attempt that it is given again.
  void take_over(const std::vector<Job>& attempts) {
    for (const Job& job : attempts)
      if (std::filesystem::exists(folder(job) / "spec.json"))
        adopt(job);
      else
        launch(job);
  }
  void expect_each_ran_once(const std::vector<Job>& attempts) {
    for (const Job& job : attempts) {
      EXPECT_EQ(end_of(job).state, AttemptState::succeeded) << end_of(job).reason;
      EXPECT_EQ(read_file(folder(job) / "count", 4096).value_or(""), "ran\n");
    }
  }

 private:
  pid_t pid_ = -1;
};

TEST_F(SlurmArrayKill, WhenSlurmHasTakenTheArrayAndNobodyHeard) {
  const auto attempts = counted(6);
  sbatch().set(Mode::keep_answer);
  start_bridge(attempts);
  ASSERT_TRUE(sbatch().wait_until_taken());
  kill_bridge();
  sbatch().set(Mode::plain);
  take_over(attempts);
  expect_each_ran_once(attempts);
  std::set<JobNumber> numbers;
  for (const Job& job : attempts) numbers.insert(number(job));
  EXPECT_EQ(numbers.size(), 6U);
  EXPECT_TRUE(numbers.rbegin()->task);
}

TEST_F(SlurmArrayKill, WhileAnSbatchThatSurvivesItIsStillOnItsWay) {
  const auto attempts = counted(6);
  sbatch().set(Mode::hold);
  start_bridge(attempts);
  ASSERT_TRUE(sbatch().wait_for_calls(1));
  kill_bridge();
  take_over(attempts);
  sbatch().set(Mode::plain);
  expect_each_ran_once(attempts);
}

TEST_F(SlurmArrayKill, AtAnyMoment) {
  // Before, while and after it submits, on most machines.
  for (const int ms : {35, 60, 90}) {
    const auto attempts = counted(8);
    start_bridge(attempts);
    ::usleep(static_cast<useconds_t>(ms) * 1'000);
    kill_bridge();
    take_over(attempts);
    expect_each_ran_once(attempts);
  }
}

}  // namespace
}  // namespace galley::slurm
