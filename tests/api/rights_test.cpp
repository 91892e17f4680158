#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "accounts_fixture.h"
#include "route_rules.h"

namespace galley::api {
namespace {

using accounts::Action;
using accounts::Role;

/// "/api/v1/jobs/{id}/{path...}" as the document writes it.
std::string described(std::string_view pattern) {
  std::string path(pattern);
  if (const auto at = path.find("..."); at != std::string::npos) path.erase(at, 3);
  return path;
}

/// The pattern with something in the place of each parameter.
std::string filled(std::string_view pattern) {
  std::string path;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      path += pattern[i];
      continue;
    }
    path += "none";
    i = pattern.find('}', i);
  }
  return path;
}

class Rights : public AccountsFixture {};

TEST_F(Rights, EveryRouteIsInTheTableAndTheTableHasNoOthers) {
  std::set<std::string> served;
  const Json document = get("/api/v1/openapi.json");
  for (const auto& [path, methods] : document["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      served.insert(upper + " " + path);
      EXPECT_NE(operation["x-galley-action"], "unlisted")
          << upper << " " << path << " has no line in src/api/route_rules.cpp";
    }
  // What describes itself is added last and so does not list itself.
  served.insert("GET /api/v1/openapi.json");
  for (const RouteRule& rule : route_rules())
    EXPECT_TRUE(served.contains(std::string(rule.method) + " " + described(rule.pattern)))
        << rule.method << " " << rule.pattern << " is served no more";
}

TEST_F(Rights, EveryRouteObeysTheTableForEveryRole) {
  const std::set<std::string> open{
      "/healthz",        "/{path...}",       "/v2",
      "/health",         "/version",         "/api/3.0/mlflow/server-info",
      "/v2/health/live", "/v2/health/ready", "/api/v1/login"};
  for (const Role role : accounts::kRoles) {
    const auto secret = user(std::string(to_string(role)) + "1", std::string(to_string(role)));
    auto connection = client(secret);
    for (const RouteRule& rule : route_rules()) {
      if (open.contains(std::string(rule.pattern))) continue;
      // HEAD is judged as GET is, and ends streams at their heads.
      const std::string method(rule.method == "GET" ? "HEAD" : rule.method);
      const std::string body = method == "HEAD" ? "" : R"({"no":"such field"})";
      const auto answer = taken(connection->send({method, filled(rule.pattern), {}, body}));
      const bool refused = answer.status == 403;
      EXPECT_EQ(refused, !role_may(role, rule.action))
          << to_string(role) << " " << rule.method << " " << rule.pattern << ": " << answer.status
          << " " << answer.body;
      EXPECT_NE(answer.status, 401) << rule.pattern;
      if (refused && method != "HEAD") {
        EXPECT_THAT(detail(answer),
                    HasSubstr("needs the role " +
                              std::string(to_string(accounts::least_role(rule.action)))));
      }
    }
  }
}

TEST_F(Rights, MembersSubmitToTheirOwnTeams) {
  const auto secret = user("ada", "member", {{"teams", {"nlp", "vision"}}});
  EXPECT_EQ(as(secret, "POST", "/api/v1/jobs", waiting({{"team", "nlp"}})).status, 201);
  const auto other = as(secret, "POST", "/api/v1/jobs", waiting({{"team", "ops"}}));
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(detail(other), "ada is not in team 'ops'");
  EXPECT_EQ(json_of(other)["expected"], "one of nlp, vision");
  EXPECT_EQ(as(secret, "POST", "/api/v1/jobs", waiting()).status, 403);  // default is not hers
  const Json booking{{"team", "ops"},
                     {"resources", {{"gpus", 1}}},
                     {"start_at", "2090-01-01T00:00Z"},
                     {"duration", "1h"}};
  EXPECT_EQ(as(secret, "POST", "/api/v1/reservations", booking).status, 403);
  const auto narrow = token("ada", {{"team", "nlp"}});
  EXPECT_EQ(as(narrow, "POST", "/api/v1/jobs", waiting({{"team", "vision"}})).status, 403);
  EXPECT_EQ(json_of(as(narrow, "POST", "/api/v1/jobs", waiting()))["team"], "nlp");
  const auto admin = user("root1", "admin");
  EXPECT_EQ(as(admin, "POST", "/api/v1/jobs", waiting({{"team", "ops"}})).status, 201);
}

TEST_F(Rights, MembersCancelTheirOwnJobs) {
  const auto ada = user("ada");
  const auto bob = user("bob");
  const auto cancel = [](const Json& job) {
    return "/api/v1/jobs/" + job["id"].get<std::string>() + "/cancel";
  };
  const auto first = json_of(as(ada, "POST", "/api/v1/jobs", waiting()));
  const auto second = json_of(as(ada, "POST", "/api/v1/jobs", waiting()));
  const auto refused = as(bob, "POST", cancel(first));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(detail(refused), HasSubstr("belongs to ada"));
  EXPECT_EQ(as(ada, "POST", cancel(first)).status, 200);
  EXPECT_EQ(as(user("root1", "admin"), "POST", cancel(second)).status, 200);
}

TEST_F(Rights, BookingsAreGivenUpByWhoMadeThem) {
  const auto ada = user("ada");
  const auto bob = user("bob");
  const auto made = as(ada, "POST", "/api/v1/reservations",
                       {{"resources", {{"gpus", 1}}},
                        {"start_at", to_rfc3339(system_clock().wall() + std::chrono::hours(24))},
                        {"duration", "1h"}});
  ASSERT_EQ(made.status, 201) << made.body;
  const auto target = "/api/v1/reservations/" + json_of(made)["id"].get<std::string>();
  EXPECT_EQ(as(bob, "DELETE", target).status, 403);
  EXPECT_EQ(as(ada, "DELETE", target).status, 204);
}

TEST_F(Rights, AQuotaIsRefusedWithItsNumbers) {
  const auto secret = user("ada", "member", {{"max_queued_jobs", 2}, {"max_job_gpus", 4}});
  const auto large =
      as(secret, "POST", "/api/v1/jobs", waiting({{"resources", {{"gpus", 4}, {"nodes", 2}}}}));
  EXPECT_EQ(large.status, 403);
  EXPECT_EQ(detail(large), "the job asks for 8 GPUs, and the quota of ada is 4 a job");
  const auto first = json_of(as(secret, "POST", "/api/v1/jobs", waiting()));
  EXPECT_EQ(as(secret, "POST", "/api/v1/jobs", waiting()).status, 201);
  const auto third = as(secret, "POST", "/api/v1/jobs", waiting());
  EXPECT_EQ(third.status, 429);
  EXPECT_EQ(detail(third), "ada has 2 jobs that wait, and its quota is 2");
  as(secret, "POST", "/api/v1/jobs/" + first["id"].get<std::string>() + "/cancel");
  EXPECT_EQ(as(secret, "POST", "/api/v1/jobs", waiting()).status, 201);
  EXPECT_EQ(as(user("bob"), "POST", "/api/v1/jobs", waiting()).status, 201);
}

TEST_F(Rights, SubmissionsAtOnceDoNotExceedAQuotaTogether) {
  const auto secret = user("ada", "member", {{"max_queued_jobs", 5}});
  std::atomic<int> accepted{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i)
      clients.emplace_back([&] {
        const auto connection = client(secret);
        for (int k = 0; k < 5; ++k)
          if (connection->send({"POST", "/api/v1/jobs", {}, dump_json(waiting())})->status == 201)
            ++accepted;
      });
  }
  EXPECT_EQ(accepted, 5);
}

