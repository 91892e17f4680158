#include "eta_text.h"

#include <gtest/gtest.h>

#include "code_version.h"
#include "run_diff.h"

namespace galley::cli {
namespace {

const WallTime kNoon = *parse_rfc3339("2026-11-22T12:00:00Z");

Json eta_at(const char* finish, double half_s) {
  return {{"remaining_s", {{"p10", 600 - half_s}, {"p50", 600}, {"p90", 600 + half_s}}},
          {"finish_at", finish},
          {"progress_ratio", 0.45},
          {"step", 450},
          {"total_steps", 1000},
          {"unit", "step"},
          {"from", "progress"}};
}

TEST(EtaText, SaysWhenAndHowSure) {
  const std::string text = eta_sentence(eta_at("2026-11-22T12:10:00Z", 240), kNoon);
  EXPECT_NE(text.find(":10 ± 4 min (45 %, step 450 of 1000)"), std::string::npos) << text;
  EXPECT_TRUE(text.starts_with("done at ")) << text;
}

TEST(EtaText, NamesTheDayWhereItIsAnotherOne) {
  const std::string text = eta_time(eta_at("2026-11-25T12:10:00Z", 7'200), kNoon);
  EXPECT_TRUE(text.starts_with("2026-11-2")) << text;
  EXPECT_TRUE(text.ends_with(" ± 2.0 h")) << text;
}

TEST(EtaText, WithoutAnEndSaysHowFarItIs) {
  EXPECT_EQ(
      eta_sentence({{"step", 12}, {"unit", "epoch"}, {"from", "progress"}, {"step_s", 2.5}}, kNoon),
      "epoch 12, 2.5 s each");
  EXPECT_EQ(eta_sentence(nullptr, kNoon), "");
  EXPECT_EQ(eta_time(Json::object(), kNoon), "");
}

TEST(EtaText, TellsOfATargetThatIsOutOfReach) {
  const Json eta{{"to_target", {{"metric", "acc"}, {"value", 0.99}, {"outlook", "out of reach"}}}};
  EXPECT_EQ(eta_target(eta, kNoon), "acc 0.99 is out of reach, as far as can be seen");
}

TEST(RunDiff, ShowsOnlyWhatDiffers) {
  const Json first{{"params", {{"lr", "0.1"}, {"depth", "3"}}},
                   {"series", {{{"key", "loss"}, {"last_value", 0.5}}}},
                   {"lineage", {{"code", {{"commit", "aaa"}}}, {"user", "kim"}}},
                   {"tags", {{"note", "x"}, {"galley.node", "a"}}}};
  Json second = first;
  second["params"]["lr"] = "0.2";
  second["params"]["seed"] = "1";
  second["series"][0]["last_value"] = 0.25;
  second["lineage"]["code"]["commit"] = "bbb";
  second["tags"]["galley.node"] = "b";
  const std::vector<RunDifference> expected{{"params", "lr", "0.1", "0.2"},
                                            {"params", "seed", nullptr, "1"},
                                            {"metrics", "loss", 0.5, 0.25},
                                            {"lineage", "code.commit", "aaa", "bbb"}};
  EXPECT_EQ(diff_runs(first, second, false), expected);
  EXPECT_TRUE(diff_runs(first, first, false).empty());
  EXPECT_EQ(diff_runs(first, second, true).size(), 7U);
}

TEST(CodeVersion, ReadsWhatGitSays) {
  const Json code = read_git_status(
      "# branch.oid 4c52df0a\n# branch.head main\n1 .M N... 100644 100644 100644 a b src/x\n");
  EXPECT_EQ(code, (Json{{"commit", "4c52df0a"}, {"branch", "main"}, {"dirty", true}}));
  EXPECT_TRUE(read_git_status("# branch.oid (initial)\n# branch.head main\n").is_null());
  EXPECT_TRUE(read_git_status("").is_null());
}

TEST(CodeVersion, KeepsNoPassword) {
  EXPECT_EQ(without_password("https://me:secret@host.example/a/b.git"),
            "https://host.example/a/b.git");
  EXPECT_EQ(without_password("git@host.example:a/b.git"), "git@host.example:a/b.git");
  EXPECT_EQ(without_password("https://host.example/a@b"), "https://host.example/a@b");
}

}  // namespace
}  // namespace galley::cli
