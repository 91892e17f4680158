#include <functional>
#include <map>
#include <set>

#include "accounts_fixture.h"
#include "route_rules.h"

namespace galley::api {
namespace {

class Audit : public AccountsFixture {
 protected:
  std::int64_t rows() const { return static_cast<std::int64_t>(audited().size()); }
};

TEST_F(Audit, EveryRouteThatChangesSomethingLeavesARow) {
  const Json none = Json::object();
  const auto send = [this](const std::string& method, const std::string& target, const Json& body) {
    return call(method, target, body.is_null() ? std::string() : dump_json(body)).status;
  };
  const auto run = post("/api/v1/runs", {{"name", "r"}}, 201)["id"].get<std::string>();
  const auto other = post("/api/v1/runs", {{"name", "s"}}, 201)["id"].get<std::string>();
  const auto job = post("/api/v1/jobs", waiting(), 201)["id"].get<std::string>();
  const auto ada = user("ada");
  post("/api/v1/users", {{"name", "gone"}}, 201);
  const auto id_of = [&](const std::string& name) {
    token(name);
    return get("/api/v1/users/" + name + "/tokens")["items"][0]["id"].get<std::string>();
  };
  const auto booking =
      post("/api/v1/reservations",
           {{"resources", {{"gpus", 1}}},
            {"start_at", to_rfc3339(system_clock().wall() + std::chrono::hours(48))},
            {"duration", "1h"}},
           201)["id"]
          .get<std::string>();
  const auto first = model("m", "a");
  const auto second = model("m", "b");
  deploy("m", first);
  const auto content = manifest("d.txt", "data");

  const Json study{
      {"name", "search"},
      {"h_params",
       {{"x", {{"type", "float"}, {"distribution", "uniform"}, {"parameters", {0, 1}}}}}},
      {"measure", "score"},
      {"tune", "random"}};
  const auto begun = post("/api/v1/studies", study, 201)["id"].get<std::string>();

  // The model never comes, so the batch waits for it.
  const auto upload = [&] {
    http::Headers headers;
    headers.set("Content-Type", "multipart/form-data; boundary=b");
    return call("POST", "/v1/files",
                "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\n"
                "Content-Disposition: form-data; name=\"file\"\r\n\r\n"
                R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{"prompt":"x"}})"
                "\r\n--b--\r\n",
                headers);
  };
  const auto file_id = [&](const http::Response& response) {
    return json_of(response).value("id", "");
  };
  const std::string mlflow = "/api/2.0/mlflow";
  const auto experiment =
      post(mlflow + "/experiments/create", {{"name", "e"}}, 200)["experiment_id"];
  const auto logged =
      post(mlflow + "/logged-models", {{"experiment_id", "0"}}, 200)["model"]["info"]["model_id"]
          .get<std::string>();
  for (const char* name : {"a", "b", "c"})
    post(mlflow + "/registered-models/create", {{"name", name}}, 200);
  for (int version = 1; version < 4; ++version)
    post(mlflow + "/model-versions/create", {{"name", "a"}, {"source", "s3://x"}}, 200);
  std::map<std::string, std::function<int()>> calls{
      {"POST /api/v1/login",
       [&] {
         return std::stoi(raw("POST", "/api/v1/login", {"Content-Type: application/json"},
                              dump_json({{"code", api_->new_login_code()}}))
                              .substr(9, 3));
       }},
      {"POST /api/v1/login-codes", [&] { return send("POST", "/api/v1/login-codes", none); }},
      {"POST /api/v1/tokens",
       [&] {
         return as(ada, "POST", "/api/v1/tokens", {{"name", "x"}}).status;
       }},
      {"DELETE /api/v1/tokens/{id}",
       [&] { return as(ada, "DELETE", "/api/v1/tokens/" + id_of("ada")).status; }},
      {"POST /api/v1/users",
       [&] {
         return send("POST", "/api/v1/users", {{"name", "eve"}});
       }},
      {"PUT /api/v1/users/{name}",
       [&] {
         return send("PUT", "/api/v1/users/ada", {{"role", "member"}});
       }},
      {"DELETE /api/v1/users/{name}",
       [&] { return send("DELETE", "/api/v1/users/gone", nullptr); }},
      {"POST /api/v1/users/{name}/tokens",
       [&] {
         return send("POST", "/api/v1/users/ada/tokens", {{"name", "y"}});
       }},
      {"DELETE /api/v1/users/{name}/tokens/{id}",
       [&] { return send("DELETE", "/api/v1/users/ada/tokens/" + id_of("ada"), nullptr); }},
      {"PUT /api/v1/secrets/{name}",
       [&] {
         return send("PUT", "/api/v1/secrets/HUB", {{"value", "planted-value"}});
       }},
      {"DELETE /api/v1/secrets/{name}",
       [&] { return send("DELETE", "/api/v1/secrets/HUB", nullptr); }},
      {"POST /api/v1/secrets/rotate", [&] { return send("POST", "/api/v1/secrets/rotate", none); }},
      {"POST /api/v1/jobs", [&] { return send("POST", "/api/v1/jobs", waiting()); }},
      {"POST /api/v1/jobs/{id}/cancel",
       [&] { return send("POST", "/api/v1/jobs/" + job + "/cancel", none); }},
      {"PUT /api/v1/teams/{name}",
       [&] {
         return send("PUT", "/api/v1/teams/nlp", {{"weight", 2}});
       }},
      {"DELETE /api/v1/teams/{name}",
       [&] {
         return send("PUT", "/api/v1/teams/old", {{"weight", 2}}) == 200
                    ? send("DELETE", "/api/v1/teams/old", nullptr)
                    : 0;
       }},
      {"POST /api/v1/reservations",
       [&] {
         return send("POST", "/api/v1/reservations",
                     {{"resources", {{"gpus", 1}}},
                      {"start_at", to_rfc3339(system_clock().wall() + std::chrono::hours(24))},
                      {"duration", "1h"}});
       }},
      {"DELETE /api/v1/reservations/{id}",
       [&] { return send("DELETE", "/api/v1/reservations/" + booking, nullptr); }},
      {"POST /api/v1/alerts",
       [&] {
         return send("POST", "/api/v1/alerts",
                     {{"name", "hot"},
                      {"expression", "gpu_temperature_celsius > 90"},
                      {"command", {"true"}}});
       }},
      {"DELETE /api/v1/alerts/{name}",
       [&] { return send("DELETE", "/api/v1/alerts/hot", nullptr); }},
      {"POST /api/v1/runs",
       [&] {
         return send("POST", "/api/v1/runs", {{"name", "t"}});
       }},
      {"POST /api/v1/runs/{id}/params",
       [&] {
         return send("POST", "/api/v1/runs/" + run + "/params", {{"params", {{"a", "1"}}}});
       }},
      {"POST /api/v1/runs/{id}/tags",
       [&] {
         return send("POST", "/api/v1/runs/" + run + "/tags", {{"tags", {{"a", "1"}}}});
       }},
      {"POST /api/v1/runs/{id}/finish",
       [&] {
         return send("POST", "/api/v1/runs/" + other + "/finish", {{"state", "finished"}});
       }},
      {"POST /api/v1/studies", [&] { return send("POST", "/api/v1/studies", study); }},
      {"POST /api/v1/studies/{id}/stop",
       [&] { return send("POST", "/api/v1/studies/" + begun + "/stop", none); }},
      {"POST /api/v1/datasets/{name}/versions",
       [&] {
         return send("POST", "/api/v1/datasets/d/versions", {{"manifest", content}});
       }},
      {"POST /api/v1/models/{name}/snapshots",
       [&] {
         return send("POST", "/api/v1/models/n/snapshots", {{"manifest", content}});
       }},
      {"PUT /api/v1/models/{name}/channels/{channel}",
       [&] {
         return send("PUT", "/api/v1/models/m/channels/prod", {{"snapshot", second}});
       }},
      {"POST /api/v1/models/{name}/channels/{channel}/rollback",
       [&] { return send("POST", "/api/v1/models/m/channels/prod/rollback", none); }},
      {"POST /v1/files", [&] { return upload().status; }},
      {"DELETE /v1/files/{id}",
       [&] { return send("DELETE", "/v1/files/" + file_id(upload()), nullptr); }},
      {"POST /v1/batches",
       [&] {
         return send("POST", "/v1/batches",
                     {{"input_file_id", file_id(upload())}, {"endpoint", "/v1/completions"}});
       }},
      {"POST /v1/batches/{id}/cancel", [&] {
         const auto batch =
             post("/v1/batches",
                  {{"input_file_id", file_id(upload())}, {"endpoint", "/v1/completions"}}, 200);
         return send("POST", "/v1/batches/" + batch["id"].get<std::string>() + "/cancel", none);
       }}};
  const auto add = [&](const std::string& method, const std::string& path, const Json& body) {
    calls.emplace(method + " " + mlflow + path, [&send, method, target = mlflow + path, body] {
      return send(method, target, body);
    });
  };
  add("POST", "/experiments/create", {{"name", "f"}});
  add("POST", "/experiments/update", {{"experiment_id", experiment}, {"new_name", "g"}});
  add("POST", "/experiments/delete", {{"experiment_id", experiment}});
  add("POST", "/experiments/restore", {{"experiment_id", experiment}});
  add("POST", "/runs/create", {{"run_name", "r"}});
  add("POST", "/runs/delete", {{"run_id", run}});
  add("POST", "/runs/restore", {{"run_id", run}});
  add("POST", "/logged-models", {{"experiment_id", "0"}});
  add("POST", "/registered-models/create", {{"name", "d"}});
  add("POST", "/registered-models/rename", {{"name", "b"}, {"new_name", "bb"}});
  add("DELETE", "/registered-models/delete", {{"name", "c"}});
  add("POST", "/registered-models/alias", {{"name", "a"}, {"alias", "x"}, {"version", "1"}});
  add("DELETE", "/registered-models/alias", {{"name", "a"}, {"alias", "x"}});
  add("POST", "/model-versions/create", {{"name", "a"}, {"source", "s3://y"}});
  add("POST", "/model-versions/transition-stage",
      {{"name", "a"}, {"version", "1"}, {"stage", "Staging"}});
  add("DELETE", "/model-versions/delete", {{"name", "a"}, {"version", "3"}});
  calls.emplace("DELETE " + mlflow + "/logged-models/{model_id}",
                [&] { return send("DELETE", mlflow + "/logged-models/" + logged, nullptr); });
  // What needs machines, other controllers or watched metrics, which this server has not; the tests
  // of those look at these.
  const std::set<std::string> elsewhere{
      "POST /api/v1/nodes/join-tokens",    "DELETE /api/v1/nodes/{id}",
      "POST /api/v1/nodes/{id}/drain",     "POST /api/v1/nodes/{id}/resume",
      "POST /api/v1/controllers/handover", "POST /api/v1/alerts",
      "DELETE /api/v1/alerts/{name}"};
  for (const RouteRule& rule : route_rules()) {
    const std::string route = std::string(rule.method) + " " + std::string(rule.pattern);
    if (rule.audited != Audited::row || elsewhere.contains(route)) continue;
    const auto found = calls.find(route);
    ASSERT_NE(found, calls.end()) << route << " changes something and has no call in this test";
    const auto before = rows();
    const int status = found->second();
    EXPECT_TRUE(status >= 200 && status < 300) << route << ": " << status;
    EXPECT_GT(rows(), before) << route;
  }
}

