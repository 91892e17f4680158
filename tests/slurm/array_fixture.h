#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "fixture.h"
#include "submission.h"

namespace galley::slurm {

/// Attempts given to the bridge by hand, all of them while one sbatch is held: so it is known which
/// go into one array.
class ArrayFixture : public SlurmFixture {
 protected:
  using Job = agent::Agent::Assigned;
  using Mode = WatchedSbatch::Mode;

  void SetUp() override {
    SlurmFixture::SetUp();
    if (cluster_ != nullptr) sbatch().forget();
  }
  static WatchedSbatch& sbatch() { return WatchedSbatch::instance(); }

  std::vector<Job> jobs(std::size_t count, const std::string& script) {
    std::vector<Job> made;
    for (std::size_t i = 0; i < count; ++i) {
      made.push_back(shell(script));
      made.back().assignment.spec.resources.memory = {100'000'000};
    }
    return made;
  }
  process::AttemptSpec order(const Job& job) const {
    process::AttemptSpec spec;
    spec.argv = job.assignment.spec.command;
    spec.env = {"PATH=/usr/bin:/bin"};
    spec.workdir = folder(job) / "work";
    spec.grace = job.assignment.spec.grace;
    std::filesystem::create_directories(spec.workdir);
    return spec;
  }
  void launch(const Job& job) {
    bridge_->launch(job.assignment, order(job), folder(job), listener(job));
  }
  /// As a bridge does before it notes anything.
  void write_order(const Job& job) const {
    ASSERT_TRUE(write_file_atomic(folder(job) / "spec.json", process::print_spec(order(job)),
                                  Durability::memory));
  }
  /// All while the sbatch of another one is held; then the mode is this one.
  void launch_together(const std::vector<Job>& together, Mode mode = Mode::plain) {
    const std::size_t before = sbatch().calls().size();
    sbatch().set(Mode::hold);
    const auto other = jobs(1, "true").front();
    launch(other);
    ASSERT_TRUE(sbatch().wait_for_calls(before + 1));
    for (const Job& job : together) launch(job);
    sbatch().set(mode);
  }
  void adopt(const Job& job) { bridge_->adopt(job.assignment, folder(job), listener(job)); }

  protocol::AttemptReport end_of(const Job& job) {
    std::unique_lock lock(mutex_);
    const AttemptId& attempt = job.assignment.attempt_id;
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return ends_.contains(attempt); }));
    return ends_[attempt];
  }
  bool has_ended(const Job& job) {
    const std::lock_guard lock(mutex_);
    return ends_.contains(job.assignment.attempt_id);
  }
  bool wait_until_begun(const Job& job) {
    std::unique_lock lock(mutex_);
    const AttemptId& attempt = job.assignment.attempt_id;
    return changed_.wait_for(lock, kPatience, [&] { return begun_.contains(attempt); });
  }
  bool has_begun(const Job& job) {
    const std::lock_guard lock(mutex_);
    return begun_.contains(job.assignment.attempt_id);
  }
  bool wait_for_word(const Job& job, const std::string& words) {
    std::unique_lock lock(mutex_);
    const AttemptId& attempt = job.assignment.attempt_id;
    return changed_.wait_for(lock, kPatience,
                             [&] { return words_[attempt].find(words) != std::string::npos; });
  }

  /// As noted in its folder.
  JobNumber number(const Job& job) const {
    const auto record = read_submission(folder(job));
    return record && *record ? (*record)->job.value_or(JobNumber{}) : JobNumber{};
  }
  JobNumber wait_for_number(const Job& job) const {
    for (int i = 0; i < 1'000 && !number(job); ++i) ::usleep(10'000);
    return number(job);
  }
  /// Slurm's word for its state; several lines where it has several jobs of that number.
  std::string state_of(const Job& job) const {
    const auto text = cluster_->run({"squeue", "-h", "-r", "-t", "all", "-o", "%F_%K %T"});
    const std::string prefix = to_string(number(job)) + (number(job).task ? " " : "_N/A ");
    std::string states;
    if (text)
      for (const auto line : split(*text, '\n'))
        if (line.starts_with(prefix)) states += line.substr(prefix.size());
    return states;
  }
  /// How many jobs Slurm has of all that was ever in an array of that number.
  std::size_t count_tasks(std::int64_t array) const {
    const auto text = cluster_->run({"squeue", "-h", "-r", "-t", "all", "-o", "%F"});
    if (!text) return 0;
    return static_cast<std::size_t>(
        std::ranges::count(split(*text, '\n'), std::string_view(std::to_string(array))));
  }

  void release() { ASSERT_TRUE(write_file_atomic(temp_ / "go", "", Durability::memory)); }
  std::string until_released(const std::string& then = "exit 0") const {
    return "while test ! -e " + (temp_ / "go").string() + "; do sleep 0.05; done; " + then;
  }

  static constexpr std::chrono::seconds kPatience{30};

 private:
  agent::Runner::Listener listener(const Job& job) {
    const AttemptId attempt = job.assignment.attempt_id;
    const auto change = [this](const std::function<void()>& act) {
      {
        const std::lock_guard lock(mutex_);
        act();
      }
      changed_.notify_all();
    };
    return {.waits = [=, this](
                         std::string reason) { change([&] { words_[attempt] += reason + "\n"; }); },
            .runs = [=, this](WallTime) { change([&] { begun_.insert(attempt); }); },
            .ended =
                [=, this](protocol::AttemptReport report) {
                  change([&] {
                    EXPECT_FALSE(ends_.contains(attempt)) << "it has ended twice";
                    ends_[attempt] = report;
                  });
                }};
  }

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::map<AttemptId, protocol::AttemptReport> ends_;
  std::set<AttemptId> begun_;
  std::map<AttemptId, std::string> words_;  // all that was said, a line each
};

}  // namespace galley::slurm
