// Searches of hyperparameters as a user starts them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "installation.h"

namespace galley::testing {
namespace {

using ::testing::HasSubstr;

class TuneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(site_.start());
    write({{"h_params",
            {{"x", {{"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}}},
             {"kind",
              {{"type", "str"}, {"distribution", "categorical"}, {"parameters", {"a", "b"}}}}}},
           {"measure", "score"},
           {"tune", "random"},
           {"termination", {{"max_session_number", 8}}}});
  }
  void write(const Json& study) {
    ASSERT_TRUE(write_file_atomic(site_.work() / "toy.json", dump_json(study), Durability::memory));
  }
  Installation site_;
};

TEST_F(TuneTest, AnyProgramThatPrintsItsMeasureCanBeTuned) {
  const auto preview = site_.galley({"tune", "preview", "toy.json", "--seconds", "10"});
  EXPECT_EQ(preview.exit_code, 0) << preview.stderr_bytes;
  EXPECT_THAT(preview.stdout_bytes, HasSubstr("8, "));

  const auto tuned = site_.galley(
      {"tune", "toy.json", "--", "/bin/sh", "-c", "echo galley:: step=1 score={x}", "{kind}"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.stderr_bytes;
  const auto best = parse_json(tuned.stdout_bytes);
  ASSERT_TRUE(best) << tuned.stdout_bytes;

  const auto top = site_.galley({"tune", "top", "toy", "--json"});
  ASSERT_EQ(top.exit_code, 0) << top.stderr_bytes;
  const auto trials = parse_json(top.stdout_bytes);
  ASSERT_TRUE(trials);
  ASSERT_EQ(trials->at("items").size(), 8U);
  EXPECT_EQ(trials->at("items").at(0).at("params"), *best);
  double last = 2;
  for (const Json& trial : trials->at("items")) {
    EXPECT_EQ(trial.at("state"), "finished");
    EXPECT_DOUBLE_EQ(trial.at("values").at(0).get<double>(),
                     trial.at("params").at("x").get<double>());
    EXPECT_LE(trial.at("values").at(0).get<double>(), last);
    last = trial.at("values").at(0).get<double>();
  }
  EXPECT_THAT(site_.galley({"tune", "importance", "toy"}).stdout_bytes, HasSubstr("kind"));
  EXPECT_THAT(site_.galley({"tune", "export", "toy"}).stdout_bytes,
              HasSubstr("trial,state,resource,score,kind,x\n0,finished,1,"));
  EXPECT_THAT(site_.galley({"studies"}).stdout_bytes, HasSubstr("toy"));
  EXPECT_THAT(site_.galley({"studies", "show", "toy"}).stdout_bytes, HasSubstr("8 ended"));
}

TEST_F(TuneTest, AFaultInTheFileIsNamedWithItsLine) {
  ASSERT_TRUE(write_file_atomic(
      site_.work() / "bad.json",
      "{\n  \"h_params\": {\n    \"x\": {\"type\": \"float\", \"parameters\": [1, 0]}\n  },\n"
      "  \"measure\": \"score\"\n}\n",
      Durability::memory));
  const auto output = site_.galley({"tune", "bad.json", "--", "true"});
  EXPECT_NE(output.exit_code, 0);
  EXPECT_THAT(output.stderr_bytes, HasSubstr("bad.json:3"));
  EXPECT_THAT(output.stderr_bytes, HasSubstr("h_params.x"));
  EXPECT_EQ(site_.galley({"tune", "none.json"}).exit_code, 3);
}

TEST_F(TuneTest, EstimatesNeedNoServer) {
  site_.server().kill();
  const auto estimate = site_.galley(
      {"estimate", (std::filesystem::path(GALLEY_EXAMPLES) / "resnet50.yaml").string(), "--json"});
  ASSERT_EQ(estimate.exit_code, 0) << estimate.stderr_bytes;
  const auto table = parse_json(estimate.stdout_bytes);
  ASSERT_TRUE(table);
  EXPECT_GE(table->at("items").size(), 5U);
  EXPECT_THAT(site_.galley({"estimate", "report"}).stdout_bytes, HasSubstr("gavel"));
}

}  // namespace
}  // namespace galley::testing
