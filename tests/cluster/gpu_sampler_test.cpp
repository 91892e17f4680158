#include "cluster/gpu_sampler.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "smi_texts.h"

namespace galley::cluster {
namespace {

using protocol::DriverState;
using protocol::GpuSample;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A driver on a clock that stands still but for hangs.
class GpuSamplerTest : public ::testing::Test {
 protected:
  Result<SmiAnswer> run(const std::vector<std::string>& arguments, Millis limit) {
    asked_.push_back(arguments.front());
    if (hang_ && (hang_ != &kQueryOnly || arguments.front() != "-L")) {
      clock_.advance(limit);
      return Error{Errc::timeout, "timed out"};
    }
    const bool stuck = !stuck_once_.empty() && arguments.front().starts_with(stuck_once_);
    if (stuck) stuck_once_.clear();
    if (calls_until_hang_ > 0) --calls_until_hang_;
    if (stuck || calls_until_hang_ == 0) {
      clock_.advance(limit);
      return Error{Errc::timeout, "timed out"};
    }
    if (arguments.front().starts_with("--query-remapped-rows")) {
      clock_.advance(call_takes_);
      return SmiAnswer{has_rows_ ? 0 : 2, gpus_[0].uuid + ", 0, 0, No, No\n", ""};
    }
    if (!arguments.front().starts_with("--query-gpu")) return SmiAnswer{2, "", "no"};
    if (!complaint_.empty() && arguments.front().find(complaint_) != std::string::npos)
      return SmiAnswer{2, "Field \"" + complaint_ + "\" is not a valid field to query.\n", ""};
    if (!answers_.empty()) {
      SmiAnswer answer = answers_.front();
      answers_.erase(answers_.begin());
      return answer;
    }
    GpuQuery query;
    if (!complaint_.empty()) (void)query.drop("\"" + complaint_ + "\" is not a valid field");
    std::vector<GpuSample> listed;
    for (const auto& gpu : gpus_) {
      if (unreachable_ == gpu.uuid && arguments.size() < 3)
        return SmiAnswer{15, "",
                         "Unable to determine the device handle for GPU " + gpu.pci_bus_id +
                             ".0: GPU is lost.  Reboot the system to recover this GPU\n"};
      if (arguments.size() < 3 || arguments[2].find(gpu.uuid) != std::string::npos)
        listed.push_back(gpu);
    }
    return SmiAnswer{0, SmiTexts::rows(listed, query), ""};
  }

