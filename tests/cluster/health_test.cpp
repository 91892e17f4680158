#include "cluster/health.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>
#include <set>

namespace galley::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const NodeId kNode = NodeId::trusted("node_1");
const Subject kGpu{kNode, "GPU-0"};
const Subject kWhole{kNode};

Evidence fault(const Subject& subject, Severity severity,
               FaultReason reason = FaultReason::hardware_xid) {
  return {subject, reason, severity, "Xid 48"};
}

class HealthTest : public ::testing::Test {
 protected:
  HealthOutcome apply(const HealthEvent& event) { return core_.apply(event, now_); }
  HealthOutcome pass(Millis time) {
    now_ += time;
    return apply(TimePassed{});
  }
  void see_well(const Subject& subject, int looks = 3) {
    for (int i = 0; i < looks; ++i) (void)apply(SeenWell{subject});
  }
  HealthState state(const Subject& subject = kGpu) const { return core_.find(subject)->state; }
  void fill(int gpus) {
    for (int i = 0; i < gpus; ++i) (void)apply(SeenWell{{kNode, "GPU-" + std::to_string(i)}});
  }

  HealthCore core_;
  WallTime now_{Millis{1'000'000'000}};
};

TEST_F(HealthTest, AHardwareFaultExcludesAndASelfTestLeadsBack) {
  (void)apply(UseChanged{kGpu, true});
  const auto out = apply(fault(kGpu, Severity::exclude));
  ASSERT_THAT(out.transitions, SizeIs(1));
  EXPECT_EQ(out.transitions[0].now.state, HealthState::excluded);
  EXPECT_EQ(out.transitions[0].now.owner, kAutomatic);
  EXPECT_THAT(out.evictions, ElementsAre(kGpu));
  EXPECT_FALSE(core_.may_give(kNode, "GPU-0"));

  (void)apply(UseChanged{kGpu, false});
  see_well(kGpu);
  EXPECT_THAT(pass(Millis{59'000}).self_tests, IsEmpty());
  EXPECT_THAT(pass(Millis{1'000}).self_tests, ElementsAre(kGpu));
  EXPECT_EQ(state(), HealthState::probing);
  EXPECT_FALSE(core_.may_give(kNode, "GPU-0"));
  (void)apply(SelfTestEnded{kGpu, true});
  EXPECT_EQ(state(), HealthState::ok);
  EXPECT_TRUE(core_.may_give(kNode, "GPU-0"));
  EXPECT_EQ(core_.counted(true), 0);
}

TEST_F(HealthTest, WhatRunsOnADrainingGpuMayFinish) {
  (void)apply(UseChanged{kGpu, true});
  EXPECT_THAT(apply(fault(kGpu, Severity::drain)).evictions, IsEmpty());
  EXPECT_EQ(state(), HealthState::draining);
  EXPECT_FALSE(core_.may_give(kNode, "GPU-0"));
  (void)apply(UseChanged{kGpu, false});
  EXPECT_EQ(state(), HealthState::excluded);
}

TEST_F(HealthTest, AFaultThatGetsWorseWhileDrainingEvicts) {
  (void)apply(UseChanged{kGpu, true});
  (void)apply(fault(kGpu, Severity::drain));
  EXPECT_THAT(apply(fault(kGpu, Severity::gone)).evictions, ElementsAre(kGpu));
  EXPECT_EQ(state(), HealthState::excluded);
}

TEST_F(HealthTest, NotesAreCountedAndChangeNothing) {
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(apply(fault(kGpu, Severity::note, FaultReason::user_xid)).transitions, IsEmpty());
  EXPECT_EQ(state(), HealthState::ok);
  EXPECT_EQ(core_.find(kGpu)->notes, 100);
}

TEST_F(HealthTest, ADoubtMustLast) {
  for (int i = 0; i < 11; ++i) (void)apply(fault(kGpu, Severity::doubt));
  EXPECT_EQ(state(), HealthState::suspect);
  EXPECT_TRUE(core_.may_give(kNode, "GPU-0"));
  see_well(kGpu);
  EXPECT_EQ(state(), HealthState::ok);
  for (int i = 0; i < 12; ++i) (void)apply(fault(kGpu, Severity::doubt));
  EXPECT_EQ(state(), HealthState::excluded);
}

TEST_F(HealthTest, PastTheCapAGpuStaysSuspectUntilThereIsRoom) {
  fill(19);  // the cap is 1
  const Subject second{kNode, "GPU-1"};
  (void)apply(fault(kGpu, Severity::exclude));
  const auto out = apply(fault(second, Severity::exclude));
  EXPECT_EQ(state(second), HealthState::suspect);
  EXPECT_THAT(out.alarms, ElementsAre(HasSubstr("stays in service")));
  EXPECT_THAT(apply(fault(second, Severity::exclude)).alarms, IsEmpty());
  // What is gone is gone.
  (void)apply(fault({kNode, "GPU-2"}, Severity::gone));
  EXPECT_EQ(state({kNode, "GPU-2"}), HealthState::excluded);

  see_well(kGpu);
  (void)pass(Millis{60'000});
  (void)apply(SelfTestEnded{kGpu, true});
  EXPECT_EQ(state(second), HealthState::excluded);
}

TEST_F(HealthTest, FailingTestsWaitLonger) {
  (void)apply(fault(kGpu, Severity::exclude));
  Millis wait{60'000};
  for (int i = 0; i < 8; ++i) {
    see_well(kGpu);
    EXPECT_THAT(pass(wait - Millis{1}).self_tests, IsEmpty()) << i;
    EXPECT_THAT(pass(Millis{1}).self_tests, SizeIs(1)) << i;
    (void)apply(SelfTestEnded{kGpu, false, "the program ended with code 1"});
    EXPECT_EQ(state(), HealthState::excluded);
    wait = std::min(wait * 2, Millis{3'600'000});
  }
  EXPECT_EQ(core_.find(kGpu)->reason, FaultReason::self_test_failed);
}

TEST_F(HealthTest, ASelfTestWithoutAnAnswerHasFailed) {
  (void)apply(fault(kGpu, Severity::exclude));
  see_well(kGpu);
  (void)pass(Millis{60'000});
  EXPECT_EQ(state(), HealthState::probing);
  EXPECT_EQ(core_.wake_at(), now_ + Millis{600'000});
  (void)pass(Millis{600'000});
  EXPECT_EQ(state(), HealthState::excluded);
  EXPECT_THAT(core_.find(kGpu)->evidence, HasSubstr("no answer"));
}

TEST_F(HealthTest, WhatIsStillFaultyIsNotTested) {
  (void)apply(fault(kGpu, Severity::exclude));
  see_well(kGpu, 2);
  (void)apply(fault(kGpu, Severity::exclude));
  EXPECT_THAT(pass(Millis{3'600'000}).self_tests, IsEmpty());
  EXPECT_EQ(core_.wake_at(), std::nullopt);
  (void)apply(SeenWell{kGpu});
  (void)apply(SeenWell{kGpu});
  EXPECT_THAT(apply(SeenWell{kGpu}).self_tests, ElementsAre(kGpu));
}

TEST_F(HealthTest, AFlappingGpuEndsInAQuarantineThatGrows) {
  std::vector<Millis> waits;
  for (int i = 0; i < 5; ++i) {
    const auto out = apply(fault(kGpu, Severity::exclude));
    EXPECT_EQ(core_.find(kGpu)->quarantined, i >= 2);
    EXPECT_EQ(out.alarms.size(), i >= 2 ? 1U : 0U);
    waits.push_back(*core_.find(kGpu)->next_test_at - now_);
    see_well(kGpu);
    (void)pass(waits.back());
    (void)apply(SelfTestEnded{kGpu, true});
    EXPECT_EQ(state(), HealthState::ok);
  }
  const Millis hour{3'600'000};
  EXPECT_THAT(waits, ElementsAre(Millis{60'000}, Millis{240'000}, 6 * hour, 12 * hour, 24 * hour));
}

TEST_F(HealthTest, APersonsDrainIsEndedOnlyByPersonsAndByItsTime) {
  (void)apply(UseChanged{kWhole, true});
  (void)apply(DrainAsked{kWhole, "ann", "new cooler", now_ + Millis{7'200'000}});
  EXPECT_EQ(state(kWhole), HealthState::draining);
  EXPECT_TRUE(core_.is_drained(kNode));
  (void)apply(UseChanged{kWhole, false});
  see_well(kWhole, 10);
  (void)pass(Millis{7'199'999});
  EXPECT_EQ(state(kWhole), HealthState::excluded);
  EXPECT_EQ(next_step(*core_.find(kWhole), now_), "back in 1 ms");
  (void)pass(Millis{1});
  EXPECT_EQ(state(kWhole), HealthState::ok);

  (void)apply(DrainAsked{kWhole, "ann", "again"});
  (void)apply(ResumeAsked{kWhole, "bob"});
  EXPECT_EQ(state(kWhole), HealthState::ok);
}

TEST_F(HealthTest, WhatBrokeWhileDrainedIsTestedBeforeItReturns) {
  fill(1);
  (void)apply(DrainAsked{kGpu, "ann", "dust"});
  (void)apply(fault(kGpu, Severity::exclude));
  EXPECT_EQ(core_.find(kGpu)->owner, "ann");
  see_well(kGpu);
  EXPECT_THAT(apply(ResumeAsked{kGpu, "ann"}).self_tests, ElementsAre(kGpu));
  EXPECT_EQ(state(), HealthState::probing);
}

TEST_F(HealthTest, AForcedReturnHoldsAgainstTheSameFault) {
  (void)apply(fault(kGpu, Severity::drain, FaultReason::row_remap_pending));
  (void)apply(ResumeAsked{kGpu, "ann", true});
  (void)apply(fault(kGpu, Severity::drain, FaultReason::row_remap_pending));
  EXPECT_EQ(state(), HealthState::ok);
  (void)apply(fault(kGpu, Severity::exclude, FaultReason::ecc_uncorrected));
  EXPECT_EQ(state(), HealthState::excluded);
}

TEST_F(HealthTest, ADriverInTroubleTakesAllGpusOfItsNode) {
  fill(2);
  (void)apply(fault(kWhole, Severity::exclude, FaultReason::driver_hang));
  EXPECT_FALSE(core_.may_give(kNode, "GPU-1"));
  EXPECT_FALSE(core_.is_drained(kNode));
}

/// One integer reproduces a failure: GALLEY_SEED=17 runs that one alone.
TEST(HealthProperties, HoldForRandomHistories) {
  const char* chosen = std::getenv("GALLEY_SEED");
  const std::uint64_t first = chosen ? std::strtoull(chosen, nullptr, 10) : 1;
  const std::uint64_t last = chosen ? first : 400;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
    HealthCore core;
    WallTime now{Millis{1'000'000'000}};
    std::vector<Subject> subjects;
    const std::size_t nodes = 1 + pick(6);
    for (std::size_t n = 0; n < nodes; ++n) {
      const NodeId node = NodeId::trusted("node_" + std::to_string(n));
      subjects.push_back({node});
      for (std::size_t g = 0; g < 8; ++g)
        subjects.push_back({node, node.str() + "-GPU-" + std::to_string(g)});
    }
    for (const Subject& subject : subjects) (void)core.apply(SeenWell{subject}, now);
    std::set<Subject> had_hardware_fault;
    const auto check = [&](const HealthOutcome& outcome) {
      for (const bool gpus : {false, true}) ASSERT_LE(core.counted(gpus), core.cap(gpus));
      std::int64_t counted[2] = {0, 0};
      for (const auto& [subject, health] : core.all()) {
        const bool automatic_out = is_out(health.state) && health.owner == kAutomatic;
        ASSERT_TRUE(!automatic_out || had_hardware_fault.contains(subject));
        ASSERT_TRUE(!automatic_out || health.gone || health.counted);
        counted[subject.gpu.empty() ? 0 : 1] += health.counted ? 1 : 0;
      }
      ASSERT_EQ(counted[0], core.counted(false));
      ASSERT_EQ(counted[1], core.counted(true));
      for (const auto& transition : outcome.transitions) ASSERT_TRUE(transition.now.since == now);
    };
    for (int step = 0; step < 400; ++step) {
      now += Millis{static_cast<std::int64_t>(pick(120'000))};
      const Subject subject = subjects[pick(subjects.size())];
      HealthEvent event = TimePassed{};
      switch (pick(9)) {
        case 0: {
          const auto severity = static_cast<Severity>(1 + pick(4));
          event = fault(subject, severity);
          had_hardware_fault.insert(subject);
          break;
        }
        case 1:
          event = fault(subject, Severity::note, FaultReason::user_xid);
          break;
        case 2:
          event = UseChanged{subject, pick(2) == 0};
          break;
        case 3:
          event = SelfTestEnded{subject, pick(3) != 0, "no"};
          break;
        case 4:
          if (pick(4) == 0)
            event = DrainAsked{subject, "ann", "why",
                               pick(2) == 0 ? std::nullopt : std::optional(now + Millis{600'000})};
          break;
        case 5:
          event = ResumeAsked{subject, "ann", pick(4) == 0};
          break;
        case 6:
          break;
        default:
          event = SeenWell{subject};
      }
      check(core.apply(event, now));
      if (::testing::Test::HasFatalFailure()) return;
    }
    // All is repaired, nothing is held, tests pass: in the end everything works again.
    for (const Subject& subject : subjects) {
      (void)core.apply(UseChanged{subject, false}, now);
      (void)core.apply(ResumeAsked{subject, "ann"}, now);
    }
    for (int round = 0; round < 200; ++round) {
      now += Millis{3'600'000};
      std::vector<Subject> tests;
      const auto take = [&](const HealthOutcome& outcome) {
        tests.insert(tests.end(), outcome.self_tests.begin(), outcome.self_tests.end());
      };
      for (const auto& [subject, health] : core.all())
        if (health.state == HealthState::probing) tests.push_back(subject);
      for (const Subject& subject : subjects)
        for (int i = 0; i < 3; ++i) take(core.apply(SeenWell{subject}, now));
      take(core.apply(TimePassed{}, now));
      for (const Subject& subject : tests) check(core.apply(SelfTestEnded{subject, true}, now));
      if (::testing::Test::HasFatalFailure()) return;
    }
    for (const auto& [subject, health] : core.all())
      ASSERT_EQ(health.state, HealthState::ok)
          << subject.node.str() << " " << subject.gpu << " " << next_step(health, now);
  }
}

}  // namespace
}  // namespace galley::cluster
