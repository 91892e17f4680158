#include <fstream>

#include "estimator/shipped.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

class EstimateTest : public ClientTest {
 protected:
  std::string file(const std::string& text, const std::string& name = "job.yaml") {
    const auto path = home / name;
    std::ofstream(path) << text;
    return path.string();
  }
  std::string golden() {
    return file(
        "kind: estimate\n"
        "version: 1\n"
        "configurations:\n"
        "  - {name: 4× V100, gpu: V100, gpus: 4, runtime: 72h, cost_usd: 1750}\n"
        "  - {name: 4× A100, gpu: A100, gpus: 4, runtime: 8h, cost_usd: 250}\n");
  }
  std::string resnet(const std::string& more = {}) {
    return file(
        "kind: estimate\n"
        "version: 1\n"
        "network: resnet50\n"
        "precision: fp16\n"
        "batch_per_gpu: 128\n"
        "items: 1281167\n"
        "epochs: 90\n"
        "configurations:\n"
        "  - {gpu: A100 40GB, gpus: 4, usd_per_hour: 14.68}\n" +
        more);
  }
};

TEST_F(EstimateTest, TheA100sAreRecommendedAndWhy) {
  const auto done = galley({"estimate", golden()});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("→  4× A100"));
  EXPECT_THAT(done.out, HasSubstr("4× A100 finishes in 8.0 h for $250: 9.0 times as fast and 7.0 "
                                  "times as cheap as 4× V100"));
  EXPECT_THAT(done.err, HasSubstr("no server answers"));
}

TEST_F(EstimateTest, AServerThatAnswersIsAskedAndNamed) {
  answer("POST", "/api/v1/estimates",
         {{"items",
           {{{"name", "2× H100 (own)"},
             {"verdict", "good"},
             {"recommended", true},
             {"wait_s", 1200},
             {"cost_usd", 3.5},
             {"finish_s", 8400},
             {"runtime_s", {{"p10", 6800}, {"p50", 7200}, {"p90", 7700}}}}}},
          {"reason", "2× H100 (own) finishes in 2.3 h for $3.50, and nothing else is feasible."},
          {"model", {{"source", "site"}, {"site_rows", 57}}}});
  const auto done = galley({"estimate", resnet(), "--deadline", "1d", "--budget", "$9"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("2× H100 (own)"));
  EXPECT_THAT(done.out, HasSubstr("20 min"));
  EXPECT_THAT(done.err, HasSubstr("learnt from 57 jobs of this site"));
  ASSERT_EQ(requests().size(), 1U);
  EXPECT_THAT(requests()[0], HasSubstr("\"deadline\":86400"));
  EXPECT_THAT(requests()[0], HasSubstr("\"budget_usd\":9"));
}

TEST_F(EstimateTest, AModelOfOnesOwnIsUsedWithoutAServer) {
  answer("POST", "/api/v1/estimates", {{"items", Json::array()}});
  const auto model = file(std::string(estimator::shipped_model()), "model.json");
  const auto done = galley({"--json", "estimate", resnet(), "--model", model});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(requests().empty());
  EXPECT_THAT(done.out, HasSubstr("\"source\": \"file\""));
}

TEST_F(EstimateTest, APriceListWithWrongColumnsIsRefusedWithThoseItLacks) {
  const auto prices = file("Machine,Cost\na,1\n", "prices.csv");
  const auto done = galley({"estimate", resnet(), "--prices", prices});
  EXPECT_EQ(done.code, 2);
  EXPECT_THAT(done.err, HasSubstr("lacks the columns AcceleratorName, AcceleratorCount, Price"));
  EXPECT_THAT(done.err, HasSubstr("it has Machine, Cost"));
  const auto numbers = file("AcceleratorName,AcceleratorCount,Price\nV100,4,cheap\n", "n.csv");
  EXPECT_THAT(galley({"estimate", resnet(), "--prices", numbers}).err, HasSubstr("line 2"));
}

TEST_F(EstimateTest, AGpuNeverSeenIsSaidAndItsIntervalIsWider) {
  const auto path = resnet("  - {gpu: Zeta 9000, gpus: 4, usd_per_hour: 1}\n");
  const auto done = galley({"--json", "estimate", path});
  const auto answer = parse_json(done.out);
  ASSERT_TRUE(answer) << done.out << done.err;
  const Json* known = nullptr;
  const Json* unknown = nullptr;
  for (const Json& row : answer->at("items"))
    (row.at("guessed_gpu") == true ? unknown : known) = &row;
  ASSERT_TRUE(known != nullptr && unknown != nullptr);
  EXPECT_THAT(unknown->at("note").get<std::string>(), HasSubstr("no data sheet is known"));
  const auto width = [](const Json& row) {
    return row.at("runtime_s").at("p90").get<double>() /
           row.at("runtime_s").at("p10").get<double>();
  };
  EXPECT_GT(width(*unknown), 4 * width(*known));
  EXPECT_EQ(unknown->at("recommended"), false) << "although its hour is the cheapest";
}

TEST_F(EstimateTest, ReportsEndWithTheSitesOwnAccuracy) {
  answer("GET", "/api/v1/estimates/accuracy",
         {{"items", Json::array()},
          {"count", 12},
          {"mdape_pct", 6.25},
          {"coverage90_pct", 91.7},
          {"model", {{"source", "site"}, {"site_rows", 40}}},
          {"fits",
           {{{"at", "2026-11-20T10:00:00Z"},
             {"state", "kept_old"},
             {"rows", 80},
             {"mdape_pct", 9.0},
             {"before_mdape_pct", 6.0},
             {"reason", "worse"}}}}});
  const auto done = galley({"estimate", "report"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("fitted on 40 of its jobs"));
  EXPECT_THAT(done.out, HasSubstr("half were off by no more than 6.2 %"));
  EXPECT_THAT(done.out, HasSubstr("kept old"));
}

}  // namespace
}  // namespace galley::cli::testing
