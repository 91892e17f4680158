// Searches of hyperparameters as a user starts them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "installation.h"
#include "tracking/tensorboard.h"

namespace galley::testing {
namespace {

using ::testing::AllOf;
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
  /// Each setting of the only parameter was tried, and reported so at its epochs 1, 2, ...
  void expect_curves(const std::map<std::string, std::vector<double>>& wanted,
                     const std::string& name) {
    auto client = site_.client();
    const auto curves = client.get("/api/v1/studies/toy/curves");
    ASSERT_TRUE(curves) << describe(curves.error());
    ASSERT_EQ(curves->at("curves").size(), wanted.size());
    std::set<std::string> seen;
    for (const Json& curve : curves->at("curves")) {
      const auto number = curve.at("trial").get<std::int64_t>();
      const auto trial = client.get("/api/v1/studies/toy/trials/" + std::to_string(number));
      ASSERT_TRUE(trial);
      EXPECT_EQ(trial->at("state"), "finished");
      const auto setting = trial->at("params").at(name).get<std::string>();
      seen.insert(setting);
      EXPECT_EQ(curve.at("resource"), Json({1, 2, 3})) << setting;
      EXPECT_EQ(curve.at("value"), Json(wanted.at(setting))) << setting;
    }
    EXPECT_EQ(seen.size(), wanted.size());
  }
  Installation site_;
};

TEST_F(TuneTest, AnyProgramThatPrintsItsMeasureCanBeTuned) {
  // Not in the order of names: tables and axes are as the file is.
  ASSERT_TRUE(write_file_atomic(site_.work() / "toy.json", R"({"h_params": {
  "x": {"type": "float", "distribution": "uniform", "parameters": [0, 1]},
  "kind": {"type": "str", "distribution": "categorical", "parameters": ["a", "b"]}},
 "measure": "score", "tune": "random", "termination": {"max_session_number": 8}})",
                                Durability::memory));
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
              HasSubstr("trial,state,resource,score,x,kind,from\n0,finished,1,"));
  EXPECT_THAT(site_.galley({"studies"}).stdout_bytes, HasSubstr("toy"));
  EXPECT_THAT(site_.galley({"studies", "show", "toy"}).stdout_bytes, HasSubstr("8 ended"));
}

