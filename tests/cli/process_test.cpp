#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <optional>

#include "fixture.h"

namespace galley::cli::testing {
namespace {

/// The client as a process of its own, started with its outputs closed: what it prints must go
/// nowhere, and not into the file or socket that gets their number next.
pid_t start_client(std::vector<std::string> words) {
  words.insert(words.begin(), GALLEY_TEST_CLIENT);
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    ::execv(pointers[0], pointers.data());
    ::_exit(99);
  }
  return child;
}

int exit_code(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

class ProcessTest : public ClientTest {
 protected:
  /// A job that runs, with a log that is open until it is cancelled.
  void serve_running_job() {
    answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
    answer("GET", "/api/v1/jobs/{id}/events", {{"items", Json::array()}});
    handle("GET", "/api/v1/jobs/{id}", [this](const auto&) {
      const std::lock_guard lock(mutex_);
      return http::Response::json(dump_json(job_record(cancelled_ ? "cancelled" : "running")));
    });
    router.add_deferred("GET", "/api/v1/jobs/{id}/logs", http::Run::pool,
                        [this](http::Exchange exchange) {
                          const std::lock_guard lock(mutex_);
                          log_ = exchange.stream(200, {});
                          log_->write("running\n");
                          changed_.notify_all();
                        });
    handle("POST", "/api/v1/jobs/{id}/cancel", [this](const auto&) {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      changed_.notify_all();
      if (end_on_cancel_ && log_) log_->finish();
      return http::Response::json(dump_json(job_record("cancelling")));
    });
    start();
  }
  bool wait_for(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::optional<http::Stream> log_;
  bool cancelled_ = false;
  bool end_on_cancel_ = true;
};

TEST_F(ProcessTest, CtrlCAsksTheJobToStopAndIs130) {
  serve_running_job();
  const pid_t client = start_client({"--server", address, "run", "--", "sleep", "100"});
  ASSERT_TRUE(wait_for([&] { return log_.has_value(); }));
  ::kill(client, SIGINT);
  EXPECT_EQ(exit_code(client), 130);
  EXPECT_TRUE(cancelled_);
}

TEST_F(ProcessTest, ASecondCtrlCLeavesTheJobToItself) {
  end_on_cancel_ = false;
  serve_running_job();
  const pid_t client = start_client({"--server", address, "run", "--", "sleep", "100"});
  ASSERT_TRUE(wait_for([&] { return log_.has_value(); }));
  ::kill(client, SIGINT);
  ASSERT_TRUE(wait_for([&] { return cancelled_; }));
  ::kill(client, SIGINT);
  EXPECT_EQ(exit_code(client), 130);
  log_.reset();
}

TEST_F(ProcessTest, FollowingALogIsLeftByCtrlCWithoutCancelling) {
  serve_running_job();
  const pid_t client = start_client({"--server", address, "logs", "-f", kJobId});
  ASSERT_TRUE(wait_for([&] { return log_.has_value(); }));
  ::kill(client, SIGINT);
  EXPECT_EQ(exit_code(client), 130);
  EXPECT_FALSE(cancelled_);
}

TEST_F(ProcessTest, ExtraCommandsGetTheirWords) {
  EXPECT_EQ(exit_code(start_client({"--data", "d", "echo", "--help", "x"})), 4);
  EXPECT_EQ(exit_code(start_client({"bench", "http"})), 1);  // no galley-bench beside a test
}

}  // namespace
}  // namespace galley::cli::testing
