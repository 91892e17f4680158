#include "fixture.h"

namespace galley::controller {
namespace {

using protocol::AttemptState;
using protocol::DriverState;
using protocol::FaultReason;
using protocol::HealthRecord;
using protocol::HealthState;
using protocol::JobState;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class TestableAgent final : public AgentPort {
 public:
  void assign(Assign assign) override { fake.assign(std::move(assign)); }
  void cancel(const AttemptId& attempt) override { fake.cancel(attempt); }
  bool self_test(const protocol::SelfTestRequest& request) override {
    const std::lock_guard lock(mutex);
    tests.push_back(request.uuid);
    return true;
  }
  FakeAgent fake;
  std::mutex mutex;  // guards tests
  std::vector<std::string> tests;
};

class ControllerHealth : public ControllerFixture {
 protected:
  protocol::NodeSample sample() {
    protocol::NodeSample made;
    made.node = node().id;
    made.driver = DriverState::ok;
    for (int i = 0; i < 2; ++i) {
      protocol::GpuSample gpu;
      gpu.uuid = "GPU-" + std::to_string(i);
      gpu.index = i;
      gpu.ecc_uncorrected_volatile = 0;
      made.gpus.push_back(std::move(gpu));
    }
    return made;
  }
  void tell(const protocol::NodeSample& told) {
    controller_->samples(told);
    settle();
  }
  /// What was posted has been heard, and what it wrote is durable.
  void settle() {
    (void)controller_->guide(spec(), caller());  // asks the core, in its turn
    EXPECT_TRUE(database_->write([](store::Transaction&) { return ok(); }));
    (void)controller_->guide(spec(), caller());  // asks the core, in its turn
  }
  HealthRecord health(int index) {
    const auto records = controller_->health("n1");
    EXPECT_TRUE(records);
    for (const auto& record : *records)
      if (index < 0 ? !record.gpu : record.index == index) return record;
    return {};
  }
  protocol::JobSpec gpu_spec(std::int64_t gpus) {
    auto made = spec();
    made.resources.gpus = gpus;
    return made;
  }
  TestableAgent agent_;
};

TEST_F(ControllerHealth, AFaultyGpuIsGivenNoWorkItsJobGoesBackAndTheGpuReturns) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  auto healthy = sample();
  tell(healthy);
  const auto job = submitted(gpu_spec(1));
  const auto first = agent_.fake.assigned(0);
  ASSERT_TRUE(runs(first.assignment.attempt_id));
  const std::string held = first.assignment.device_ids.at(0);

  auto faulty = healthy;
  faulty.xids = {{48, "0000:1b:00", held, "NVRM: Xid (PCI:0000:1b:00): 48, DBE"}};
  tell(faulty);
  EXPECT_EQ(agent_.fake.cancelled(0), first.assignment.attempt_id);
  const int index = held == "GPU-0" ? 0 : 1;
  EXPECT_EQ(health(index).state, HealthState::excluded);
  EXPECT_EQ(health(index).reason, FaultReason::hardware_xid);
  EXPECT_THAT(health(index).evidence, HasSubstr("Xid"));
  EXPECT_EQ(health(index).owner, "automatic");
  EXPECT_EQ(count("select count(*) from health_events"), 1);
  EXPECT_EQ(count("select count(*) from devices where state = 'out_of_service'"), 1);

  // A program that failed on it is not to blame.
  ASSERT_TRUE(ends(first.assignment.attempt_id, AttemptState::failed, 1));
  const auto second = agent_.fake.assigned(1);
  EXPECT_EQ(second.assignment.job_id, job.id);
  EXPECT_NE(second.assignment.device_ids.at(0), held);
  EXPECT_EQ(second.assignment.attempt_number, 2);

