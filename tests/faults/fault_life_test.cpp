// A GPU dies and comes back, with a real agent, real jobs and a real controller.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "agent/agent.h"
#include "base/file.h"
#include "cluster/gpu_query.h"
#include "controller/controller.h"
#include "support/temp_folder.h"

namespace galley {
namespace {

using protocol::HealthState;
using protocol::JobState;

class Link final : public agent::ControllerLink {
 public:
  explicit Link(controller::Controller& controller) : controller_(controller) {}
  void report(protocol::AttemptReport report, Done done) override {
    controller_.report(std::move(report), std::move(done));
  }
  void progress(protocol::ProgressReport report, std::vector<agent::FrozenFile>,
                Done done) override {
    controller_.progress(std::move(report), {}, std::move(done));
  }
  void heartbeat(protocol::NodeRecord node) override { controller_.heartbeat(std::move(node)); }
  void samples(protocol::NodeSample sample) override {
    controller_.samples(std::move(sample));
    const std::lock_guard lock(mutex_);
    ++looks_;
    changed_.notify_all();
  }
  Result<blobs::Manifest> dataset(std::string_view) override {
    return Error{Errc::not_found, "no data sets here"};
  }
  /// After each look, until it holds.
  bool wait(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    std::unique_lock lock(mutex_);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto seen = looks_;
      lock.unlock();
      if (holds()) return true;
      lock.lock();
      changed_.wait_until(lock, deadline, [&] { return looks_ != seen; });
    }
    return false;
  }

 private:
  controller::Controller& controller_;
  std::mutex mutex_;  // guards looks_
  std::condition_variable changed_;
  int looks_ = 0;
};

class Port final : public controller::AgentPort {
 public:
  void assign(Assign assign) override {
    agent->assign({std::move(assign.assignment), assign.expected_running, assign.progress_offset});
  }
  void cancel(const AttemptId& attempt) override { agent->cancel(attempt); }
  bool self_test(const protocol::SelfTestRequest& request) override {
    agent->self_test(request);
    return true;
  }
  agent::Agent* agent = nullptr;
};

class FaultLife : public ::testing::Test {
 protected:
  void SetUp() override {
    show_gpus({0, 1});
    // The first inventory asks for other fields than the samples do: each gets its own file.
    ASSERT_TRUE(write_file_atomic(temp_ / "smi",
                                  "#!/bin/sh\ncase \"$1\" in\n*pci.bus_id*) cat " +
                                      (temp_ / "rows").string() + ";;\n--query-gpu=*) cat " +
                                      (temp_ / "inventory").string() + ";;\n*) exit 2;;\nesac\n",
                                  Durability::memory, 0755));
    auto database = store::open_sqlite({.path = (temp_ / "galley.db").string(), .durable = false});
    ASSERT_TRUE(database) << describe(database.error());
    database_ = *std::move(database);
    auto controller = controller::Controller::start(*database_, clock_, ids_, "test");
    ASSERT_TRUE(controller) << describe(controller.error());
    controller_ = *std::move(controller);
    link_ = std::make_unique<Link>(*controller_);
    auto agent = agent::Agent::start(
        {.data_folder = temp_ / "data",
         .supervisor_program = std::filesystem::path(GALLEY_BIN_DIR) / "galley-job",
         .server = "http://localhost:1",
         .job_token = [](const protocol::Assignment&) { return "secret"; },
         .node_id = *controller_->node_id("n1"),
         .node_name = "n1",
         .heartbeat_interval = Millis{50},
         .topology = {},
         .shareable_gpus = {},
         .sample_interval = Millis{50},
         .smi_program = (temp_ / "smi").string(),
         .kernel_log = temp_ / "kern.log",
         .self_test = {}},
        *link_, *blobs_, system_clock());
    ASSERT_TRUE(agent) << describe(agent.error());
    agent_ = *std::move(agent);
    port_.agent = agent_.get();
    ASSERT_TRUE(controller_->attach(agent_->node(), port_));
  }
  void TearDown() override {
    if (controller_ && job_)
      if (controller_->cancel(*job_, {.principal = "t", .request_id = "r"}))
        (void)link_->wait([&] { return is_final(controller_->job(*job_)->state); });
    if (controller_) controller_->stop();
    agent_.reset();
  }

  void show_gpus(const std::vector<int>& indices) {
    std::string rows;
    std::string inventory;
    const cluster::GpuQuery query;
    for (const int index : indices) {
      std::string line;
      for (const auto& field : query.fields()) {
        std::string value = "[N/A]";
        if (field == "index") value = std::to_string(index);
        if (field == "uuid") value = "GPU-" + std::to_string(index);
        if (field == "pci.bus_id") value = "00000000:" + std::to_string(index + 3) + "B:00.0";
        if (field == "memory.total") value = "16384";
        if (field == "name") value = "T4";
        line += (line.empty() ? "" : ", ") + value;
      }
      rows += line + "\n";
      inventory += std::to_string(index) + ", GPU-" + std::to_string(index) +
                   ", T4, 16384, 0, 0, 40, 30, 0\n";
    }
    ASSERT_TRUE(write_file_atomic(temp_ / "rows", rows, Durability::memory));
    ASSERT_TRUE(write_file_atomic(temp_ / "inventory", inventory, Durability::memory));
  }
  HealthState state(int gpu) {
    const auto records = controller_->health("n1");
    for (const auto& record : *records)
      if (record.index == gpu) return record.state;
    return HealthState::ok;
  }

  testing::TempFolder temp_;
  ManualClock clock_;  // the controller's: a minute's wait is one call
  IdSource ids_{clock_, 1};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
  std::unique_ptr<controller::Controller> controller_;
  std::unique_ptr<Link> link_;
  Port port_;
  std::unique_ptr<agent::Agent> agent_;
  std::optional<JobId> job_;
};

TEST_F(FaultLife, AGpuDiesItsJobMovesAndItReturnsByItself) {
  protocol::JobSpec spec;
  spec.name = "train";
  spec.command = {"sleep", "600"};
  spec.resources.gpus = 1;
  const auto accepted = controller_->submit(spec, {.principal = "t", .request_id = "r"});
  ASSERT_TRUE(accepted) << describe(accepted.error());
  job_ = accepted->job.id;
  const auto attempts = [&] { return *controller_->attempts(*job_); };
  ASSERT_TRUE(link_->wait([&] { return controller_->job(*job_)->state == JobState::running; }));
  const std::string held = attempts().at(0).device_ids.at(0);
  const int dead = held == "GPU-0" ? 0 : 1;

  show_gpus({1 - dead});
  ASSERT_TRUE(link_->wait([&] { return state(dead) == HealthState::excluded; }));
  ASSERT_TRUE(link_->wait([&] {
    return controller_->job(*job_)->attempts == 2 &&
           controller_->job(*job_)->state == JobState::running;
  }));
  for (const auto& attempt : attempts())
    if (attempt.number == 1)
      EXPECT_EQ(attempt.state, protocol::AttemptState::lost);
    else
      EXPECT_THAT(attempt.device_ids, ::testing::ElementsAre("GPU-" + std::to_string(1 - dead)));

  show_gpus({0, 1});
  clock_.advance(Millis{60'000});
  EXPECT_TRUE(link_->wait([&] { return state(dead) == HealthState::ok; }));
  EXPECT_TRUE(link_->wait([&] {
    const auto nodes = controller_->nodes();
    return std::ranges::all_of(nodes.at(0).devices,
                               [](const auto& device) { return device.state == "in_service"; });
  }));
}

}  // namespace
}  // namespace galley