TEST_F(TuneTest, AProgramThatPrintsItsOwnWordsIsTunedAsItIs) {
  write(
      {{"h_params",
        {{"digit",
          {{"type", "str"}, {"distribution", "categorical"}, {"parameters", {"3", "5"}}}}}},
       {"measure", "accuracy"},
       {"max_resource", 3},
       {"tune", "grid"},
       {"termination", {{"max_session_number", 2}}},
       {"job",
        {{"command",
          {"/bin/sh", "-c",
           "for e in 1 2 3; do echo \"Epoch $e is done, accuracy: 0.${e}{digit} (loss 1)\"; done"}},
         {"metrics",
          {{"pattern", R"(Epoch (?<epoch>\d+) is done, accuracy: (?<accuracy>[\d.]+))"}}}}}});
  const auto tuned = site_.galley({"tune", "toy.json"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.stderr_bytes;
  expect_curves({{"3", {0.13, 0.23, 0.33}}, {"5", {0.15, 0.25, 0.35}}}, "digit");
}

TEST_F(TuneTest, AProgramThatWritesEventFilesAloneIsTunedAsItIs) {
  const std::map<std::string, std::vector<double>> curves{{"a", {0.25, 0.5, 0.75}},
                                                          {"b", {0.5, 0.625, 0.6875}}};
  for (const auto& [kind, values] : curves) {
    const WallTime now = from_ms(1'700'000'000'000);
    auto writer = tracking::TensorboardWriter::create(site_.work() / "events" / kind, now);
    ASSERT_TRUE(writer) << describe(writer.error());
    std::int64_t epoch = 0;
    for (const double value : values)
      ASSERT_TRUE(writer->add_scalar("test/accuracy", ++epoch, static_cast<float>(value), now));
    ASSERT_TRUE(writer->flush());
  }
  write(
      {{"h_params",
        {{"kind", {{"type", "str"}, {"distribution", "categorical"}, {"parameters", {"a", "b"}}}}}},
       {"measure", "test/accuracy"},
       {"max_resource", 3},
       {"tune", "grid"},
       {"termination", {{"max_session_number", 2}}},
       {"job",
        {{"command", {"/bin/sh", "-c", "mkdir -p runs/{trial} && cp events/{kind}/* runs/{trial}"}},
         {"metrics", {{"tensorboard", "runs/{trial}"}}}}}});
  const auto tuned = site_.galley({"tune", "toy.json"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.stderr_bytes;
  expect_curves(curves, "kind");
}

TEST_F(TuneTest, StudiesAreMergedIntoOneThatKnowsBoth) {
  for (const std::string name : {"monday", "tuesday"})
    ASSERT_EQ(site_
                  .galley({"tune", "toy.json", "--name", name, "--", "/bin/sh", "-c",
                           "echo galley:: step=1 score={x}"})
                  .exit_code,
              0);
  const auto written = site_.galley({"tune", "merge", "monday", "tuesday", "-o", "both.json"});
  ASSERT_EQ(written.exit_code, 0) << written.stderr_bytes;
  const auto file = read_file(site_.work() / "both.json", std::size_t{1} << 20);
  ASSERT_TRUE(file);
  EXPECT_EQ(parse_json(*file)->at("warm_start").size(), 2U);
  const auto both = site_.galley({"tune", "merge", "monday", "tuesday", "--name", "both"});
  ASSERT_EQ(both.exit_code, 0) << both.stderr_bytes;
  const auto shown = site_.galley({"studies", "show", "both"}).stdout_bytes;
  EXPECT_THAT(shown, HasSubstr("8 trials of monday"));
  EXPECT_THAT(shown, HasSubstr("8 trials of tuesday"));
  EXPECT_THAT(site_.galley({"tune", "top", "both", "--count", "99"}).stdout_bytes,
              AllOf(HasSubstr("monday/7 "), HasSubstr("tuesday/0 ")));
  EXPECT_THAT(site_.galley({"tune", "importance", "both"}).stderr_bytes,
              HasSubstr("16 of them of earlier studies"));
  const auto exported = site_.galley({"tune", "export", "both"}).stdout_bytes;
  EXPECT_THAT(exported, HasSubstr("kind,x,from\n"));
  const auto of = [&](const std::string& name) {
    const auto study = site_.galley({"studies", "show", name, "--json"}).stdout_bytes;
    return parse_json(study)->at("id").get<std::string>();
  };
  EXPECT_THAT(exported,
              AllOf(HasSubstr("," + of("monday") + "\n"), HasSubstr("," + of("tuesday"))));
  const auto same = site_.galley({"tune", "merge", "monday", of("monday"), "--name", "x"});
  EXPECT_NE(same.exit_code, 0);
  EXPECT_THAT(same.stderr_bytes, HasSubstr("one study"));
  EXPECT_THAT(site_
                  .galley({"tune", "toy.json", "--name", "warm", "--warm-start", "monday", "--",
                           "/bin/sh", "-c", "echo galley:: step=1 score={x}"})
                  .stderr_bytes,
              HasSubstr("8 trials of monday"));
  const auto alone = site_.galley({"tune", "merge", "monday", "--name", "x"});
  EXPECT_NE(alone.exit_code, 0);
  EXPECT_THAT(alone.stderr_bytes, HasSubstr("two studies"));
}

TEST_F(TuneTest, ThePreviewSaysWhatItCosts) {
  write({{"h_params",
          {{"x", {{"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}}}}},
         {"measure", "score"},
         {"tune", "random"},
         {"termination", {{"max_session_number", 8}}},
         {"job", {{"command", {"true"}}, {"resources", {{"gpus", 1}, {"gpu_type", "V100"}}}}}});
  const std::vector<std::string> preview{"tune", "preview",   "toy.json", "--gpus",
                                         "2",    "--seconds", "3600"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> words = preview;
    words.insert(words.end(), more.begin(), more.end());
    return site_.galley(words);
  };
  EXPECT_THAT(with({}).stdout_bytes, HasSubstr("--usd-per-gpu-hour"));
  // 8 trials of an hour on two GPUs.
  EXPECT_THAT(with({"--usd-per-gpu-hour", "2.5"}).stdout_bytes, HasSubstr("$20.00"));
  const auto json = parse_json(with({"--usd-per-gpu-hour", "2.5", "--json"}).stdout_bytes);
  ASSERT_TRUE(json);
  EXPECT_DOUBLE_EQ(json->at("cost_usd").get<double>(), 20);
  EXPECT_TRUE(parse_rfc3339(json->at("finish_at").get<std::string>()));
  ASSERT_TRUE(write_file_atomic(site_.work() / "prices.csv",
                                "gpu,gpus,usd_per_hour\nV100,4,12\nV100,1,3.5\nA100,1,1\n",
                                Durability::memory));
  EXPECT_THAT(with({"--prices", "prices.csv"}).stdout_bytes, HasSubstr("$24.00"));
}

TEST_F(TuneTest, APreviewNeedsNoServerUnlessOneIsNamed) {
  ASSERT_TRUE(site_.server().stop());
  const auto alone = site_.galley({"tune", "preview", "toy.json", "--seconds", "10"});
  EXPECT_EQ(alone.exit_code, 0) << alone.stderr_bytes;
  EXPECT_THAT(alone.stdout_bytes, HasSubstr("trials    8, "));
  EXPECT_THAT(alone.stderr_bytes, HasSubstr("no server answers: as on this machine alone"));
  const auto named = site_.galley({"tune", "preview", "toy.json", "--server", "unix:nobody.sock"});
  EXPECT_NE(named.exit_code, 0);
  EXPECT_THAT(named.stderr_bytes, HasSubstr("cannot reach unix:nobody.sock"));
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