TEST_F(Audit, OnlyQuestionsAndDataLeaveNoRow) {
  std::vector<std::string> silent;
  for (const RouteRule& rule : route_rules())
    if (rule.method != "GET" && rule.audited != Audited::row &&
        !rule.pattern.starts_with("/api/2.0/mlflow"))
      silent.emplace_back(std::string(rule.pattern));
  EXPECT_THAT(silent,
              ::testing::UnorderedElementsAre(
                  "/api/v1/jobs/guide", "/api/v1/studies/preview", "/api/v1/estimates", "/api/v1/blobs/missing",
                  "/v1/predict", "/v1/completions", "/v1/chat/completions", "/v1/embeddings",
                  "/v2/models/{model}/infer",  // these nine only ask
                  "/api/v1/blobs/{sha256}", "/api/v1/runs/{id}/metrics", "/api/v1/studies/{id}/ask",
                  "/api/v1/studies/{id}/tell"));
}

TEST_F(Audit, OfMlflowsCallsOnlyTheseChangeSomethingAndLeaveNoRow) {
  std::vector<std::string> silent;
  for (const RouteRule& rule : route_rules())
    if (rule.audited == Audited::data && rule.pattern.starts_with("/api/2.0/mlflow"))
      silent.push_back(std::string(rule.method) +
                       std::string(rule.pattern.substr(std::string_view("/api/2.0").size())));
  EXPECT_THAT(
      silent,
      ::testing::UnorderedElementsAre(
          "POST/mlflow/experiments/set-experiment-tag",
          "POST/mlflow/experiments/delete-experiment-tag", "POST/mlflow/runs/update",
          "POST/mlflow/runs/delete-tag", "POST/mlflow/runs/log-inputs", "POST/mlflow/runs/outputs",
          "POST/mlflow/runs/log-model", "POST/mlflow/runs/log-batch", "POST/mlflow/runs/log-metric",
          "POST/mlflow/runs/log-parameter", "POST/mlflow/runs/set-tag",
          "PATCH/mlflow/logged-models/{model_id}", "PATCH/mlflow/logged-models/{model_id}/tags",
          "DELETE/mlflow/logged-models/{model_id}/tags/{tag_key}",
          "POST/mlflow/logged-models/{model_id}/params", "PATCH/mlflow/registered-models/update",
          "POST/mlflow/registered-models/set-tag", "DELETE/mlflow/registered-models/delete-tag",
          "PATCH/mlflow/model-versions/update", "POST/mlflow/model-versions/set-tag",
          "DELETE/mlflow/model-versions/delete-tag", "PUT/mlflow-artifacts/artifacts/{path...}",
          "POST/mlflow-artifacts/artifacts/{path...}",
          "DELETE/mlflow-artifacts/artifacts/{path...}"));
}

