#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "controller/controller.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::controller {

/// An agent that only remembers what it was told; tests wait for the n-th message.
class FakeAgent final : public AgentPort {
 public:
  void assign(Assign assign) override {
    const std::lock_guard lock(mutex_);
    assigns_.push_back(std::move(assign));
    changed_.notify_all();
  }
  void cancel(const AttemptId& attempt) override {
    const std::lock_guard lock(mutex_);
    cancels_.push_back(attempt);
    changed_.notify_all();
  }

  /// The assignment that came as the n-th (from 0).
  Assign assigned(std::size_t n) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kPatience, [&] { return assigns_.size() > n; });
    EXPECT_TRUE(came) << "assignment " << n << " never came";
    return came ? assigns_[n] : Assign{};
  }
  AttemptId cancelled(std::size_t n) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kPatience, [&] { return cancels_.size() > n; });
    EXPECT_TRUE(came) << "cancellation " << n << " never came";
    return came ? cancels_[n] : AttemptId{};
  }
  std::size_t assign_count() {
    const std::lock_guard lock(mutex_);
    return assigns_.size();
  }

 private:
  static constexpr std::chrono::seconds kPatience{20};
  std::mutex mutex_;  // guards the two lists
  std::condition_variable changed_;
  std::vector<Assign> assigns_;
  std::vector<AttemptId> cancels_;
};

inline protocol::JobSpec spec(std::vector<std::string> command = {"true"}) {
  protocol::JobSpec made;
  made.name = command.front();
  made.command = std::move(command);
  return made;
}

inline Caller caller() { return {.principal = "tester", .request_id = "req"}; }

/// A controller on a real database file with one node of 4 processors and 2 GPUs, and a clock that
/// stands still.
class ControllerFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    open_database();
    start_controller();
  }

  void open_database() {
    auto database = testing::open_database(folder_.path());
    ASSERT_TRUE(database) << describe(database.error());
    database_ = *std::move(database);
  }
  void start_controller() {
    auto controller = Controller::start(*database_, clock_, ids_, "test");
    ASSERT_TRUE(controller) << describe(controller.error());
    controller_ = *std::move(controller);
  }
  /// As after a kill: the objects go, the file stays.
  void restart() {
    controller_.reset();
    database_.reset();
    open_database();
    start_controller();
  }

  protocol::NodeRecord node() {
    protocol::NodeRecord record;
    record.id = *controller_->node_id("n1");
    record.name = "n1";
    record.cpus = 4;
    record.memory_bytes = std::int64_t{8} << 30;
    for (int i = 0; i < 2; ++i)
      record.devices.push_back({.id = "GPU-" + std::to_string(i), .index = i, .model = "H100"});
    return record;
  }
  void attach(FakeAgent& agent) { ASSERT_TRUE(controller_->attach(node(), agent)); }

  protocol::JobRecord submitted(protocol::JobSpec job_spec, const Caller& by = caller()) {
    auto accepted = controller_->submit(std::move(job_spec), by);
    EXPECT_TRUE(accepted) << describe(accepted.error());
    return accepted ? accepted->job : protocol::JobRecord{};
  }

  Status report(protocol::AttemptReport report) {
    std::promise<Status> stored;
    controller_->report(std::move(report),
                        [&](Status status) { stored.set_value(std::move(status)); });
    return stored.get_future().get();
  }
  Status runs(const AttemptId& attempt) {
    return report({.attempt_id = attempt, .state = protocol::AttemptState::running});
  }
  Status ends(const AttemptId& attempt, protocol::AttemptState state, std::int64_t exit_code = 0) {
    return report({.attempt_id = attempt, .state = state, .exit_code = exit_code, .log_bytes = 7});
  }
  Status lost(const AttemptId& attempt) {
    return report({.attempt_id = attempt,
                   .state = protocol::AttemptState::lost,
                   .reason = "the machine died"});
  }
  Status progress(protocol::ProgressReport progress_report) {
    std::promise<Status> stored;
    controller_->progress(std::move(progress_report), {},
                          [&](Status status) { stored.set_value(std::move(status)); });
    return stored.get_future().get();
  }

  protocol::JobRecord job(const JobId& id) {
    auto found = controller_->job(id);
    EXPECT_TRUE(found);
    return found ? *found : protocol::JobRecord{};
  }
  std::vector<std::string> states_told(const JobId& id) {
    std::vector<std::string> states;
    const auto events = controller_->job_events(id);
    EXPECT_TRUE(events);
    for (const auto& event : *events) states.push_back(event.data["state"]);
    return states;
  }
  std::int64_t count(std::string_view sql) {
    std::int64_t number = -1;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(auto row, transaction.query_one(sql));
      number = row->integer(0);
      return ok();
    }));
    return number;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Controller> controller_;
};

}  // namespace galley::controller
