#include "fixture.h"

namespace galley::api {
namespace {

class Predict : public ApiFixture {
 protected:
  void SetUp() override {
    model("m", "yes");
    deploy("m", 1);
  }
};

TEST_F(Predict, OneTextOrMany) {
  const auto one = post("/v1/predict", {{"model", "m"}, {"text", "hello"}}, 200);
  EXPECT_EQ(one["label"], "yes");
  EXPECT_EQ(one["snapshot"], "m@1");
  EXPECT_GT(one["probabilities"]["yes"], one["probabilities"]["other"]);
  EXPECT_TRUE(one["time_ms"].is_number());
  // Past what the I/O thread takes itself.
  const std::vector<std::string> texts(1000, "a rather long text that fills the body");
  const auto many = post("/v1/predict", {{"model", "m@1"}, {"texts", texts}}, 200);
  EXPECT_EQ(many["predictions"].size(), 1000U);
  EXPECT_THAT(call("GET", "/metrics").body, HasSubstr("galley_predictions_total 1001\n"));
}

TEST_F(Predict, MistakesAreNamed) {
  const auto unknown = call("POST", "/v1/predict", R"({"model":"n","text":"x"})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.headers.get("Content-Type"), StartsWith("application/problem+json"));
  EXPECT_EQ(call("POST", "/v1/predict", R"({"model":"m")").status, 400);
  EXPECT_EQ(call("POST", "/v1/predict", R"({"model":"m","txt":"x"})").status, 400);
  EXPECT_EQ(call("GET", "/v1/predict").status, 404);
}

TEST_F(Predict, KServeClientsAreUnderstood) {
  EXPECT_EQ(get("/v2")["name"], "galley");
  EXPECT_EQ(get("/v2/health/live")["live"], true);
  EXPECT_EQ(get("/v2/models/m/ready")["ready"], true);
  const auto metadata = get("/v2/models/m");
  EXPECT_EQ(
      metadata["inputs"],
      (Json::array({{{"name", "text"}, {"datatype", "BYTES"}, {"shape", Json::array({-1})}}})));
  EXPECT_EQ(metadata["versions"], Json::array({"1"}));
  EXPECT_EQ(metadata["outputs"][1]["shape"], Json::array({-1, 2}));
  const auto answer = post("/v2/models/m/infer",
                           {{"id", "7"},
                            {"inputs", Json::array({{{"name", "text"},
                                                     {"datatype", "BYTES"},
                                                     {"shape", Json::array({2})},
                                                     {"data", Json::array({"a", "b"})}}})}},
                           200);
  EXPECT_EQ(answer["id"], "7");
  EXPECT_EQ(answer["model_version"], "1");
  EXPECT_EQ(answer["outputs"][0]["data"], Json::array({"yes", "yes"}));
  EXPECT_TRUE(post("/v2/models/none/infer", answer, 400).contains("error"));
  EXPECT_TRUE(json_of(call("GET", "/v2/models/none")).contains("error"));
  EXPECT_EQ(call("GET", "/v2/models/none/ready").status, 404);
}

}  // namespace
}  // namespace galley::api
