#include "fixture.h"

namespace galley::api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Jobs = ApiFixture;

std::vector<std::string> ids_of(const Json& list) {
  std::vector<std::string> ids;
  for (const auto& item : list["items"]) ids.push_back(item["id"]);
  return ids;
}

TEST_F(Jobs, AJobIsSubmittedShownAndEnds) {
  const auto response = call("POST", "/api/v1/jobs",
                             R"({"command":["echo","hi"],"resources":{"gpus":1,"memory":"1GiB"}})");
  ASSERT_EQ(response.status, 201) << response.body;
  const auto job = json_of(response);
  const std::string id = job["id"];
  EXPECT_EQ(response.headers.get("Location"), "/api/v1/jobs/" + id);
  EXPECT_EQ(job["principal"], "token");
  EXPECT_EQ(job["spec"]["resources"]["memory"], std::int64_t{1} << 30);

  const auto assignment = runs(0);
  EXPECT_EQ(get("/api/v1/jobs/" + id)["state"], "running");
  EXPECT_EQ(get("/api/v1/devices")["items"][0]["job_id"], id);
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::failed, 3));
  const auto shown = get("/api/v1/jobs/" + id);
  EXPECT_EQ(shown["state"], "failed");
  EXPECT_EQ(shown["exit_code"], 3);
  EXPECT_EQ(shown["attempt_list"][0]["number"], 1);
  EXPECT_EQ(get("/api/v1/jobs/" + id + "/why")["state"], "failed");
  EXPECT_GE(get("/api/v1/jobs/" + id + "/events")["items"].size(), 3U);
}

TEST_F(Jobs, ListsAreFilteredAndPaged) {
  const auto a = submit({{"team", "nlp"}, {"resources", {{"cpus", 4}}}});
  const auto b = submit({{"team", "vision"}, {"resources", {{"cpus", 4}}}});
  const auto c = submit({{"team", "nlp"}, {"resources", {{"cpus", 4}}}});
  runs(0);
  EXPECT_THAT(ids_of(get("/api/v1/jobs")), ElementsAre(c, b, a));
  EXPECT_THAT(ids_of(get("/api/v1/jobs?filter=team%3D%22nlp%22%20and%20state%3D%22queued%22")),
              ElementsAre(c));
  EXPECT_THAT(ids_of(get("/api/v1/jobs?filter=attempts%3E%3D1")), ElementsAre(a));
  const auto first = get("/api/v1/jobs?limit=2");
  EXPECT_THAT(ids_of(first), ElementsAre(c, b));
  EXPECT_THAT(ids_of(get("/api/v1/jobs?limit=2&cursor=" + first["next_cursor"].get<std::string>())),
              ElementsAre(a));
  EXPECT_FALSE(get("/api/v1/jobs?limit=3").contains("next_cursor"));
}

TEST_F(Jobs, MistakesAreNamed) {
  const auto expect = [&](const std::string& body, const std::string& found) {
    const auto response = call("POST", "/api/v1/jobs", body);
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_THAT(response.body, HasSubstr(found));
    EXPECT_THAT(response.headers.get("Content-Type"), StartsWith("application/problem+json"));
  };
  expect("{\"command\": [\"a\",\n]}", "line 2");
  expect(R"({"command":["a"],"resources":{"gpu":1}})", "did you mean resources.gpus?");
  expect(R"({"command":[]})", R"("field":"command")");
  expect(R"([])", "an object");
  expect("", "command");
  EXPECT_EQ(call("GET", "/api/v1/jobs?limit=0").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/jobs?limit=501").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/jobs?cursor=x").status, 400);
  EXPECT_THAT(call("GET", "/api/v1/jobs?filter=stat%3D1").body, HasSubstr("did you mean state?"));
  EXPECT_EQ(call("GET", "/api/v1/jobs/nonsense").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/jobs/job_00000000000000000000000000").status, 404);
  EXPECT_EQ(call("POST", "/api/v1/jobs/job_00000000000000000000000000/cancel").status, 404);
}

TEST_F(Jobs, ARepeatedKeyReturnsTheFirstAnswer) {
  http::Headers key;
  key.set("Idempotency-Key", "k1");
  const std::string body = R"({"command":["true"]})";
  const auto first = call("POST", "/api/v1/jobs", body, key);
  const auto again = call("POST", "/api/v1/jobs", body, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(json_of(first)["id"], json_of(again)["id"]);
  EXPECT_EQ(again.headers.get("Idempotent-Replayed"), "true");
  EXPECT_EQ(call("POST", "/api/v1/jobs", R"({"command":["false"]})", key).status, 409);
  EXPECT_EQ(get("/api/v1/jobs")["items"].size(), 1U);
}

TEST_F(Jobs, CancellingTwiceIsAConflict) {
  submit({{"resources", {{"cpus", 4}}}});
  const auto waiting = submit({{"resources", {{"cpus", 4}}}});
  EXPECT_EQ(post("/api/v1/jobs/" + waiting + "/cancel", Json::object(), 200)["state"], "cancelled");
  post("/api/v1/jobs/" + waiting + "/cancel", Json::object(), 409);
  EXPECT_THAT(audited(), Contains("token job.cancel"));
}

TEST_F(Jobs, TheOverviewCounts) {
  submit({{"resources", {{"cpus", 4}, {"gpus", 1}}}});
  submit({{"resources", {{"cpus", 4}}}});
  runs(0);
  const auto overview = get("/api/v1/overview");
  EXPECT_EQ(overview["queue"]["running"], 1);
  EXPECT_EQ(overview["queue"]["queued"], 1);
  EXPECT_EQ(overview["nodes"], (Json{{"up", 1}, {"down", 0}}));
  EXPECT_EQ(overview["capacity"]["cpus"], 4);
  EXPECT_EQ(overview["capacity"]["cpus_allocated"], 4);
  EXPECT_EQ(overview["capacity"]["gpus_allocated"], 1);
  EXPECT_EQ(overview["version"], "1.2.3");
  EXPECT_EQ(get("/api/v1/nodes")["items"][0]["name"], "n1");

  const auto metrics = call("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("galley_jobs{state=\"queued\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("galley_node_cpus 4\n"));
  EXPECT_THAT(metrics,
              HasSubstr("galley_http_requests_total{route=\"/api/v1/jobs\",code=\"201\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("# TYPE galley_store_commits_total counter\n"));
}

}  // namespace
}  // namespace galley::api
