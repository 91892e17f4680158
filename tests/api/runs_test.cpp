#include "fixture.h"

#include <limits>

namespace galley::api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class Runs : public ApiFixture {
 protected:
  std::string run(const std::string& name = "r", const std::string& experiment = "e") {
    return post("/api/v1/runs", {{"name", name}, {"experiment", experiment}}, 201)["id"];
  }
};

TEST_F(Runs, ARunRecordsWhatItIsTold) {
  const auto path = "/api/v1/runs/" + run();
  post(path + "/params", {{"params", {{"lr", "0.1"}}}}, 204);
  post(path + "/tags", {{"tags", {{"who", "me"}}}}, 204);
  post(path + "/metrics",
       {{"points",
         {{{"key", "loss"}, {"step", 1}, {"value", 2.0}, {"at", "2026-01-01T00:00Z"}},
          {{"key", "loss"}, {"step", 2}, {"value", 1.0}},
          {{"key", "acc"}, {"value", 0.5}}}}},
       204);
  post(path + "/finish", {{"state", "finished"}}, 204);
  post(path + "/finish", {{"state", "failed"}}, 409);
  const auto shown = get(path);
  EXPECT_EQ(shown["params"]["lr"], "0.1");
  EXPECT_EQ(shown["tags"]["who"], "me");
  EXPECT_EQ(shown["metrics"]["loss"], 1.0);
  EXPECT_EQ(shown["state"], "finished");
  EXPECT_TRUE(shown.contains("ended_at"));
  EXPECT_FALSE(shown.contains("job_id"));
  EXPECT_EQ(shown["series"][1]["key"], "loss");
  EXPECT_EQ(shown["series"][1]["point_count"], 2);
  EXPECT_EQ(shown["series"][1]["max_value"], 2.0);

  const auto series = get(path + "/metrics?key=loss")["series"];
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0]["steps"], (Json{1, 2}));
  EXPECT_EQ(series[0]["values"], (Json{2.0, 1.0}));
  EXPECT_EQ(series[0]["times_ms"][0], 1767225600000);
  EXPECT_EQ(get(path + "/metrics")["series"].size(), 2U);
  EXPECT_THAT(audited(), Contains("token run.finish"));
}

TEST_F(Runs, ValuesThatAreNotFiniteAreNull) {
  const auto id = RunId::trusted(run());
  ASSERT_TRUE(tracking_->log_metrics(
      id, std::vector<tracking::MetricPoint>{
              {"loss", 1, 3.0, 5}, {"loss", 2, std::numeric_limits<double>::infinity(), 6}}));
  const auto path = "/api/v1/runs/" + id.str();
  EXPECT_EQ(get(path + "/metrics?key=loss")["series"][0]["values"], (Json{3.0, nullptr}));
  EXPECT_EQ(get(path)["metrics"]["loss"], nullptr);
}

TEST_F(Runs, ListsAreFilteredAndPaged) {
  const auto a = run("a", "one");
  const auto b = run("b", "two");
  const auto c = run("c", "one");
  const auto list = get("/api/v1/runs?filter=experiment%20in%20(%22one%22)");
  EXPECT_EQ(list["items"][0]["id"], c);
  EXPECT_EQ(list["items"][1]["id"], a);
  const auto first = get("/api/v1/runs?limit=1&filter=experiment%3D%22one%22");
  const auto second = get("/api/v1/runs?limit=1&filter=experiment%3D%22one%22&cursor=" +
                          first["next_cursor"].get<std::string>());
  EXPECT_EQ(second["items"][0]["id"], a);
  EXPECT_FALSE(second.contains("next_cursor"));
}

TEST_F(Runs, MistakesAreNamed) {
  const auto path = "/api/v1/runs/" + run();
  const auto refused = [&](const std::string& what, const std::string& body) {
    const auto response = call("POST", path + what, body);
    EXPECT_EQ(response.status, 400) << response.body;
    return response.body;
  };
  EXPECT_THAT(refused("/metrics", R"({"points":[{"key":"a","value":null}]})"),
              HasSubstr(R"("field":"points[0].value")"));
  EXPECT_THAT(refused("/metrics", R"({"points":[{"key":"a","value":NaN}]})"), HasSubstr("line 1"));
  EXPECT_THAT(refused("/metrics", R"({"points":[{"key":"a","value":"nan"}]})"),
              HasSubstr("a number"));
  EXPECT_THAT(refused("/metrics", R"({"points":[{"key":"a","valu":1}]})"),
              HasSubstr("did you mean points[0].value?"));
  EXPECT_THAT(refused("/metrics", R"({"points":[{"key":"a","value":1,"step":-1}]})"),
              HasSubstr("points[0].step"));
  EXPECT_THAT(refused("/params", R"({"params":{"a":1}})"), HasSubstr("params.a"));
  EXPECT_THAT(refused("/finish", R"({"state":"done"})"), HasSubstr("finished, failed or killed"));
  EXPECT_EQ(call("GET", path + "/metrics?key=none").status, 404);
  EXPECT_EQ(call("GET", path + "/metrics?max_points=1").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/runs/run_00000000000000000000000000").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/runs/x").status, 400);
}

}  // namespace
}  // namespace galley::api
