#include "fixture.h"

namespace galley::api {
namespace {

using ::testing::Contains;

class Models : public ApiFixture {
 protected:
  std::string answer(const std::string& name = "m") const {
    const auto response = call("POST", "/v1/predict", dump_json({{"model", name}, {"text", "x"}}));
    return response.status == 200 ? json_of(response)["label"].get<std::string>()
                                  : std::to_string(response.status);
  }
  const std::string prod_ = "/api/v1/models/m/channels/prod";
};

TEST_F(Models, ADeploymentAnswersWhenItReturns) {
  EXPECT_EQ(model("m", "one"), "m@1");
  EXPECT_EQ(answer(), "404");
  const auto first = deploy("m", "m@1");
  EXPECT_EQ(first["generation"], 1);
  EXPECT_EQ(first["snapshot_ref"], "m@1");
  EXPECT_EQ(answer(), "one");
  model("m", "two");
  EXPECT_EQ(deploy("m", 2)["generation"], 2);
  EXPECT_EQ(answer(), "two");
  EXPECT_EQ(deploy("m", "2")["generation"], 2) << "deploying the same again moves nothing";

  const auto back = post(prod_ + "/rollback", Json::object(), 200);
  EXPECT_EQ(back["snapshot_ref"], "m@1");
  EXPECT_EQ(back["previous_snapshot_ref"], "m@2");
  EXPECT_EQ(answer(), "one");
  post(prod_ + "/rollback", Json::object(), 409);
  EXPECT_EQ(answer(), "one");
  model("m", "three");
  deploy("m", 3);
  EXPECT_EQ(post(prod_ + "/rollback", Json::object(), 200)["snapshot_ref"], "m@1");

  const auto history = get("/api/v1/models/m/history?channel=prod")["items"];
  ASSERT_EQ(history.size(), 5U);
  EXPECT_EQ(history[0]["action"], "rollback");
  EXPECT_EQ(history[0]["previous_snapshot_ref"], "m@3");
  EXPECT_EQ(history[4]["action"], "deploy");
  EXPECT_FALSE(history[4].contains("previous_snapshot_ref"));
  EXPECT_EQ(get("/api/v1/models/m/history?limit=2")["items"].size(), 2U);
  EXPECT_THAT(audited(), Contains("token channel.rollback"));
}

TEST_F(Models, WhatCannotBeLoadedMovesNothing) {
  model("m", "one");
  deploy("m", 1);
  post("/api/v1/models/m/snapshots", {{"manifest", manifest("notes.txt", "no model")}}, 201);
  const auto refused = call("PUT", prod_, R"({"snapshot":2})");
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_THAT(json_of(refused)["detail"].get<std::string>(), HasSubstr("m@2 cannot be loaded"));
  EXPECT_EQ(get("/api/v1/models/m/channels")["items"][0]["generation"], 1);
  EXPECT_EQ(answer(), "one");
}

TEST_F(Models, IfMatchGuardsAgainstSomebodyElsesMove) {
  model("m", "one");
  model("m", "two");
  deploy("m", 1);
  http::Headers stale;
  stale.set("If-Match", "\"0\"");
  EXPECT_EQ(call("PUT", prod_, R"({"snapshot":2})", stale).status, 409);
  http::Headers current;
  current.set("If-Match", "\"1\"");
  const auto moved = call("PUT", prod_, R"({"snapshot":2})", current);
  EXPECT_EQ(moved.status, 200);
  EXPECT_EQ(moved.headers.get("ETag"), "\"2\"");
  EXPECT_EQ(call("POST", prod_ + "/rollback", {}, current).status, 409);
  http::Headers odd;
  odd.set("If-Match", "x");
  EXPECT_EQ(call("PUT", prod_, R"({"snapshot":2})", odd).status, 400);
}

TEST_F(Models, ListsShowChannelsAndWhetherTheyAreLoaded) {
  model("a", "x");
  model("m", "one");
  deploy("m", 1);
  const auto items = get("/api/v1/models")["items"];
  EXPECT_EQ(items[0]["name"], "a");
  EXPECT_EQ(items[0]["loaded"], false);
  EXPECT_EQ(items[1]["channels"]["prod"]["snapshot_ref"], "m@1");
  EXPECT_EQ(items[1]["loaded"], true);
  EXPECT_EQ(get("/api/v1/models/m")["snapshots"][0]["ref"], "m@1");
  EXPECT_EQ(get("/api/v1/models?limit=1")["next_cursor"], "a");
  EXPECT_EQ(get("/api/v1/models?cursor=a")["items"][0]["name"], "m");
}

TEST_F(Models, MistakesAreNamed) {
  model("m", "one");
  model("other", "x");
  EXPECT_EQ(call("PUT", prod_, R"({"snapshot":"other@1"})").status, 400);
  EXPECT_EQ(call("PUT", prod_, R"({"snapshot":9})").status, 404);
  EXPECT_EQ(call("PUT", prod_, R"({"snapshot":[]})").status, 400);
  EXPECT_EQ(call("PUT", prod_, R"({})").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/models/m/channels/Bad", R"({"snapshot":1})").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/models/none").status, 404);
  EXPECT_EQ(call("POST", prod_ + "/rollback").status, 404);
}

}  // namespace
}  // namespace galley::api
