#include "cluster/sample_judge.h"

#include <gmock/gmock.h>

#include "smi_texts.h"

namespace galley::cluster {
namespace {

using protocol::DriverState;
using protocol::NodeSample;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SampleJudgeTest : public ::testing::Test {
 protected:
  SampleJudgeTest() {
    sample_.node = NodeId::trusted("node_1");
    sample_.driver = DriverState::ok;
    sample_.gpus = {SmiTexts::gpu(0), SmiTexts::gpu(1)};
    (void)judge_.judge(sample_);
  }
  std::vector<Evidence> evidence(const std::vector<std::string>& given = {}) {
    std::vector<Evidence> found;
    for (const auto& event : judge_.judge(sample_, given))
      if (const auto* one = std::get_if<Evidence>(&event)) found.push_back(*one);
    return found;
  }
  /// What the one piece of evidence asks for.
  Severity severity() {
    const auto found = evidence();
    EXPECT_THAT(found, SizeIs(1));
    return found.empty() ? Severity::note : found[0].severity;
  }

  SampleJudge judge_;
  NodeSample sample_;
};

TEST_F(SampleJudgeTest, AHealthyNodeIsSeenWell) {
  EXPECT_THAT(evidence(), IsEmpty());
  EXPECT_THAT(judge_.judge(sample_), SizeIs(3));  // the driver and two GPUs
}

TEST_F(SampleJudgeTest, CountersTellByTheirGrowth) {
  sample_.gpus[0].ecc_uncorrected_volatile = 1;
  EXPECT_EQ(severity(), Severity::exclude);
  EXPECT_THAT(evidence(), IsEmpty());
  sample_.gpus[0].ecc_uncorrected_volatile = 0;  // the driver was loaded again
  EXPECT_THAT(evidence(), IsEmpty());
  sample_.gpus[0].ecc_corrected_volatile = 5'000;
  EXPECT_EQ(severity(), Severity::doubt);
}

TEST_F(SampleJudgeTest, WhatWasThereAtFirstSightIsHistory) {
  sample_.node = NodeId::trusted("node_2");
  sample_.gpus[0].ecc_uncorrected_volatile = 7;
  EXPECT_THAT(evidence(), IsEmpty());
}

TEST_F(SampleJudgeTest, RowsPagesAndLinksTellByWhatTheyAre) {
  sample_.gpus[0].remapped_rows_pending = true;
  EXPECT_EQ(severity(), Severity::drain);
  sample_.gpus[0].remapped_rows_failure = true;
  EXPECT_EQ(severity(), Severity::exclude);
  sample_.gpus[0].remapped_rows_pending = sample_.gpus[0].remapped_rows_failure = false;
  sample_.gpus[0].retired_pages_pending = true;
  EXPECT_EQ(severity(), Severity::drain);
  sample_.gpus[0].retired_pages_pending = false;
  sample_.gpus[0].nvlinks_active = 18;
  EXPECT_THAT(evidence(), IsEmpty());
  sample_.gpus[0].nvlinks_active = 17;
  EXPECT_EQ(severity(), Severity::drain);
}

TEST_F(SampleJudgeTest, HeatIsADoubtAndOrdinaryThrottlingIsNot) {
  for (const std::int64_t ordinary : {0x1, 0x2, 0x4, 0x10, 0x20, 0x100}) {
    sample_.gpus[0].throttle_reasons = ordinary;
    EXPECT_THAT(evidence(), IsEmpty()) << ordinary;
  }
  for (const std::int64_t hard : {0x8, 0x40, 0x48, 0x80, 0x88}) {
    sample_.gpus[0].throttle_reasons = hard;
    EXPECT_EQ(severity(), Severity::doubt) << hard;
  }
}

TEST_F(SampleJudgeTest, AMissingGpuIsGoneAndAnExpectedOneToo) {
  sample_.gpus.pop_back();
  const auto found = evidence();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].severity, Severity::gone);
  EXPECT_EQ(found[0].subject.gpu, SmiTexts::gpu(1).uuid);
  judge_.expect(sample_.node, {"GPU-of-inventory"});
  EXPECT_THAT(evidence(), SizeIs(2));
}

TEST_F(SampleJudgeTest, ADriverInTroubleBlamesNoGpu) {
  sample_.driver = DriverState::hang;
  sample_.gpus.clear();
  auto found = evidence();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].subject.gpu, "");
  EXPECT_EQ(found[0].severity, Severity::exclude);
  sample_.driver = DriverState::absent;
  EXPECT_EQ(severity(), Severity::drain);
  // A machine without GPUs needs no driver.
  sample_.node = NodeId::trusted("node_cpu");
  EXPECT_THAT(evidence(), IsEmpty());
}

TEST_F(SampleJudgeTest, XidsBlameTheirGpu) {
  sample_.xids = {{48, "0000:1b:00", sample_.gpus[0].uuid, "Xid 48"},
                  {31, "0000:2b:00", sample_.gpus[1].uuid, "Xid 31"},
                  {79, "0000:99:00", "", "Xid 79 of what is not ours"}};
  const auto found = evidence();
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].severity, Severity::exclude);
  EXPECT_EQ(found[1].severity, Severity::note);
  EXPECT_EQ(found[2].severity, Severity::note);
  EXPECT_EQ(found[2].subject.gpu, "");
}

TEST_F(SampleJudgeTest, AStrangerOnAGivenGpuIsNotedOnce) {
  sample_.gpus[0].processes = {{.pid = 42, .name = "miner", .user = "eve"}};
  EXPECT_THAT(evidence(), IsEmpty());  // nobody holds it
  const auto found = evidence({sample_.gpus[0].uuid});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].reason, FaultReason::unknown_process);
  EXPECT_EQ(found[0].severity, Severity::note);
  EXPECT_THAT(found[0].text, HasSubstr("process 42 (miner) of eve"));
  EXPECT_THAT(evidence({sample_.gpus[0].uuid}), IsEmpty());
  sample_.gpus[0].processes[0].attempt = AttemptId::trusted("att_1");
  EXPECT_THAT(evidence({sample_.gpus[0].uuid}), IsEmpty());
}

TEST_F(SampleJudgeTest, UnreadableValuesDrainALostGpuIsGone) {
  sample_.gpus[0].unreadable_fields = 2;
  EXPECT_THAT(evidence(), IsEmpty());
  sample_.gpus[0].unreadable_fields = 3;
  EXPECT_EQ(severity(), Severity::drain);
  sample_.gpus[0].lost = true;
  EXPECT_EQ(severity(), Severity::gone);
}

}  // namespace
}  // namespace galley::cluster
