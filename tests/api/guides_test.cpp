#include "fixture.h"

namespace galley::api {
namespace {

using ::testing::EndsWith;

/// The fixture's node has 4 CPUs, 8 GiB and one H100.
using Guides = ApiFixture;

Json job(const Json& resources) { return {{"command", {"true"}}, {"resources", resources}}; }

TEST_F(Guides, ADryRunOfWhatFitsStartsAtOnceAndSubmitsNothing) {
  const auto guide = post("/api/v1/jobs/guide", job({{"gpus", 1}}), 200);
  EXPECT_EQ(guide["binding"], "none");
  EXPECT_EQ(guide["starts_now"], true);
  EXPECT_EQ(guide["alternatives"], Json::array());
  EXPECT_TRUE(get("/api/v1/jobs")["items"].empty());
}

TEST_F(Guides, AnImpossibleJobIsRefusedWithItsGuide) {
  const Json spec = job({{"gpus", 16}, {"gpu_type", "H100"}});
  const auto guide = post("/api/v1/jobs/guide", spec, 200);
  EXPECT_EQ(guide["binding"], "impossible");
  EXPECT_EQ(guide["field"], "resources.gpus");
  EXPECT_FALSE(guide.contains("start"));
  EXPECT_THAT(guide["reason"].get<std::string>(), HasSubstr("16"));

  const auto refused = call("POST", "/api/v1/jobs", dump_json(spec));
  EXPECT_EQ(refused.status, 400) << refused.body;
  EXPECT_THAT(refused.headers.get("Content-Type"), StartsWith("application/problem+json"));
  const Json problem = json_of(refused);
  EXPECT_EQ(problem["guide"]["binding"], "impossible");
  EXPECT_EQ(problem["guide"]["reason"], guide["reason"]);
  EXPECT_FALSE(problem["detail"].get<std::string>().empty());
}

TEST_F(Guides, WhatAGuideProposesIsAccepted) {
  const Json spec = job({{"gpus", 16}});
  const auto guide = post("/api/v1/jobs/guide", spec, 200);
  ASSERT_FALSE(guide["alternatives"].empty());
  for (const auto& alternative : guide["alternatives"]) {
    Json changed = spec;
    for (const auto& [path, value] : alternative["edits"].items()) {
      Json* place = &changed;
      std::string rest = path;
      for (auto dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
        place = &(*place)[rest.substr(0, dot)];
        rest.erase(0, dot + 1);
      }
      (*place)[rest] = *parse_json(value.get<std::string>());
    }
    EXPECT_NE(post("/api/v1/jobs/guide", changed, 200)["binding"], "impossible") << changed;
  }
}

struct Amount {
  Json resources;
  std::string reason;
};

TEST_F(Guides, AmountsThatNoJobCanAskForAreAnsweredAsGuides) {
  for (const auto& [resources, reason] :
       {Amount{{{"gpus", 1'000'000'000}}, "resources.gpus: found 1000000000; expected 0 to 4096"},
        Amount{{{"gpus", -1}}, "resources.gpus: found -1; expected 0 to 4096"},
        Amount{{{"nodes", 0}}, "resources.nodes: found 0; expected 1 to 4096"},
        Amount{{{"cpus", 0}}, "resources.cpus: found 0; expected 1 to 4096"},
        Amount{{{"gpus", 1}, {"gpu_milli", 0}}, "resources.gpu_milli: found 0; expected 1 to 1000"},
        Amount{{{"gpus", 2}, {"gpu_milli", 500}},
               "resources.gpu_milli: found part of a GPU beside gpus: 2; expected gpus: 1 beside "
               "it"},
        Amount{{{"memory", -5}},
               "resources.memory: found -5; expected 0 to 1152921504606846975"}}) {
    const auto guide = post("/api/v1/jobs/guide", job(resources), 200);
    EXPECT_EQ(guide["binding"], "impossible") << resources;
    EXPECT_EQ(guide["reason"], reason);
    EXPECT_EQ(guide["starts_now"], false);
    // Asked a moment later: what would start at once says another time.
    const auto refused = post("/api/v1/jobs", job(resources), 400);
    EXPECT_EQ(refused["guide"]["binding"], "impossible") << resources;
    EXPECT_EQ(refused["guide"]["reason"], reason);
    EXPECT_EQ(refused["guide"]["alternatives"].size(), guide["alternatives"].size());
  }
}

TEST_F(Guides, AnAmountAboveTheFormIsAnsweredWithWhatFits) {
  const auto guide = post("/api/v1/jobs/guide", job({{"gpus", 1'000'000'000}}), 200);
  ASSERT_FALSE(guide["alternatives"].empty());
  EXPECT_THAT(guide["alternatives"][0]["change"].get<std::string>(), Not(HasSubstr("4096")));
}

TEST_F(Guides, OtherMistakesAreNoGuides) {
  for (const char* body : {R"({"command": []})", R"({"command": ["a"], "resources": {"gpu": 1}})",
                           R"({"command": ["a"], "resources": {"gpus": "two"}})", "[]", "{"}) {
    const auto refused = call("POST", "/api/v1/jobs/guide", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_THAT(refused.body, Not(HasSubstr("\"guide\""))) << body;
  }
}

TEST_F(Guides, AWaitingJobHasAGuideAndCandidates) {
  submit({{"resources", {{"gpus", 1}}}});
  runs(0);
  const auto waiting = submit({{"resources", {{"gpus", 1}}}});
  const auto guide = get("/api/v1/jobs/" + waiting + "/guide");
  EXPECT_EQ(guide["binding"], "resources_in_use") << guide;
  EXPECT_EQ(guide["starts_now"], false);
  const auto why = get("/api/v1/jobs/" + waiting + "/why");
  EXPECT_EQ(why["state"], "queued");
  ASSERT_EQ(why["candidates"].size(), 1U) << why;
  EXPECT_EQ(why["candidates"][0]["node_name"], "n1");
  EXPECT_EQ(why["candidates"][0]["fits"], false);
  EXPECT_FALSE(why["candidates"][0]["obstacle"].get<std::string>().empty());
  EXPECT_EQ(why["jobs_ahead"], 0);
}

TEST_F(Guides, OnlyKnownJobsHaveOne) {
  EXPECT_EQ(call("GET", "/api/v1/jobs/job_00000000000000000000000000/guide").status, 404);
  EXPECT_EQ(call("GET", "/api/v1/jobs/nonsense/guide").status, 400);
}

}  // namespace
}  // namespace galley::api
