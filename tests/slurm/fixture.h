#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/fixture.h"
#include "base/text.h"
#include "slurm/bridge.h"
#include "slurm_cluster.h"

namespace galley::slurm {

using agent::FakeLink;
using protocol::AttemptState;
using ::testing::HasSubstr;

/// The one Slurm of a test program, of two nodes with 2 GPUs each; null where none is installed.
support::SlurmCluster* shared_cluster();

/// The sbatch that is found in PATH while a test program has a cluster: Slurm's own behind a script
/// that notes each call and does what a test says. One thread at a time.
class WatchedSbatch {
 public:
  enum class Mode {
    plain,
    hold,           // a call waits until the mode is another one, and is plain then
    keep_answer,    // Slurm takes an array, but nobody is told
    refuse_arrays,  // as a site does whose limits count tasks
  };
  static WatchedSbatch& instance();

  void set(Mode mode) const;
  /// The arguments of all calls since the last forget().
  std::vector<std::string> calls() const;
  bool wait_for_calls(std::size_t count) const;
  /// Until Slurm has taken what was sent in the mode keep_answer.
  bool wait_until_taken() const;
  void forget() const;

 private:
  WatchedSbatch();
  galley::testing::TempFolder folder_;
};

/// An agent that runs its attempts through a real Slurm, on a controller in memory.
class SlurmFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = shared_cluster();
    if (cluster_ == nullptr) GTEST_SKIP() << "Slurm is not installed";
    start_agent();
  }
  void TearDown() override {
    if (cluster_ == nullptr) return;
    WatchedSbatch::instance().set(WatchedSbatch::Mode::plain);
    stop_agent();
    // What a failed test left in Slurm must not reach the next.
    (void)cluster_->run({"scancel", "--user=" + std::to_string(::geteuid())});
    const auto idle = cluster_->wait_idle(2);
    EXPECT_TRUE(idle) << describe(idle.error());
  }

  void start_agent() {
    auto bridge = Bridge::start({.partition = "main",
                                 .supervisor_program = galley_job(),
                                 .poll_interval = Millis{100},
                                 .submit_timeout = submit_timeout_,
                                 .file_patience = Millis{500}});
    ASSERT_TRUE(bridge) << describe(bridge.error());
    bridge_ = *std::move(bridge);
    agent::Options options{.data_folder = temp_ / "data",
                           .supervisor_program = galley_job(),
                           .server = "http://localhost:1",
                           .job_token = [](const protocol::Assignment&) { return "s3cret"; },
                           .node_id = NodeId::trusted("node_1"),
                           .node_name = "slurm-main",
                           .heartbeat_interval = Millis{50},
                           .jobs_as = jobs_as_,
                           .runner = bridge_.get()};
    auto agent = agent::Agent::start(std::move(options), link_, *blobs_, system_clock());
    ASSERT_TRUE(agent) << describe(agent.error());
    agent_ = *std::move(agent);
  }
  /// As a kill: jobs and folders stay as they are.
  void stop_agent() {
    agent_.reset();
    bridge_.reset();
  }
  static std::filesystem::path galley_job() {
    return std::filesystem::path(GALLEY_BIN_DIR) / "galley-job";
  }

  agent::Agent::Assigned shell(const std::string& script) {
    agent::Agent::Assigned assigned;
    assigned.assignment.attempt_id = ids_.next<AttemptTag>();
    assigned.assignment.job_id = ids_.next<JobTag>();
    assigned.assignment.run_id = ids_.next<RunTag>();
    assigned.assignment.spec.command = {"/bin/sh", "-c", script};
    assigned.assignment.spec.name = "a test: with spaces";
    assigned.assignment.spec.executor = protocol::Executor::slurm;
    assigned.assignment.spec.grace = Millis{3'000};
    return assigned;
  }
  protocol::AttemptReport run(const agent::Agent::Assigned& assigned) {
    agent_->assign(assigned);
    return wait_for_end(assigned);
  }
  protocol::AttemptReport wait_for_end(const agent::Agent::Assigned& assigned) {
    const AttemptId& attempt = assigned.assignment.attempt_id;
    protocol::AttemptReport end;
    EXPECT_TRUE(link_.wait([&](const FakeLink& link) {
      if (link.end(attempt) == nullptr) return false;
      end = *link.end(attempt);
      return true;
    })) << "no final report";
    return end;
  }
  bool wait_for(const agent::Agent::Assigned& assigned, AttemptState state,
                const std::string& words = {}) {
    return link_.wait([&](const FakeLink& link) {
      return std::ranges::any_of(link.reports_, [&](const auto& report) {
        return report.attempt_id == assigned.assignment.attempt_id && report.state == state &&
               report.reason.find(words) != std::string::npos;
      });
    });
  }
  std::filesystem::path folder(const agent::Agent::Assigned& assigned) const {
    return temp_ / "data" / "attempts" / assigned.assignment.attempt_id.str();
  }
  std::string log(const agent::Agent::Assigned& assigned) const {
    return read_file(folder(assigned) / "log.head", 1 << 20).value_or("");
  }
  /// What squeue says of the jobs of an attempt: one line each.
  std::string in_slurm(const agent::Agent::Assigned& assigned, const std::string& format) const {
    const auto text = cluster_->run({"squeue", "-h", "-t", "all", "-o", "%k|" + format});
    std::string lines;
    const std::string comment = "galley:" + assigned.assignment.attempt_id.str() + "|";
    if (text)
      for (const auto line : split(*text, '\n'))
        if (line.starts_with(comment)) lines += std::string(line.substr(comment.size())) + "\n";
    return lines;
  }
  std::string job_number(const agent::Agent::Assigned& assigned) const {
    return std::string(trim(in_slurm(assigned, "%A")));
  }

  galley::testing::TempFolder temp_;
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
  Millis submit_timeout_{20'000};
  agent::JobsAs jobs_as_;
  FakeLink link_;
  IdSource ids_{system_clock()};
  support::SlurmCluster* cluster_ = nullptr;
  std::unique_ptr<Bridge> bridge_;
  std::unique_ptr<agent::Agent> agent_;
};

}  // namespace galley::slurm
