#include "tracking/log_batch.h"

#include <gtest/gtest.h>

#include <cmath>

namespace galley::tracking {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

Errc code_of(const std::string& body) {
  const auto batch = parse_log_batch(body, kNow);
  return batch ? Errc::internal : batch.error().code;
}

TEST(LogBatch, ReadsWhatAClientSends) {
  const auto batch = parse_log_batch(
      R"({"run_id": "run_1", "run_uuid": "run_1", "unknown": {"a": [1]}, "metrics": [
          {"key": "loss", "value": 0.5, "timestamp": 1699999999999, "step": 3},
          {"key": "loss", "value": "NaN", "timestamp": "1699999999999", "step": "4"},
          {"key": "val/acc", "value": "-Infinity", "later": true},
          {"key": "loss", "value": 7, "step": null}],
          "params": [{"key": "lr", "value": "0.1"}, {"key": "empty"}],
          "tags": [{"key": "mlflow.user", "value": "누구"}]})",
      kNow);
  ASSERT_TRUE(batch) << describe(batch.error());
  EXPECT_EQ(batch->run_id, "run_1");
  EXPECT_EQ(batch->points.keys(), (std::vector<std::string>{"loss", "val/acc"}));
  const auto points = batch->points.points();
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[0].step, 3);
  EXPECT_EQ(points[0].at_ms, 1'699'999'999'999);
  EXPECT_TRUE(std::isnan(points[1].value));
  EXPECT_EQ(points[1].step, 4);
  EXPECT_EQ(points[1].at_ms, 1'699'999'999'999);
  EXPECT_EQ(points[2].value, -INFINITY);
  EXPECT_EQ(points[2].at_ms, kNow);
  EXPECT_EQ(points[3].value, 7);
  EXPECT_EQ(batch->params, (std::vector<KeyValue>{{"lr", "0.1"}, {"empty", ""}}));
  EXPECT_EQ(batch->tags, (std::vector<KeyValue>{{"mlflow.user", "누구"}}));
}

TEST(LogBatch, ReadsASingleMetric) {
  const auto batch = parse_log_metric(
      R"({"run_uuid": "r", "key": "loss", "value": 1e-3, "timestamp": 5, "step": 9})", kNow);
  ASSERT_TRUE(batch) << describe(batch.error());
  EXPECT_EQ(batch->run_id, "r");
  ASSERT_EQ(batch->points.size(), 1U);
  EXPECT_EQ(batch->points.points()[0].value, 1e-3);
  EXPECT_EQ(parse_log_metric(R"({"run_id": "r", "key": "loss"})", kNow).error().field, "value");
}

TEST(LogBatch, SaysWhereAMemberIsWrong) {
  for (const char* body :
       {"", "[]", "{", "{}", R"({"run_id": 5})", R"({"run_id": "r", "metrics": 5})",
        R"({"run_id": "r", "metrics": [5]})", R"({"run_id": "r", "metrics": [{"key": "a"}]})",
        R"({"run_id": "r", "metrics": [{"key": "", "value": 1}]})",
        R"({"run_id": "r", "metrics": [{"key": "a", "value": 1, "step": "x"}]})",
        R"({"run_id": "r", "params": [{"key": 1}]})"})
    EXPECT_EQ(code_of(body), Errc::invalid_argument) << body;
  const auto batch = parse_log_batch(
      R"({"run_id": "r", "metrics": [{"key": "a", "value": 1}, {"key": "a", "value": "many"}]})",
      kNow);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().field, "metrics[1].value");
}

std::string body_with(std::size_t metrics, std::size_t tags) {
  std::string body = R"({"run_id": "r", "metrics": [)";
  for (std::size_t i = 0; i < metrics; ++i)
    body += std::string(i > 0 ? "," : "") + R"({"key":"a","value":1})";
  body += R"(], "tags": [)";
  for (std::size_t i = 0; i < tags; ++i)
    body += std::string(i > 0 ? "," : "") + R"({"key":"t","value":"1"})";
  return body + "]}";
}

TEST(LogBatch, HoldsClientsToTheLimits) {
  EXPECT_TRUE(parse_log_batch(body_with(1000, 0), kNow));
  EXPECT_EQ(code_of(body_with(1001, 0)), Errc::too_large);
  EXPECT_TRUE(parse_log_batch(body_with(900, 100), kNow));
  EXPECT_EQ(code_of(body_with(0, 101)), Errc::too_large);
  EXPECT_EQ(code_of(body_with(950, 60)), Errc::too_large);
  EXPECT_EQ(code_of(body_with(1, 0) + std::string(kMaxLoggedBytes, ' ')), Errc::too_large);
}

}  // namespace
}  // namespace galley::tracking
