#include "estimator/request.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace galley::estimator {
namespace {

constexpr const char* kRequest = R"({"kind": "estimate", "version": 1, "network": "resnet50",
  "precision": "fp16", "batch": 256, "items": 1000, "epochs": 3, "deadline": "2h", "startup": "90s",
  "configurations": [{"gpu": "A100", "gpus": 4, "usd_per_hour": 10, "wait": "5m"}],
  "probes": [{"gpu": "T4", "step_s": 0.5}]})";

Error refused(const std::string& path, const Json& value) {
  Json document = *parse_json(kRequest);
  document[Json::json_pointer(path)] = value;
  const auto request = parse_request(document);
  EXPECT_FALSE(request) << path;
  return request ? Error{} : request.error();
}

TEST(EstimateRequest, ReadsEveryPart) {
  const auto request = parse_request(*parse_json(kRequest));
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_EQ(request->work.job.network.name, "resnet50");
  EXPECT_EQ(request->work.job.precision, Precision::fp16);
  EXPECT_DOUBLE_EQ(request->work.startup_s, 90);
  EXPECT_DOUBLE_EQ(request->limits.deadline_s, 7200);
  ASSERT_EQ(request->offers.size(), 1U);
  EXPECT_DOUBLE_EQ(request->offers[0].wait_s_p50, 300);
  ASSERT_EQ(request->probes.size(), 1U);
  EXPECT_DOUBLE_EQ(request->probes[0].step_s, 0.5);
}

TEST(EstimateRequest, ErrorsNameTheFieldAndWhatWouldBeRight) {
  EXPECT_EQ(refused("/configurations/0/gpus", "four").field, "configurations[0].gpus");
  EXPECT_EQ(refused("/configurations/0/nodes", 5).field, "configurations[0].nodes");
  EXPECT_EQ(refused("/configurations/0/usd_per_hour", -1).field, "configurations[0].usd_per_hour");
  EXPECT_EQ(refused("/configurations/0/cost_usd", 5).field, "configurations[0].cost_usd");
  EXPECT_EQ(refused("/configurations", 3).field, "configurations");
  EXPECT_EQ(refused("/probes/0/step_s", 0).field, "probes[0].step_s");
  EXPECT_EQ(refused("/precision", "fp12").field, "precision");
  EXPECT_EQ(refused("/deadline", "soon").field, "deadline");
  EXPECT_EQ(refused("/kind", "job").field, "kind");
  EXPECT_EQ(refused("/version", 2).field, "version");
  EXPECT_EQ(refused("/network", "resnat50").field, "network");
  EXPECT_EQ(refused("/network", nullptr).field, "network");
  EXPECT_EQ(refused("/gpu_counts", Json::array({0})).field, "gpu_counts[0]");
  EXPECT_EQ(refused("/buy", Json::array({Json{{"usd", 5}}})).field, "buy[0].rent_usd_per_hour");
  const auto typo = refused("/configurations/0/usd_per_hours", 3);
  EXPECT_EQ(typo.field, "configurations[0].usd_per_hours");
  EXPECT_NE(typo.hint.find("usd_per_hour"), std::string::npos) << typo.hint;
}

TEST(EstimateRequest, TakesNetworksAndDevicesFromTheirNumbers) {
  Json document = *parse_json(kRequest);
  document["network"] = {{"name", "mine"}, {"forward_gflops", 4}, {"parameters_m", 25}};
  document["configurations"][0]["gpu"] = {
      {"name", "new"}, {"fp16_tflops", 500}, {"memory_gb", 64}, {"bandwidth_gbps", 2000}};
  const auto request = parse_request(document);
  ASSERT_TRUE(request) << describe(request.error());
  EXPECT_DOUBLE_EQ(request->work.job.network.forward_gflops, 4);
  EXPECT_DOUBLE_EQ(request->offers[0].gpu.fp16_tflops, 500);
  document["configurations"][0]["gpu"].erase("memory_gb");
  const auto lacking = parse_request(document);
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().field, "configurations[0].gpu.memory_gb");
}

}  // namespace
}  // namespace galley::estimator
