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

}  // namespace
}  // namespace galley::telemetry
