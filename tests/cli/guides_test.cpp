#include "base/clock.h"
#include "base/file.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

std::string in(std::chrono::seconds time) {
  // Half a minute more, so that the slowest run still reads the same minute.
  return to_rfc3339(system_clock().wall() + time + std::chrono::seconds(30));
}
Json estimate(std::chrono::seconds early, std::chrono::seconds typical, std::chrono::seconds late) {
  return {{"early_at", in(early)}, {"typical_at", in(typical)}, {"late_at", in(late)}};
}

class GuideTest : public ClientTest {
 protected:
  using Hours = std::chrono::hours;

  std::string write(const std::string& name, const std::string& text) {
    const auto path = home / name;
    EXPECT_TRUE(write_file_atomic(path, text, Durability::memory));
    return path.string();
  }
  std::string big_job() { return write("job.yaml", "command: [a]\nresources:\n  gpus: 16\n"); }

  static Json alternatives() {
    return {{{"change", "8 GPUs instead of 16"},
             {"kind", "fewer_gpus"},
             {"starts_now", true},
             {"start", estimate(Hours(0), Hours(0), Hours(0))},
             {"edits", {{"resources.gpus", "8"}}}},
            {{"change", "8 GPUs on each of 2 nodes"},
             {"kind", "split_over_nodes"},
             {"starts_now", false},
             {"start", estimate(Hours(2), Hours(3), Hours(5))},
             {"edits", {{"resources.gpus", "8"}, {"resources.nodes", "2"}}}},
            {{"change", "any GPU instead of H100, as team vision"},
             {"kind", "other_team"},
             {"starts_now", false},
             {"start", estimate(Hours(2), Hours(2), Hours(2))},
             {"edits", {{"resources.gpu_type", "null"}, {"team", "\"vision\""}}}}};
  }
  static Json impossible() {
    return {{"binding", "impossible"},
            {"reason", "the largest node has 8 GPUs"},
            {"field", "resources.gpus"},
            {"starts_now", false},
            {"alternatives", alternatives()}};
  }
  static Json waiting() {
    return {{"binding", "resources_in_use"},
            {"reason", "6 of 8 GPUs are in use"},
            {"field", ""},
            {"starts_now", false},
            {"start", estimate(Hours(1), Hours(2), Hours(4))},
            {"alternatives", alternatives()}};
  }
};

TEST_F(GuideTest, ADryRunOfWhatCannotBeSaysWhereAndWhatWouldHelp) {
  answer("POST", "/api/v1/jobs/guide", impossible());
  const std::string path = big_job();
  const auto done = galley({"submit", "--dry-run", path});
  EXPECT_EQ(done.code, 4) << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_EQ(
      done.out,
      "never   " + path +
          ":3: resources.gpus: the largest node has 8 GPUs\n"
          "\n"
          "WHAT WOULD HELP                          STARTS  LIKELY         IN THE FILE\n"
          "8 GPUs instead of 16                     now                    resources.gpus: 8\n"
          "8 GPUs on each of 2 nodes                in 3 h  in 2 h to 5 h  resources.gpus: 8, "
          "resources.nodes: 2\n"
          "any GPU instead of H100, as team vision  in 2 h                 no "
          "resources.gpu_type, team: vision\n");
  ASSERT_EQ(requests().size(), 1U);
}

TEST_F(GuideTest, ADryRunOfWhatWaitsIsAnAnswerAndNoFailure) {
  answer("POST", "/api/v1/jobs/guide", waiting());
  const auto done = galley({"submit", "--dry-run", big_job()});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, ::testing::StartsWith("waits   6 of 8 GPUs are in use\n"
                                              "starts  in 2 h (in 1 h to 4 h)\n\n"));
}

TEST_F(GuideTest, ADryRunOfWhatStartsSaysSo) {
  answer(
      "POST", "/api/v1/jobs/guide",
      {{"binding", "none"}, {"reason", ""}, {"starts_now", true}, {"alternatives", Json::array()}});
  const auto done = galley({"run", "--dry-run", "--", "true"});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "It starts at once.\n");
}

TEST_F(GuideTest, ADryRunOfOptionsNamesOptions) {
  answer("POST", "/api/v1/jobs/guide", impossible());
  const auto done = galley({"run", "--dry-run", "--gpus", "16", "--gpu-type", "H100", "--nodes",
                            "2", "--gpu-memory", "24GiB", "--", "true"});
  EXPECT_EQ(done.code, 4);
  EXPECT_THAT(done.out, ::testing::StartsWith("never   the largest node has 8 GPUs\n"));
  EXPECT_THAT(done.out, HasSubstr("--gpus 8 --nodes 2\n"));
  EXPECT_THAT(done.out, HasSubstr("no --gpu-type --team vision\n"));
  EXPECT_THAT(requests().at(0), HasSubstr(R"("gpu_memory":"24GiB")"));
  EXPECT_THAT(requests().at(0), HasSubstr(R"("nodes":2)"));
}

