// Estimates at work in a real server with a real agent: of a job that runs, of the next one like
// it, and of a queue that plans by them.
#include <fmt/format.h>

#include "base/clock.h"
#include "estimate_fixture.h"
#include "support/gate.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Estimates = EstimateFixture;

TEST_F(Estimates, AJobIsFollowedToItsEndAndTheNextOneLikeItIsEstimatedFromIt) {
  ASSERT_NO_FATAL_FAILURE(start());
  Gate gate(site_.folder() / "gate");
  // Bars as tqdm draws them, one over the other; each waits for us.
  const Json spec{
      {"name", "train"},
      {"command",
       {"/bin/sh", "-c",
        "for i in 1 2 3 4 5 6; do read x < \"$0\"; "
        "printf '\\r %d0%%|##        | %d0/100 [00:0%d<00:09, 10.00it/s, loss=0.%d]' $i $i $i $i "
        ">&2; done; read x < \"$0\"; "
        "printf '\\r100%%|##########| 100/100 [00:10<00:00, 10.00it/s]\\n' >&2",
        gate.str()}},
      {"resources", {{"gpus", 1}}}};
  const std::string id = submit(spec).at("id");
  ASSERT_TRUE(eventually([&] { return state_of(*client_, id) == "running"; }));
  Json eta;
  for (int step = 1; step <= 6; ++step) {
    gate.open();
    // A bar that may still grow is read when the next one is drawn over it.
    ASSERT_TRUE(eventually([&] {
      eta = eta_of(id);
      return step < 2 || (eta.is_object() && eta.value("step", 0.0) >= 10.0 * (step - 1));
    })) << step
        << eta.dump();
  }
  ASSERT_TRUE(eventually([&] {
    eta = eta_of(id);
    return eta.is_object() && eta.contains("remaining_s") && eta.value("from", "") == "progress";
  })) << eta.dump();

  EXPECT_EQ(eta.at("total_steps"), 100);
  EXPECT_EQ(eta.at("total_from"), "given");
  const Json left = eta.at("remaining_s");
  EXPECT_GT(left.at("p50"), 0);
  EXPECT_LE(left.at("p10"), left.at("p50"));
  EXPECT_LE(left.at("p50"), left.at("p90"));
  // The list's price is for four of them.
  const double cost = eta.at("cost_remaining_usd").at("p50");
  EXPECT_NEAR(cost, 3.6 * left.at("p50").get<double>() / 3600, 0.02 * cost) << eta.dump();
  EXPECT_THAT(said({"jobs"}), HasSubstr(" ± "));
  const std::string shown = said({"show", id});
  EXPECT_THAT(shown, HasSubstr("done at "));
  EXPECT_THAT(shown, HasSubstr("of 100"));
  EXPECT_THAT(shown, HasSubstr("to go"));
  const std::string metrics = text_of("/metrics");
  for (const char* quantile : {"0.1", "0.5", "0.9"})
    EXPECT_THAT(metrics,
                HasSubstr(fmt::format("galley_job_eta_seconds{{job=\"{}\",quantile=\"{}\"}}", id,
                                      quantile)));
  EXPECT_THAT(metrics, HasSubstr("galley_job_remaining_cost_dollars{job=\"" + id));

  gate.open();
  const auto end = client_->wait_for_job(id, Millis{20'000});
  ASSERT_TRUE(end) << describe(end.error());
  EXPECT_EQ(end->at("state"), "succeeded");
  ASSERT_TRUE(eventually([&] {
    return text_of("/metrics").find("galley_eta_error_ratio_count{gpus=\"one\"} 1") !=
           std::string::npos;
  }));

  Json answer;
  ASSERT_TRUE(eventually([&] {
    const auto asked = client_->post("/api/v1/estimates", {{"job", spec}});
    if (asked) answer = *asked;
    return answer.contains("history");
  })) << answer.dump();
  EXPECT_EQ(answer.at("history").at("runs"), 1);
  ASSERT_EQ(answer.at("items").size(), 1U);
  EXPECT_THAT(answer.at("items").at(0).at("name"), HasSubstr("as in 1 earlier run"));
  const auto file = site_.work() / "train.json";
  Json as_file = spec;
  as_file["kind"] = "job";
  as_file["version"] = 1;
  ASSERT_TRUE(write_file_atomic(file, dump_json(as_file), Durability::memory));
  EXPECT_THAT(said({"estimate", file.string()}), HasSubstr("by 1 earlier run of this job"));
  EXPECT_THAT(said({"submit", "--dry-run", file.string()}), HasSubstr("as earlier runs of it"));

  // The next one is expected to take as long from its first moment on.
  const std::string next = submit(spec).at("id");
  ASSERT_TRUE(eventually([&] {
    eta = eta_of(next);
    return eta.is_object() && eta.value("from", "") == "before";
  })) << eta.dump();
  EXPECT_TRUE(eta.contains("remaining_s")) << eta.dump();
  for (int i = 0; i < 7; ++i) gate.open();
  ASSERT_TRUE(client_->wait_for_job(next, Millis{20'000}));
  ASSERT_TRUE(eventually([&] { return get("/api/v1/estimates/accuracy").at("count") == 1; }));
  EXPECT_THAT(text_of("/metrics"), HasSubstr("galley_estimate_error_ratio_count 1"));
}

TEST_F(Estimates, AShortJobIsBackfilledBecauseTheProgressOfAnotherSaysThatThereIsTime) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto waiting_for = [&](const Gate& gate, std::int64_t gpus, const char* longest) {
    Json spec{{"command", {"/bin/sh", "-c", "read x < \"$0\"", gate.str()}},
              {"resources", {{"gpus", gpus}}}};
    if (longest != nullptr) spec["max_runtime"] = longest;
    return submit(std::move(spec));
  };
  Gate first(site_.folder() / "first");
  Gate whole(site_.folder() / "whole");
  Gate brief(site_.folder() / "brief");
  const Json holder = waiting_for(first, 1, nullptr);
  ASSERT_TRUE(eventually([&] { return state_of(*client_, holder.at("id")) == "running"; }));
  const std::string large = waiting_for(whole, 2, "1h").at("id");
  const std::string small = waiting_for(brief, 1, "20m").at("id");
  // Nothing is known of the first, so that it might end soon: its neighbour is kept for the second.
  EXPECT_THAT(said({"why", small}), Not(HasSubstr("It runs")));
  EXPECT_EQ(state_of(*client_, small), "queued");

  // 11 of 50 steps, a minute each: some 40 minutes are left.
  Json points = Json::array({{{"key", "total_steps"}, {"step", 0}, {"value", 50}}});
  const WallTime now = system_clock().wall();
  for (int i = 0; i <= 10; ++i)
    points.push_back({{"key", "step"},
                      {"step", i},
                      {"value", i},
                      {"at", to_rfc3339(now - std::chrono::minutes(10 - i))}});
  points.front()["at"] = to_rfc3339(now - std::chrono::minutes(10));
  const auto logged = client_->post(
      "/api/v1/runs/" + holder.at("run_id").get<std::string>() + "/metrics", {{"points", points}});
  ASSERT_TRUE(logged) << describe(logged.error());

  EXPECT_TRUE(eventually([&] { return state_of(*client_, small) == "running"; }))
      << eta_of(holder.at("id")).dump() << said({"why", small});
  EXPECT_EQ(state_of(*client_, large), "queued");
  for (Gate* gate : {&first, &brief, &whole}) gate->open();
}

}  // namespace
}  // namespace galley::testing
