// What one process does not serve nobody does: the next one counts it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "installation.h"

namespace galley::testing {
namespace {

double down_s(const Installation& site) {
  const auto found = site.client().get("/api/v1/availability");
  EXPECT_TRUE(found) << describe(found.error());
  return found ? found->at("items").at(0).at("down_s").get<double>() : -1;
}

double metric(const Installation& site, const std::string& name) {
  const auto answer = site.client().send({.target = "/metrics"});
  if (!answer) return -1;
  const auto at = answer->body.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(answer->body.substr(at + name.size() + 2));
}

TEST(Availability, ANewServerCountsTheTimeSinceTheLast) {
  Installation site;
  site.start();
  ASSERT_TRUE(eventually([&] { return metric(site, "galley_availability_probes_total") >= 1; }));
  EXPECT_EQ(down_s(site), 0);

  site.server().kill();
  ::usleep(1'500'000);  // the very thing to be measured
  site.start();
  ASSERT_TRUE(eventually([&] { return down_s(site) > 0; }));
  const double killed = down_s(site);
  EXPECT_GE(killed, 1.5);
  EXPECT_LE(killed, 30);
  EXPECT_EQ(metric(site, "galley_down_seconds_total"), killed);

  ASSERT_TRUE(site.server().stop());  // asked to stop, it says when
  site.start();
  ASSERT_TRUE(eventually([&] { return down_s(site) > killed; }));
  EXPECT_LE(down_s(site) - killed, 15);
}

TEST(Availability, ReadyMeansThatWritesAreAccepted) {
  Installation site;
  site.start();
  const auto answer = site.client().send({.target = "/readyz"});
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ready");
}

}  // namespace
}  // namespace galley::testing
