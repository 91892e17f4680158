// What a training reports while no server listens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../system/fleet.h"
#include "support/gate.h"

namespace galley::testing {
namespace {

constexpr int kSteps = 20'000;

TEST(Outage, ATrainingIsNotHeldUpAndAllOfItsPointsArriveOnce) {
  Fleet fleet;
  fleet.start_controller();
  fleet.start_agent("a");
  Gate go((fleet.path() / "go").string());
  Gate done((fleet.path() / "done").string());
  // Its lines go to a file that the agent follows, so nobody's absence makes it wait.
  const auto id = fleet.submit(
      "read x < " + go.str() + "; i=0; while [ $i -lt " + std::to_string(kSteps) +
      " ]; do i=$((i+1)); echo galley:: step=$i loss=$i; done; echo done > " + done.str());
  ASSERT_TRUE(fleet.wait_for_state(id, "running"));
  fleet.kill_controller();
  go.open();
  EXPECT_EQ(done.receive(), "done") << "with nobody listening";
  fleet.kill_agent("a");  // what it had not delivered is on its disk
  fleet.start_controller();
  fleet.start_agent("a");
  ASSERT_TRUE(fleet.wait_for_state(id, "succeeded"));

  auto client = fleet.client();
  const auto job = client.get("/api/v1/jobs/" + id);
  ASSERT_TRUE(job);
  const auto history = client.get("/api/2.0/mlflow/metrics/get-history?metric_key=loss&run_id=" +
                                  job->at("run_id").get<std::string>());
  ASSERT_TRUE(history) << describe(history.error());
  const auto& points = history->at("metrics");
  ASSERT_EQ(points.size(), std::size_t{kSteps});
  for (int i = 0; i < kSteps; ++i) {
    ASSERT_EQ(points[static_cast<std::size_t>(i)]["step"], i + 1);
    ASSERT_EQ(points[static_cast<std::size_t>(i)]["value"], i + 1);
  }
}

}  // namespace
}  // namespace galley::testing
