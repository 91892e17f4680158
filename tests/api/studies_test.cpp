#include "fixture.h"
#include "inflate.h"

namespace galley::api {
namespace {

class StudiesApiTest : public ApiFixture {
 protected:
  static Json toy_study() {
    return {{"name", "toy"},
            {"h_params",
             {{"x", {{"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}}}}},
            {"measure", "score"},
            {"max_resource", 4},
            {"tune", "tpe"},
            {"termination", {{"max_session_number", 10}}}};
  }
  std::string created() const {
    return "/api/v1/studies/" +
           post("/api/v1/studies", toy_study(), 201).at("id").get<std::string>();
  }
};

TEST_F(StudiesApiTest, AStudyIsAskedAndTold) {
  const std::string study = created();
  for (int i = 0; i < 10; ++i) {
    const Json orders = post(study + "/ask", {{"worker", "w"}}, 200).at("items");
    ASSERT_EQ(orders.size(), 1U);
    EXPECT_EQ(orders[0].at("trial"), i);
    EXPECT_EQ(orders[0].at("budget"), 4);
    const Json verdict =
        post(study + "/tell", {{"trial", i}, {"value", orders[0].at("params").at("x")}}, 200);
    EXPECT_EQ(verdict.at("state"), "finished");
    EXPECT_EQ(verdict.at("go_on"), false);
  }
  const Json ended = get(study);
  EXPECT_EQ(ended.at("state"), "finished");
  EXPECT_EQ(ended.at("pools").at("ended"), 10);
  EXPECT_EQ(ended.at("best").at("values").at(0), ended.at("best").at("params").at("x"));
  EXPECT_EQ(get(study + "/trials?from=8").at("items").size(), 2U);
  EXPECT_EQ(get("/api/v1/studies").at("items").at(0).at("id"), ended.at("id"));
  EXPECT_EQ(get("/api/v1/studies/toy").at("id"), ended.at("id")) << "by its name";
  const Json importance = get(study + "/importance");
  EXPECT_EQ(importance.at("items").at(0).at("name"), "x");
  EXPECT_EQ(post(study + "/ask", Json::object(), 409).at("status"), 409);
}

TEST_F(StudiesApiTest, ChartsGetColumns) {
  Json file = toy_study();
  file["termination"]["max_session_number"] = 3;
  const std::string study =
      "/api/v1/studies/" + post("/api/v1/studies", file, 201).at("id").get<std::string>();
  for (int i = 0; i < 3; ++i) {
    post(study + "/ask", {{"worker", "w"}}, 200);
    post(study + "/tell", {{"trial", i}, {"value", 0.5 * i}}, 200);
  }
  const Json table = get(study + "/table");
  EXPECT_EQ(table.at("count"), 3);
  EXPECT_EQ(table.at("axes").at(0).at("name"), "x");
  EXPECT_EQ(table.at("axes").at(0).at("values").size(), 3U);
  EXPECT_EQ(table.at("measures").at(0).at("values"), Json({0, 0.5, 1}));
  EXPECT_EQ(table.at("best"), 2);
  const Json curves = get(study + "/curves?trials=1");
  EXPECT_EQ(curves.at("curves").at(0).at("value"), Json({0.5}));
  EXPECT_THAT(call("GET", study + "/curves?trials=1,x").body, HasSubstr("trials"));
  EXPECT_EQ(get(study + "/timeline").at("pools").at("ended").back(), 3);
  const Json trial = get(study + "/trials/2");
  EXPECT_EQ(trial.at("attempts").at(0).at("ended_by"), "finished");
  EXPECT_EQ(trial.at("curve").at("value"), Json({1}));
  EXPECT_EQ(call("GET", study + "/trials/9").status, 404);
  EXPECT_EQ(call("GET", study + "/trials/last").status, 400);
  const Json summary = get("/api/v1/studies").at("items").at(0).at("summary");
  EXPECT_EQ(summary.at("trials"), 3);
  EXPECT_EQ(summary.at("best").at("values"), Json({1}));
}

TEST_F(StudiesApiTest, ALongTableTravelsCompressedToThoseWhoTakeIt) {
  Json file = toy_study();
  file["tune"] = "random";
  file["termination"]["max_session_number"] = 4000;
  const std::string study =
      "/api/v1/studies/" + post("/api/v1/studies", file, 201).at("id").get<std::string>();
  for (int i = 0; i < 4; ++i) post(study + "/ask", {{"count", 1000}}, 200);
  http::Headers takes_gzip;
  takes_gzip.set("Accept-Encoding", "gzip");
  const auto plain = call("GET", study + "/table");
  const auto small = call("GET", study + "/table", {}, takes_gzip);
  EXPECT_FALSE(plain.headers.has("Content-Encoding"));
  EXPECT_EQ(small.headers.get("Content-Encoding"), "gzip");
  EXPECT_LT(small.body.size() * 2, plain.body.size());
  const auto inflated = inflate_gzip(small.body);
  ASSERT_TRUE(inflated);
  EXPECT_EQ(*inflated, plain.body);
}

TEST_F(StudiesApiTest, FaultsNameTheField) {
  Json file = toy_study();
  file["h_params"]["x"]["distribution"] = "log_unifrom";
  EXPECT_THAT(post("/api/v1/studies", file, 400).dump(), HasSubstr("h_params.x.distribution"));
  file = toy_study();
  file["tune"] = "bayes";
  EXPECT_THAT(post("/api/v1/studies", file, 400).dump(), HasSubstr("tune"));
  post("/api/v1/studies", Json::array(), 400);
  const std::string study = created();
  post(study + "/ask", {{"count", 1}}, 200);
  EXPECT_THAT(post(study + "/tell", {{"trial", 0}, {"value", "high"}}, 400).dump(),
              HasSubstr("value"));
  EXPECT_THAT(post(study + "/tell", {{"trial", 0}, {"state", "won"}}, 400).dump(),
              HasSubstr("infeasible"));
  post(study + "/tell", {{"trial", 7}, {"value", 1}}, 404);
  post("/api/v1/studies/none/ask", Json::object(), 404);
  EXPECT_EQ(call("GET", study + "/importance").status, 400) << "nothing has reported";
}

TEST_F(StudiesApiTest, APreviewBeginsNothing) {
  const Json preview =
      post("/api/v1/studies/preview",
           {{"file", toy_study()}, {"gpus", 2}, {"seconds_per_resource", 900}}, 200);
  EXPECT_EQ(preview.at("trials"), 10);
  EXPECT_EQ(preview.at("slots"), 2);
  EXPECT_NEAR(preview.at("hours").get<double>(), 5, 0.01) << "ten hours of trials, two at once";
  EXPECT_EQ(get("/api/v1/studies").at("items").size(), 0U);
}

TEST_F(StudiesApiTest, AStudyCanBeStopped) {
  const std::string study = created();
  post(study + "/ask", Json::object(), 200);
  EXPECT_EQ(post(study + "/stop", Json::object(), 200).at("state"), "stopped");
  post(study + "/ask", Json::object(), 409);
}

}  // namespace
}  // namespace galley::api