TEST_F(Audit, RowsSayWhoFromWhereAndOnWhichRequest) {
  const auto secret = user("ada");
  http::Headers headers;
  headers.set("X-Request-Id", "my-request-7");
  const auto job = json_of(
      taken(client(secret)->send({"POST", "/api/v1/jobs", headers, dump_json(waiting())})))["id"];
  const auto row = get("/api/v1/audit?limit=1")["items"][0];
  EXPECT_EQ(row["principal"], "ada");
  EXPECT_EQ(row["action"], "job.submit");
  EXPECT_EQ(row["subject"], job);
  EXPECT_EQ(row["request_id"], "my-request-7");
  EXPECT_EQ(row["address"], "127.0.0.1");
  EXPECT_TRUE(parse_rfc3339(row["at"].get<std::string>()));
}

TEST_F(Audit, IsFilteredAndPaged) {
  for (int i = 0; i < 5; ++i) post("/api/v1/users", {{"name", "u" + std::to_string(i)}}, 201);
  token("u1");
  const auto users = get("/api/v1/audit?filter=action%20%3D%20%22user.add%22")["items"];
  EXPECT_EQ(users.size(), 5u);
  std::vector<std::int64_t> seen;
  std::string cursor;
  do {
    const auto page = get("/api/v1/audit?limit=4" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const auto& row : page["items"]) seen.push_back(row["seq"]);
    cursor = page.value("next_cursor", "");
  } while (!cursor.empty());
  EXPECT_EQ(seen.size(), 6u);
  EXPECT_TRUE(std::ranges::is_sorted(seen, std::greater{}));
  EXPECT_EQ(call("GET", "/api/v1/audit?cursor=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/audit?filter=x%20%3D%201").status, 400);
  EXPECT_EQ(as(user("ada"), "GET", "/api/v1/audit").status, 403);
}

}  // namespace
}  // namespace galley::api
