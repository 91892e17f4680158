#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/file.h"
#include "base/id.h"
#include "blobs/freeze.h"
#include "process/identity.h"
#include "support/gate.h"
#include "support/temp_folder.h"

namespace galley::agent {

using galley::testing::Gate;
using galley::testing::kPatience;

/// A controller in memory. Applies a progress report only at its offset, as the real one does, and
/// can be told to fail or to answer late. Thread-safe.
class FakeLink final : public ControllerLink {
 public:
  using Fault = std::function<std::optional<Error>(int call)>;

  void report(protocol::AttemptReport report, Done done) override {
    take(report_fault, report_calls_, std::move(done), [&] { reports_.push_back(report); });
  }
  void progress(protocol::ProgressReport report, std::vector<FrozenFile> files,
                Done done) override {
    std::optional<Error> refused;
    {
      const std::lock_guard lock(mutex_);
      if (report.from_offset != stored_[report.attempt_id])
        refused = Error{Errc::conflict, "another offset is stored"};
      else if (refuse_progress)
        refused = refuse_progress(report);
    }
    if (refused) {
      count([&] { ++refused_; });
      return done(*refused);
    }
    take(progress_fault, progress_calls_, std::move(done), [&] {
      stored_[report.attempt_id] = report.to_offset;
      std::ranges::copy(report.points, std::back_inserter(points_));
      std::ranges::copy(report.texts, std::back_inserter(texts_));
      std::ranges::copy(files, std::back_inserter(files_));
    });
  }
  void heartbeat(protocol::NodeRecord node) override {
    count([&] {
      ++heartbeats_;
      node_ = std::move(node);
    });
  }
  Result<blobs::Manifest> dataset(std::string_view reference) override {
    std::unique_lock lock(mutex_);
    ++dataset_calls_;
    changed_.notify_all();
    changed_.wait_for(lock, kPatience, [&] { return !hold_datasets_; });
    if (dataset_calls_ <= dataset_faults) return Error{Errc::unavailable, "not now"};
    const auto found = datasets.find(std::string(reference));
    if (found == datasets.end())
      return Error{Errc::not_found, "there is no data set " + std::string(reference)};
    return found->second;
  }

  /// Waits until the predicate, called under the lock, holds.
  bool wait(const std::function<bool(const FakeLink&)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return holds(*this); });
  }
  bool wait_for_end(const AttemptId& attempt) {
    return wait([&](const FakeLink& link) { return link.end(attempt) != nullptr; });
  }
  void hold_datasets(bool hold) {
    count([&] { hold_datasets_ = hold; });
  }
  /// Calls the answers that were held back.
  void answer_held() {
    std::vector<std::function<void()>> held;
    count([&] { held.swap(held_); });
    for (const auto& answer : held) answer();
  }
  void hold_answers(bool hold) {
    count([&] { hold_answers_ = hold; });
  }

  // Read under wait(), or when nothing runs any more.
  const protocol::AttemptReport* end(const AttemptId& attempt) const {
    const auto found = std::ranges::find_if(reports_, [&](const auto& report) {
      return report.attempt_id == attempt && is_final(report.state);
    });
    return found != reports_.end() ? &*found : nullptr;
  }
  std::size_t count_reports(protocol::AttemptState state) const {
    return static_cast<std::size_t>(
        std::ranges::count(reports_, state, &protocol::AttemptReport::state));
  }

  std::map<std::string, blobs::Manifest> datasets;
  int dataset_faults = 0;
  Fault report_fault;    // by number of the call, from 1; the message is not stored
  Fault progress_fault;  // likewise
  bool store_despite_fault = false;
  std::function<std::optional<Error>(const protocol::ProgressReport&)> refuse_progress;

  std::vector<protocol::AttemptReport> reports_;
  std::vector<protocol::ProgressReport::Point> points_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<FrozenFile> files_;
  std::map<AttemptId, std::int64_t> stored_;
  int report_calls_ = 0;
  int progress_calls_ = 0;
  int refused_ = 0;
  int heartbeats_ = 0;
  protocol::NodeRecord node_;  // of the last heartbeat
  int dataset_calls_ = 0;

 private:
  void count(const std::function<void()>& change) {
    {
      const std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  void take(const Fault& fault, int& calls, Done done, const std::function<void()>& store) {
    std::optional<Error> error;
    bool held = false;
    count([&] {
      error = fault ? fault(++calls) : std::optional<Error>{};
      if (!error || store_despite_fault) store();
      held = hold_answers_;
      if (held) held_.push_back([done, error] { done(error ? Status(*error) : ok()); });
    });
    if (!held) done(error ? Status(*error) : ok());
  }

  std::mutex mutex_;  // guards everything but what is set before the agent starts
  std::condition_variable changed_;
  bool hold_datasets_ = false;
  bool hold_answers_ = false;
  std::vector<std::function<void()>> held_;
};

/// An agent with real supervisors on a fake controller.
class AgentFixture : public ::testing::Test {
 protected:
  void SetUp() override { start_agent(); }
  void TearDown() override {
    // What a failed test left running must not outlive it.
    for (const AttemptId& attempt : started_)
      if (agent_ && link_.end(attempt) == nullptr) agent_->cancel(attempt);
    if (HasFailure())
      for (const AttemptId& attempt : started_) link_.wait_for_end(attempt);
    agent_.reset();
  }

  void start_agent() {
    Options options{.data_folder = temp_ / "data",
                    .supervisor_program = std::filesystem::path(GALLEY_BIN_DIR) / "galley-job",
                    .server = "http://localhost:1",
                    .job_token = [](const protocol::Assignment&) { return "secret"; },
                    .node_id = NodeId::trusted("node_1"),
                    .node_name = "here",
                    .heartbeat_interval = Millis{20}};
    adjust(options);
    auto agent = Agent::start(std::move(options), link_, *blobs_, system_clock());
    ASSERT_TRUE(agent) << describe(agent.error());
    agent_ = *std::move(agent);
  }

  virtual void adjust(Options&) {}

  Agent::Assigned command(std::vector<std::string> argv) {
    Agent::Assigned assigned;
    assigned.assignment.attempt_id = ids_.next<AttemptTag>();
    assigned.assignment.job_id = ids_.next<JobTag>();
    assigned.assignment.run_id = ids_.next<RunTag>();
    assigned.assignment.spec.command = std::move(argv);
    started_.push_back(assigned.assignment.attempt_id);
    return assigned;
  }
  Agent::Assigned shell(const std::string& script) { return command({"/bin/sh", "-c", script}); }

  /// Runs it to its end and answers how that was.
  protocol::AttemptReport run(const Agent::Assigned& assigned) {
    agent_->assign(assigned);
    return wait_for_end(assigned);
  }
  protocol::AttemptReport wait_for_end(const Agent::Assigned& assigned) {
    const AttemptId& attempt = assigned.assignment.attempt_id;
    protocol::AttemptReport end;
    const bool ended = link_.wait([&](const FakeLink& link) {
      if (link.end(attempt) == nullptr) return false;
      end = *link.end(attempt);
      return true;
    });
    EXPECT_TRUE(ended) << "no final report";
    return end;
  }
  std::string log(const Agent::Assigned& assigned) const {
    return read_file(agent_->attempt_folder(assigned.assignment.attempt_id) / "log.head", 1 << 20)
        .value_or("");
  }

  galley::testing::TempFolder temp_;
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
  FakeLink link_;
  IdSource ids_{system_clock()};
  std::vector<AttemptId> started_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace galley::agent
