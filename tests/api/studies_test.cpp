#include "fixture.h"

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
