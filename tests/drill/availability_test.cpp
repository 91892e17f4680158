// The time without a leader is known, by those who looked for one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "drill_site.h"

namespace galley::testing {
namespace {

double down_s(DrillSite& site) {
  const auto found = site.client().get("/api/v1/availability");
  EXPECT_TRUE(found) << describe(found.error());
  return found ? found->at("items").at(0).at("down_s").get<double>() : -1;
}

std::int64_t probes(DrillSite& site) {
  const auto found = site.client().get("/api/v1/availability");
  return found ? found->at("items").at(0).at("probes").get<std::int64_t>() : 0;
}

template <class Condition>
bool comes_about(const Condition& holds) {
  for (int i = 0; i < 2'000; ++i) {
    if (holds()) return true;
    ::usleep(10'000);
  }
  return false;
}

TEST(Availability, TheGapOfAKilledLeaderIsCountedOnce) {
  DrillSite site;
  for (int i = 0; i < DrillSite::kControllers; ++i) {
    const auto started = site.start_controller(i, GALLEY_BIN_DIR);
    ASSERT_TRUE(started) << describe(started.error());
  }
  const auto leads = site.leader();
  ASSERT_TRUE(leads) << describe(leads.error());
  ASSERT_TRUE(site.wait_for_role(1 - *leads, "standby"));
  ASSERT_TRUE(comes_about([&] { return probes(site) >= 3; }));
  // On a busy machine a probe may come late, which counts for what it was.
  const double at_start = down_s(site);
  EXPECT_LT(at_start, 1);

  const auto killed_at = std::chrono::steady_clock::now();
  site.kill_controller(*leads);
  ASSERT_TRUE(site.wait_for_role(1 - *leads, "leader"));
  ASSERT_TRUE(comes_about([&] { return down_s(site) > at_start; }));
  const auto until_seen =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - killed_at).count();
  const double counted = down_s(site) - at_start;
  std::printf("  %.2f s counted, %.2f s from the kill until it was\n", counted, until_seen);
  EXPECT_GE(counted, 1.5) << "a standby waits two seconds for a leader that does not speak";
  EXPECT_LE(counted, until_seen + 1.2) << "from the last probe before, and no longer";

  // A standby that comes back and a handover that is fast count for nothing, or for what they were.
  ASSERT_TRUE(site.start_controller(*leads, GALLEY_BIN_DIR));
  ASSERT_TRUE(site.wait_for_role(*leads, "standby"));
  const auto before = probes(site);
  ASSERT_TRUE(comes_about([&] { return probes(site) >= before + 3; }));
  EXPECT_NEAR(down_s(site), at_start + counted, 0.5);

  const auto shown = site.galley(GALLEY_BIN_DIR, {"controllers"});
  ASSERT_TRUE(shown);
  EXPECT_NE(shown->stdout_bytes.find("accepted nothing for"), std::string::npos)
      << shown->stdout_bytes << shown->stderr_bytes;
}

}  // namespace
}  // namespace galley::testing