TEST_F(Rights, SecretsBelongToTheirTeamAndNoAnswerHasTheirValue) {
  const std::string value = "hf_PlantedByRightsTest";
  const auto ada = user("ada", "member", {{"teams", {"nlp"}}});
  const auto bob = user("bob", "member", {{"teams", {"vision"}}});
  const auto eve = user("eve", "viewer", {{"teams", {"nlp"}}});
  const auto set = as(ada, "PUT", "/api/v1/secrets/HUB", {{"value", value}});
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(json_of(set)["team"], "nlp");
  EXPECT_THAT(set.body, Not(HasSubstr(value)));
  EXPECT_THAT(as(ada, "GET", "/api/v1/secrets").body,
              AllOf(HasSubstr("HUB"), Not(HasSubstr(value))));
  EXPECT_THAT(as(bob, "GET", "/api/v1/secrets").body, Not(HasSubstr("HUB")));
  EXPECT_THAT(as(eve, "GET", "/api/v1/secrets").body, HasSubstr("HUB"));
  EXPECT_EQ(as(eve, "PUT", "/api/v1/secrets/HUB", {{"value", "x"}}).status, 403);
  EXPECT_EQ(as(bob, "PUT", "/api/v1/secrets/HUB", {{"value", "x"}, {"team", "nlp"}}).status, 403);
  EXPECT_EQ(as(bob, "DELETE", "/api/v1/secrets/HUB?team=nlp").status, 403);
  EXPECT_EQ(as(ada, "POST", "/api/v1/secrets/rotate").status, 403);
  for (const Json& bad : {Json{{"value", 123456789}}, Json{{"value", {value}}}, Json{{"value", ""}},
                          Json{{"value", value}, {"vaule", value}}}) {
    const auto refused = as(ada, "PUT", "/api/v1/secrets/HUB", bad);
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_THAT(refused.body, AllOf(Not(HasSubstr(value)), Not(HasSubstr("123456789"))));
  }
  const auto broken =
      taken(client(ada)->send({"PUT", "/api/v1/secrets/HUB", {}, R"({"value": ")" + value + "\n"}));
  EXPECT_EQ(broken.status, 400);
  EXPECT_THAT(broken.body, Not(HasSubstr(value)));

  EXPECT_EQ(as(ada, "POST", "/api/v1/jobs", waiting({{"secrets", {"HUB"}}})).status, 201);
  const auto missing = as(ada, "POST", "/api/v1/jobs", waiting({{"secrets", {"HUB", "HUV"}}}));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(json_of(missing)["field"], "secrets[1]");
  EXPECT_EQ(as(bob, "POST", "/api/v1/jobs", waiting({{"secrets", {"HUB"}}})).status, 404)
      << "another team's is as if it were not there";
  const auto named = waiting({{"secrets", {"HUB"}}, {"env", {{"HUB", "x"}}}});
  EXPECT_EQ(json_of(as(ada, "POST", "/api/v1/jobs", named))["field"], "secrets[0]");
  EXPECT_EQ(as(ada, "DELETE", "/api/v1/secrets/HUB").status, 204);
  EXPECT_EQ(as(ada, "DELETE", "/api/v1/secrets/HUB").status, 404);
}

}  // namespace
}  // namespace galley::api