TEST_F(GuideTest, JsonIsTheRecord) {
  answer("POST", "/api/v1/jobs/guide", impossible());
  const auto done = galley({"submit", "--dry-run", "--json", big_job()});
  EXPECT_EQ(done.code, 4);
  const auto json = parse_json(done.out);
  ASSERT_TRUE(json) << done.out;
  EXPECT_EQ((*json)["alternatives"][0]["edits"]["resources.gpus"], "8");
}

TEST_F(GuideTest, AmountsThatNoFileHoldsAreAskedAboutToo) {
  answer("POST", "/api/v1/jobs/guide",
         {{"binding", "impossible"},
          {"reason", "resources.gpus: found 1000000000; expected 0 to 4096"},
          {"field", "resources.gpus"},
          {"starts_now", false},
          {"alternatives", Json::array()}});
  const std::string path = write("job.yaml", "command: [a]\nresources: {gpus: 1000000000}\n");
  const auto done = galley({"submit", "--dry-run", path});
  EXPECT_EQ(done.code, 4);
  EXPECT_EQ(done.out,
            "never   " + path + ":2: resources.gpus: found 1000000000; expected 0 to 4096\n");
}

TEST_F(GuideTest, OtherMistakesNeedNoServer) {
  const std::string path = write("job.yaml", "command: [a]\nresources:\n  gpu: 1\n");
  const auto done = galley({"submit", "--dry-run", path});
  EXPECT_EQ(done.code, 2);
  EXPECT_EQ(done.err, path + ":3: resources.gpu: unknown field; did you mean resources.gpus?\n");
  EXPECT_TRUE(requests().empty());
}

TEST_F(GuideTest, ARefusedSubmissionShowsTheGuide) {
  Json problem{{"type", "invalid_argument"},
               {"detail", "no node has 16 GPUs"},
               {"field", "resources.gpus"},
               {"guide", impossible()}};
  answer("POST", "/api/v1/jobs", problem, 400);
  const std::string path = big_job();
  const auto done = galley({"submit", path});
  EXPECT_EQ(done.code, 4);
  EXPECT_EQ(done.out, "");
  EXPECT_THAT(done.err, HasSubstr("WHAT WOULD HELP"));
  EXPECT_THAT(done.err, ::testing::EndsWith(path + ":3: resources.gpus: no node has 16 GPUs\n"));
  const auto run = galley({"run", "--gpus", "16", "--", "true"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("--gpus 8 --nodes 2"));
}

TEST_F(GuideTest, ASubmittedJobThatMustWaitSaysSoInALine) {
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  answer("GET", "/api/v1/jobs/{id}/guide", waiting());
  const auto done = galley({"submit", big_job()});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, kJobId + "\n");
  EXPECT_THAT(done.err,
              ::testing::EndsWith("it waits: 6 of 8 GPUs are in use; expected to start in "
                                  "2 h (in 1 h to 4 h); `galley why " +
                                  kJobId + "` says what would help\n"));
}

TEST_F(GuideTest, WhyShowsEveryTermOfEveryCandidate) {
  answer("GET", "/api/v1/jobs/{id}/why",
         {{"state", "queued"},
          {"summary", "It waits: 6 of 8 GPUs are in use."},
          {"lines", {"n1 has 2 of the 4 GPUs free"}},
          {"jobs_ahead", 1},
          {"start", estimate(Hours(1), Hours(2), Hours(4))},
          {"candidates",
           {{{"node_name", "n1"},
             {"fits", true},
             {"start_delay_s", 41.25},
             {"fragmentation_s", 0.5},
             {"spread_s", 0.0},
             {"total_s", 41.75}},
            {{"node_name", "n2"}, {"fits", false}, {"obstacle", "2 of 4 GPUs are free"}}}},
          {"guide", waiting()}});
  const auto done = galley({"why", kJobId});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out,
              ::testing::StartsWith(
                  "It waits: 6 of 8 GPUs are in use.\n"
                  "  n1 has 2 of the 4 GPUs free\n"
                  "\n"
                  "starts   in 2 h (in 1 h to 4 h)\n"
                  "before   1 waiting job\n"
                  "\n"
                  "NODE  START DELAY  FRAGMENTATION  SPREAD   TOTAL  OBSTACLE\n"
                  "n1         41.2 s          0.5 s   0.0 s  41.8 s\n"
                  "n2                                                2 of 4 GPUs are free\n"
                  "\n"
                  "WHAT WOULD HELP"));
}

TEST_F(GuideTest, TablesFitNarrowTerminals) {
  answer("POST", "/api/v1/jobs/guide", impossible());
  ::setenv("COLUMNS", "80", 1);
  const auto done = galley({"submit", "--dry-run", big_job()});
  // What to change is never cut.
  EXPECT_THAT(done.out, HasSubstr("resources.gpus: 8, resources.nodes: 2\n"));
  EXPECT_THAT(done.out, HasSubstr("no resources.gpu_type, team: vision\n"));
}

}  // namespace
}  // namespace galley::cli::testing
