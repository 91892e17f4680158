#include <regex>
#include <set>

#include "fixture.h"

namespace galley::telemetry {
namespace {

using Print = TelemetryFixture;

TEST_F(Print, GpusGoByTheNamesAndUnitsOfDcgm) {
  pass(5s, 0.29);
  const std::string text = printed();
  const std::string labels =
      R"({gpu="0",UUID="GPU-0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",Hostname="gpu01"} )";
  EXPECT_THAT(text, HasSubstr("DCGM_FI_DEV_GPU_UTIL" + labels + "29\n"));
  EXPECT_THAT(text, HasSubstr("DCGM_FI_DEV_GPU_TEMP" + labels + "60\n"));
  EXPECT_THAT(text, HasSubstr("DCGM_FI_DEV_FB_USED" + labels + "10240\n"));
  EXPECT_THAT(text, HasSubstr("DCGM_FI_DEV_FB_FREE" + labels + "71680\n"));
  EXPECT_THAT(text, HasSubstr("DCGM_FI_DEV_XID_ERRORS" + labels + "0\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE DCGM_FI_DEV_ECC_SBE_VOL_TOTAL counter\n"));
  EXPECT_THAT(text, HasSubstr("galley_node_cpu_busy_ratio{node=\"gpu01\"} 0.5\n"));
  EXPECT_THAT(text, Not(HasSubstr("DCGM_FI_DEV_SM_CLOCK{"))) << "what is not told is not shown";
}

TEST_F(Print, EveryLineHasAFamilyAndNamesAreEscaped) {
  auto odd = sample();
  odd.gpus[0].model = "H\"1\\0\n0";
  clock_.advance(5s);
  telemetry_->add(node_, "gpu01", odd);
  const std::string text = printed();
  EXPECT_THAT(text, HasSubstr(R"(modelName="H\"1\\0\n0")"));
  static const std::regex line(
      R"(^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]+="([^"\\\n]|\\["\\n])*",?)*\})? [-+0-9.eE]+$)");
  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string one; std::getline(lines, one);) {
    if (one.starts_with("# TYPE ")) {
      const std::string name = one.substr(7, one.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(name).second) << name << " twice";
      continue;
    }
    if (one.starts_with("#")) continue;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(one, match, line)) << one;
    std::string name = match[1];
    for (const char* part : {"_bucket", "_sum", "_count"})
      if (name.ends_with(part) && !families.contains(name)) name.resize(name.rfind('_'));
    EXPECT_TRUE(families.contains(name)) << one;
  }
}

TEST_F(Print, ASmallFleetsTextIsOfNowAndALargeOnesOfTheLastPeriod) {
  pass(5s, 0.29);
  const auto small = telemetry_->text();
  EXPECT_THAT(*small, HasSubstr("} 29\n"));
  pass(5s, 0.5);
  EXPECT_THAT(*telemetry_->text(), HasSubstr("} 50\n"));

  const auto look = [&](double used) {
    for (int i = 0; i < 600; ++i) {
      auto one = sample();
      for (auto& gpu : one.gpus) gpu.utilization_ratio = used;
      telemetry_->add(NodeId::trusted("node_" + std::to_string(i)), "n" + std::to_string(i), one);
    }
  };
  clock_.advance(5s);
  look(0.7);
  ASSERT_TRUE(telemetry_->work());
  const auto first = telemetry_->text();
  ASSERT_GT(first->size(), Telemetry::kLargeTextBytes);
  EXPECT_EQ(telemetry_->text(), first) << "shared, not made again";
  look(0.9);
  ASSERT_TRUE(telemetry_->work());
  const auto second = telemetry_->text();
  EXPECT_NE(second, first);
  EXPECT_THAT(*second, HasSubstr("} 90\n"));
  EXPECT_THAT(*first, Not(HasSubstr("} 90\n"))) << "who reads it is not disturbed";
  // Nobody asks any more: it is let go, and the first to come again waits for one.
  std::weak_ptr<const std::string> kept = second;
  clock_.advance(std::chrono::minutes(6));
  ASSERT_TRUE(telemetry_->work());
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_F(Print, AProcessThatNobodyStartedIsAnAlarmWhileAJobHoldsTheGpu) {
  auto odd = sample();
  odd.gpus[0].processes.push_back({.pid = 4711, .name = "miner", .user = "eve"});
  const auto look = [&] {
    clock_.advance(5s);
    telemetry_->add(node_, "gpu01", odd);
    ASSERT_TRUE(telemetry_->work());
    clock_.advance(5s);
    ASSERT_TRUE(telemetry_->work());  // who holds what is known after one period
  };
  look();
  EXPECT_TRUE(telemetry_->readings(kPlatformAlarm).empty());
  const JobId job = run_job("nlp", "ada", {odd.gpus[0].uuid});
  look();
  const auto alarms = telemetry_->readings(kPlatformAlarm);
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_EQ(alarms[0].subject, "unknown_process gpu01 GPU 0");
  EXPECT_EQ(alarms[0].value, 1);
  EXPECT_THAT(alarms[0].labels[1].second, HasSubstr("process 4711 (miner) of eve"));
  end_job(job);
  look();
  EXPECT_EQ(telemetry_->readings(kPlatformAlarm).at(0).value, 0);
}

}  // namespace
}  // namespace galley::telemetry