  clock_.advance(Millis{60'000});
  for (int i = 0; i < 4; ++i) tell(healthy);
  EXPECT_EQ(health(index).state, HealthState::probing);
  EXPECT_THAT(agent_.tests, ::testing::ElementsAre(held));
  auto passed = healthy;
  passed.self_tests = {{held, true, ""}};
  tell(passed);
  EXPECT_EQ(health(index).state, HealthState::ok);
  const auto other = submitted(gpu_spec(1));
  EXPECT_EQ(agent_.fake.assigned(2).assignment.device_ids.at(0), held);
  EXPECT_EQ(count("select count(*) from devices where state = 'out_of_service'"), 0);
}

TEST_F(ControllerHealth, AFaultOfAProgramIsItsOwn) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  tell(sample());
  const auto job = submitted(gpu_spec(2));
  const auto assigned = agent_.fake.assigned(0);
  ASSERT_TRUE(runs(assigned.assignment.attempt_id));
  auto faulty = sample();
  faulty.xids = {{31, "0000:1b:00", "GPU-0", "NVRM: Xid (PCI:0000:1b:00): 31, MMU Fault"}};
  tell(faulty);
  EXPECT_EQ(health(0).state, HealthState::ok);
  EXPECT_EQ(health(0).notes, 1);
  ASSERT_TRUE(ends(assigned.assignment.attempt_id, AttemptState::failed, 1));
  EXPECT_EQ(this->job(job.id).state, JobState::failed);
}

TEST_F(ControllerHealth, HealthOutlivesTheController) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  auto faulty = sample();
  tell(faulty);
  faulty.gpus.pop_back();
  tell(faulty);
  EXPECT_EQ(health(1).state, HealthState::excluded);
  restart();
  TestableAgent again;
  ASSERT_TRUE(controller_->attach(node(), again));
  EXPECT_EQ(health(1).state, HealthState::excluded);
  EXPECT_EQ(health(1).reason, FaultReason::gpu_missing);
  const auto job = submitted(gpu_spec(1));
  EXPECT_EQ(again.fake.assigned(0).assignment.device_ids.at(0), "GPU-0");
  const auto waits = submitted(gpu_spec(1));
  settle();
  EXPECT_EQ(this->job(waits.id).state, JobState::queued);
  controller_.reset();
}

TEST_F(ControllerHealth, APersonDrainsAndResumes) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  const auto drained = controller_->drain("n1", {.reason = "new cooler"}, caller());
  ASSERT_TRUE(drained) << describe(drained.error());
  EXPECT_EQ(health(-1).state, HealthState::excluded);
  EXPECT_EQ(health(-1).owner, "tester");
  EXPECT_EQ(health(-1).next, "back when it is resumed");
  const auto job = submitted(spec());  // no GPU, and yet nothing is given
  settle();
  EXPECT_EQ(this->job(job.id).state, JobState::queued);
  ASSERT_TRUE(controller_->resume("n1", {}, caller()));
  EXPECT_EQ(agent_.fake.assigned(0).assignment.job_id, job.id);

  const auto twice = controller_->resume("n1", {}, caller());
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Errc::conflict);
  EXPECT_EQ(controller_->drain("n2", {.reason = "x"}, caller()).error().code, Errc::not_found);
  EXPECT_EQ(controller_->drain("n1", {.gpu = 7, .reason = "x"}, caller()).error().code,
            Errc::not_found);
}

TEST_F(ControllerHealth, ADrainMayEndByItself) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  ASSERT_TRUE(controller_->drain("n1", {.gpu = 0, .reason = "dust", .duration = Millis{7'200'000}},
                                 caller()));
  EXPECT_EQ(health(0).state, HealthState::excluded);
  EXPECT_EQ(health(0).next, "back in 2 h 0 min");
  EXPECT_EQ(health(1).state, HealthState::ok);
  clock_.advance(Millis{7'200'000});
  tell(sample());
  EXPECT_EQ(health(0).state, HealthState::ok);
}

TEST_F(ControllerHealth, ADriverThatHangsTakesTheGpusAndLeavesTheProcessors) {
  ASSERT_TRUE(controller_->attach(node(), agent_));
  tell(sample());
  protocol::NodeSample hung;
  hung.node = node().id;
  hung.driver = DriverState::hang;
  hung.driver_text = "nvidia-smi was killed";
  tell(hung);
  EXPECT_EQ(health(-1).state, HealthState::excluded);
  EXPECT_EQ(count("select count(*) from devices where state = 'out_of_service'"), 2);
  const auto job = submitted(spec());
  EXPECT_EQ(agent_.fake.assigned(0).assignment.job_id, job.id);
}

}  // namespace
}  // namespace galley::controller
