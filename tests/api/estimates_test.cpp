#include "fixture.h"

namespace galley::api {
namespace {

using EstimatesApiTest = ApiFixture;

Json training() {
  return {{"network", "resnet50"},
          {"precision", "fp16"},
          {"batch_per_gpu", 128},
          {"items", 1281167},
          {"epochs", 90},
          {"configurations",
           {{{"gpu", "V100"}, {"gpus", 4}, {"usd_per_hour", 12.24}},
            {{"gpu", "A100 40GB"}, {"gpus", 4}, {"usd_per_hour", 14.68}}}}};
}

const Json* row_of(const Json& answer, const std::string& gpu, bool owned) {
  for (const Json& item : answer.at("items"))
    if (item.at("gpu").get<std::string>().starts_with(gpu) && item.at("owned") == owned)
      return &item;
  return nullptr;
}

TEST_F(EstimatesApiTest, AQuestionIsAnsweredWithTheSitesOwnMachinesAmongTheConfigurations) {
  const Json answer = post("/api/v1/estimates", training(), 200);
  EXPECT_THAT(answer.at("reason").get<std::string>(), HasSubstr("finishes in"));
  EXPECT_EQ(answer.at("model").at("source"), "shipped");
  const Json* rented = row_of(answer, "A100", false);
  ASSERT_NE(rented, nullptr);
  EXPECT_LE(rented->at("runtime_s").at("p10"), rented->at("runtime_s").at("p50"));
  EXPECT_LE(rented->at("runtime_s").at("p50"), rented->at("runtime_s").at("p90"));
  const Json* own = row_of(answer, "H100", true);
  ASSERT_NE(own, nullptr) << answer.dump(1);
  EXPECT_EQ(own->at("gpus"), 1);
  EXPECT_EQ(own->at("wait_s"), 0);
  EXPECT_GT(own->at("cost_usd"), 0) << "its power";

  Json alone = training();
  alone["cluster"] = false;
  EXPECT_EQ(row_of(post("/api/v1/estimates", alone, 200), "H100", true), nullptr);
}

TEST_F(EstimatesApiTest, ABusyClusterHasAWaitAndItsHoursAreWorthWhatOthersWouldGive) {
  const Json idle = post("/api/v1/estimates", training(), 200);
  submit({{"resources", {{"gpus", 1}}}, {"max_runtime", "5h"}});
  agent_.assigned(0);
  const Json busy = post("/api/v1/estimates", training(), 200);
  const Json* before = row_of(idle, "H100", true);
  const Json* after = row_of(busy, "H100", true);
  ASSERT_NE(before, nullptr);
  ASSERT_NE(after, nullptr);
  EXPECT_GT(after->at("wait_s"), 0);
  EXPECT_GT(after->at("cost_usd").get<double>(), 2 * before->at("cost_usd").get<double>());
}

TEST_F(EstimatesApiTest, AJobsOwnWordsSayWhatItTrains) {
  const Json job{{"command",
                  {"python3", "train.py", "--arch", "resnet50", "--batch-size=128", "--epochs",
                   "90", "--amp"}},
                 {"resources", {{"gpus", 1}}}};
  const Json answer =
      post("/api/v1/estimates", {{"job", job}, {"work", {{"items", 1281167}}}}, 200);
  const Json* own = row_of(answer, "H100", true);
  ASSERT_NE(own, nullptr) << answer.dump(1);
  const Json same = post("/api/v1/estimates", training(), 200);
  const Json* asked = row_of(same, "H100", true);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(own->at("step_s"), asked->at("step_s"));
}

TEST_F(EstimatesApiTest, FaultsNameTheField) {
  Json wrong = training();
  wrong["epoch"] = 90;
  EXPECT_THAT(post("/api/v1/estimates", wrong, 400).dump(), HasSubstr("did you mean 'epochs'"));
  wrong = training();
  wrong["cluster"] = "yes";
  EXPECT_THAT(post("/api/v1/estimates", wrong, 400).dump(), HasSubstr("cluster"));
  EXPECT_THAT(post("/api/v1/estimates", {{"job", {{"command", Json::array()}}}}, 400).dump(),
              HasSubstr("job.command"));
  EXPECT_THAT(post("/api/v1/estimates", {{"job", {{"command", {"a"}}}}, {"x", 1}}, 400).dump(),
              HasSubstr("\"x\""));
  post("/api/v1/estimates", Json::array(), 400);
}

TEST_F(EstimatesApiTest, AFormLearnsWhatThereIs) {
  const Json options = get("/api/v1/estimates/options");
  EXPECT_GT(options.at("gpus").size(), 40U);
  EXPECT_GT(options.at("offers").size(), 100U);
  EXPECT_EQ(options.at("cluster").at(0).at("total"), 1);
  EXPECT_THAT(options.at("precisions").dump(), HasSubstr("bf16"));
}

TEST_F(EstimatesApiTest, WithoutEndedJobsThereIsNoAccuracy) {
  const Json accuracy = get("/api/v1/estimates/accuracy?limit=5");
  EXPECT_EQ(accuracy.at("count"), 0);
  EXPECT_TRUE(accuracy.at("mdape_pct").is_null());
}

}  // namespace
}  // namespace galley::api
