#include "fixture.h"

namespace galley::api {
namespace {

using Teams = ApiFixture;

http::Headers if_match(std::string_view tag) {
  http::Headers headers;
  headers.set("If-Match", std::string(tag));
  return headers;
}

Json named(const Json& list, const std::string& name) {
  for (const auto& item : list["items"])
    if (item["name"] == name) return item;
  return nullptr;
}

TEST_F(Teams, ATeamIsMadeChangedAndTakenAway) {
  const auto made =
      call("PUT", "/api/v1/teams/nlp",
           R"({"weight": 2, "guarantees": [{"gpu_type": "H100", "gpus": 1, "count": 1}]})");
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(json_of(made)["name"], "nlp");
  const auto listed = named(get("/api/v1/teams"), "nlp");
  EXPECT_EQ(listed["weight"], 2.0);
  EXPECT_EQ(listed["guarantees"][0]["gpu_type"], "H100");
  EXPECT_EQ(listed["running_gpus"], 0);

  submit({{"team", "nlp"}, {"resources", {{"gpus", 1}}}});
  runs(0);
  EXPECT_EQ(get("/api/v1/teams/nlp")["running_gpus"], 1);

  EXPECT_EQ(call("DELETE", "/api/v1/teams/nlp").status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/teams/nlp").status, 404);
}

TEST_F(Teams, AStaleTagDoesNotOverwrite) {
  const auto first = call("PUT", "/api/v1/teams/nlp", R"({"weight": 2})");
  const auto tag = std::string(first.headers.get("ETag"));
  EXPECT_EQ(call("GET", "/api/v1/teams/nlp").headers.get("ETag"), tag);
  EXPECT_EQ(call("PUT", "/api/v1/teams/nlp", R"({"weight": 3})", if_match(tag)).status, 200);
  const auto stale = call("PUT", "/api/v1/teams/nlp", R"({"weight": 4})", if_match(tag));
  EXPECT_EQ(stale.status, 409) << stale.body;
  EXPECT_THAT(stale.body, HasSubstr("team nlp was changed in the meantime"));
  EXPECT_EQ(get("/api/v1/teams/nlp")["weight"], 3.0);
  EXPECT_EQ(call("PUT", "/api/v1/teams/new", R"({})", if_match(tag)).status, 404);
}

TEST_F(Teams, MistakesAreNamed) {
  const auto detail = [&](const std::string& path, const std::string& body) {
    const auto response = call("PUT", path, body);
    EXPECT_EQ(response.status, 400) << response.body;
    const auto problem = json_of(response);
    return problem.value("field", "") + ": " + problem["detail"].get<std::string>();
  };
  EXPECT_EQ(detail("/api/v1/teams/nlp", R"({"name": "other"})"), "name: found \"other\"");
  EXPECT_EQ(detail("/api/v1/teams/nlp", R"({"weight": 0})"), "weight: found 0");
  EXPECT_EQ(detail("/api/v1/teams/a%20b", "{}"), "name: found 'a b'");
  EXPECT_EQ(detail("/api/v1/teams/nlp", "[]"), ": found []");
  EXPECT_EQ(detail("/api/v1/teams/nlp", R"({"guarantees": [{"gpus": 1000000000, "count": 1}]})"),
            "guarantees[0].gpus: found 1000000000");
  const auto absent = call("GET", "/api/v1/teams/nobody");
  EXPECT_EQ(absent.status, 404);
  EXPECT_THAT(absent.body, HasSubstr("there is no team 'nobody'"));
}

TEST_F(Teams, AQuotaAboveTheFleetIsRefused) {
  const auto response =
      call("PUT", "/api/v1/teams/nlp", R"({"guarantees": [{"gpus": 1, "count": 2}]})");
  EXPECT_EQ(response.status, 409) << response.body;
  const auto problem = json_of(response);
  EXPECT_THAT(problem["detail"].get<std::string>(),
              StartsWith("team nlp cannot be guaranteed 2 x 1 GPU"));
  EXPECT_EQ(problem["guide"]["binding"], "impossible");
  EXPECT_EQ(problem["guide"]["field"], "guarantees");
}

TEST_F(Teams, AReservationIsMadeListedAndGivenUp) {
  const auto made = call("POST", "/api/v1/reservations",
                         R"({"team": "nlp", "resources": {"gpus": 1},
                             "start_at": "2096-12-01T09:00+09:00", "duration": "6h"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto record = json_of(made);
  const std::string id = record["id"];
  EXPECT_THAT(id, StartsWith("rsv_"));
  EXPECT_EQ(made.headers.get("Location"), "/api/v1/reservations/" + id);
  EXPECT_EQ(record["state"], "upcoming");
  EXPECT_EQ(record["start_at"], "2096-12-01T00:00:00.000Z");
  EXPECT_EQ(record["duration"], 21'600.0);
  EXPECT_EQ(record["principal"], "token");
  EXPECT_EQ(get("/api/v1/reservations")["items"][0]["id"], id);
  EXPECT_EQ(call("DELETE", "/api/v1/reservations/" + id).status, 204);
  EXPECT_EQ(call("DELETE", "/api/v1/reservations/" + id).status, 409);
  EXPECT_EQ(call("DELETE", "/api/v1/reservations/mine").status, 400);
}

TEST_F(Teams, AReservationThatCannotBeIsRefused) {
  const auto refused = [&](const std::string& body) {
    const auto response = call("POST", "/api/v1/reservations", body);
    EXPECT_EQ(response.status, 400) << body << response.body;
    return json_of(response);
  };
  const auto too_big = refused(R"({"resources": {"gpus": 64}, "start_at": "2096-12-01T09:00Z",
                                   "duration": "6h"})");
  EXPECT_EQ(too_big["guide"]["binding"], "impossible");
  const auto none = refused(R"({"resources": {"nodes": 0}, "start_at": "2096-12-01T09:00Z",
                                "duration": "6h"})");
  EXPECT_EQ(none["guide"]["reason"], "resources.nodes: found 0; expected 1 to 4096");
  EXPECT_EQ(refused(R"({"resources": {"gpus": 1}, "start_at": "2096-12-01T09:00Z",
                        "duration": "1s"})")["field"],
            "duration");
  EXPECT_EQ(refused(R"({"resources": {"gpus": 1}, "duration": "6h"})")["field"], "start_at");
}

}  // namespace
}  // namespace galley::api