  static constexpr char kAll = 0;
  static constexpr char kQueryOnly = 0;
  /// How often rows were asked for in ten minutes of looks, one every 5 s.
  std::ptrdiff_t rows_in_ten_minutes() {
    for (int look = 0; look < 120; ++look) {
      EXPECT_EQ(sampler_.look().driver, DriverState::ok);
      clock_.advance(Millis{5'000});
    }
    return std::ranges::count_if(
        asked_, [](const auto& text) { return text.starts_with("--query-remapped-rows"); });
  }

  const char* hang_ = nullptr;
  std::string complaint_;
  std::string unreachable_;
  int calls_until_hang_ = -1;  // never
  std::string stuck_once_;
  bool has_rows_ = false;
  Millis call_takes_{0};
  std::vector<SmiAnswer> answers_;  // instead of the true ones, first
  std::vector<GpuSample> gpus_{SmiTexts::gpu(0), SmiTexts::gpu(1)};
  std::vector<std::string> asked_;
  ManualClock clock_;
  GpuSampler sampler_{[this](const auto& arguments, Millis limit) { return run(arguments, limit); },
                      clock_};
};

TEST_F(GpuSamplerTest, SeesTheGpus) {
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::ok);
  EXPECT_EQ(look.gpus, gpus_ = parse_gpu_rows(SmiTexts::rows(gpus_), {}).gpus);
}

TEST_F(GpuSamplerTest, AHangIsToldSoonAndOnlyWhenItIsOne) {
  (void)sampler_.look();
  hang_ = &kAll;
  const auto begin = clock_.steady();
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::hang);
  EXPECT_LE(clock_.steady() - begin, Millis{5'000});
  EXPECT_THAT(look.gpus, IsEmpty());
  hang_ = nullptr;
  EXPECT_EQ(sampler_.look().driver, DriverState::ok);
}

TEST_F(GpuSamplerTest, FieldsThatTheDriverDoesNotKnowAreLeftOut) {
  complaint_ = "temperature.memory";
  EXPECT_THAT(sampler_.look().gpus, SizeIs(2));
  const auto asked = asked_.size();
  EXPECT_THAT(sampler_.look().gpus, SizeIs(2));
  EXPECT_EQ(asked_.size(), asked + 2);  // the query and the programs, nothing in vain
}

TEST_F(GpuSamplerTest, AHangWithinALookIsToldByThatLook) {
  (void)sampler_.look();
  calls_until_hang_ = 2;  // the query is answered
  const auto begin = clock_.steady();
  EXPECT_EQ(sampler_.look().driver, DriverState::hang);
  EXPECT_LE(clock_.steady() - begin, Millis{5'000});
}

TEST_F(GpuSamplerTest, OneCallThatHangsHidesNothing) {
  (void)sampler_.look();
  stuck_once_ = "--query-compute-apps";
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::ok);
  EXPECT_THAT(look.gpus, SizeIs(2));
}

TEST_F(GpuSamplerTest, RowsAreAskedForWithEachLook) {
  has_rows_ = true;
  call_takes_ = Millis{200};
  EXPECT_EQ(rows_in_ten_minutes(), 120);
}

TEST_F(GpuSamplerTest, ADriverThatAnswersSlowlyIsAskedForRowsInATenthOfTheTimeAtMost) {
  has_rows_ = true;
  call_takes_ = Millis{2'000};
  EXPECT_LE(rows_in_ten_minutes(), 42);
  EXPECT_GT(rows_in_ten_minutes(), 20);
}

TEST_F(GpuSamplerTest, WhatNoGpuHasIsAskedForOnceAMinute) { EXPECT_LE(rows_in_ten_minutes(), 10); }

TEST_F(GpuSamplerTest, AMissingGpuIsMissingOnlyWhenItIsSoTwice) {
  (void)sampler_.look();
  answers_ = {{0, SmiTexts::rows({gpus_[0]}), ""}};
  EXPECT_THAT(sampler_.look().gpus, SizeIs(2));
  gpus_.pop_back();
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::ok);
  EXPECT_THAT(look.gpus, SizeIs(1));
}

TEST_F(GpuSamplerTest, ALostGpuDoesNotHideTheOthers) {
  (void)sampler_.look();
  unreachable_ = gpus_[0].uuid;
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::ok);
  ASSERT_THAT(look.gpus, SizeIs(2));
  EXPECT_TRUE(look.gpus[0].lost);
  EXPECT_FALSE(look.gpus[1].lost);
}

TEST_F(GpuSamplerTest, GarbageIsAskedForAgain) {
  (void)sampler_.look();
  const SmiAnswer garbage{0, "\x01\x02 not csv\n", ""};
  answers_ = {garbage};
  EXPECT_THAT(sampler_.look().gpus, SizeIs(2));
  answers_ = {garbage, garbage};
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::failed);
  EXPECT_THAT(look.driver_text, HasSubstr("cannot be read"));
}

TEST_F(GpuSamplerTest, AGarbledLineStandsForTheGpuThatHasNone) {
  (void)sampler_.look();
  const SmiAnswer half{0, SmiTexts::rows({gpus_[0]}) + "1, GP\n", ""};
  answers_ = {half, half};
  const auto look = sampler_.look();
  ASSERT_THAT(look.gpus, SizeIs(2));
  EXPECT_GT(look.gpus[1].unreadable_fields, 3);
}

TEST_F(GpuSamplerTest, ABrokenDriverIsQuoted) {
  (void)sampler_.look();
  const SmiAnswer failed{9, "NVIDIA-SMI has failed because it couldn't communicate", ""};
  answers_ = {failed, failed};
  const auto look = sampler_.look();
  EXPECT_EQ(look.driver, DriverState::failed);
  EXPECT_THAT(look.driver_text, HasSubstr("code 9: NVIDIA-SMI has failed"));
}

TEST(GpuSampler, NoProgramIsNoDriver) {
  const ManualClock clock;
  GpuSampler sampler(run_smi_program("/nonexistent/nvidia-smi"), clock);
  EXPECT_EQ(sampler.look().driver, DriverState::absent);
}

}  // namespace
}  // namespace galley::cluster
