#include "fixture.h"

namespace galley::api {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Lt;

class Auth : public ApiFixture {
 protected:
  std::string bearer(const std::string& token = kToken) const {
    return "Authorization: Bearer " + token;
  }
  /// Logs in as a page does; answers the cookie pair.
  std::string cookie() {
    const auto answer = raw("POST", "/api/v1/login", {"Content-Type: application/json"},
                            dump_json({{"code", api_->new_login_code()}}));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
    const auto at = answer.find("galley_session=");
    return "Cookie: " + answer.substr(at, answer.find(';', at) - at);
  }
};

TEST_F(Auth, WithoutCredentialsOnlyHealthPagesAndLoginAreServed) {
  EXPECT_THAT(raw("GET", "/healthz", {}), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(raw("GET", "/", {"Accept: text/html"}), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(raw("GET", "/v2/health/ready", {}), StartsWith("HTTP/1.1 200"));
  for (const char* path :
       {"/api/v1/jobs", "/api/v1/jobs/job_x", "/api/v1/events", "/metrics", "/api/v1/openapi.json",
        "/api/v1/nothing", "/v1/nothing", "/api/v1/whoami"})
    EXPECT_THAT(raw("GET", path, {}), StartsWith("HTTP/1.1 401")) << path;
  EXPECT_THAT(raw("POST", "/api/v1/jobs", {}, "{}"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("WWW-Authenticate: Bearer")));
  EXPECT_THAT(raw("POST", "/v2/models/m/infer", {}, "{}"),
              AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("{\"error\":")));
}

TEST_F(Auth, TheTokenOpensAndAnotherDoesNot) {
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {bearer()}), HasSubstr(R"("principal":"token")"));
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {bearer("the-owner-token-012345678X")}),
              StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {"Authorization: Basic x"}), StartsWith("HTTP/1.1 401"));
}

TEST_F(Auth, TheOwnerOfTheLocalSocketIsLocal) {
  const auto client =
      taken(http::Client::open({.server = "unix:" + (folder_ / "s.sock").string()}));
  EXPECT_EQ(json_of(*client->send({"GET", "/api/v1/whoami"}))["principal"], "local");
  // A token that is shown counts, so that a job that uses the socket is still a job.
  const auto job = taken(http::Client::open(
      {.server = "unix:" + (folder_ / "s.sock").string(), .bearer_token = "wrong"}));
  EXPECT_EQ(job->send({"GET", "/api/v1/whoami"})->status, 401);
}

TEST_F(Auth, AForeignHostIsRefusedEverywhereOnTcp) {
  for (const char* host : {"evil.org", "127.0.0.1.evil.org", "localhost.evil.org:7420", "10.1.2.3",
                           "[::2]:80", "localhost:x"}) {
    EXPECT_THAT(raw("GET", "/api/v1/whoami", {std::string("Host: ") + host, bearer()}),
                StartsWith("HTTP/1.1 403"))
        << host;
    EXPECT_THAT(raw("GET", "/", {std::string("Host: ") + host, "Accept: text/html"}),
                StartsWith("HTTP/1.1 403"))
        << host;
  }
  for (const char* host :
       {"localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:1", "galley.example:80"})
    EXPECT_THAT(raw("GET", "/api/v1/whoami", {std::string("Host: ") + host, bearer()}),
                StartsWith("HTTP/1.1 200"))
        << host;
}

TEST_F(Auth, ACodeOpensOneSessionOnce) {
  const std::string body = dump_json({{"code", api_->new_login_code()}});
  const std::string json = "Content-Type: application/json";
  const auto first = raw("POST", "/api/v1/login", {json}, body);
  EXPECT_THAT(first, AllOf(StartsWith("HTTP/1.1 204"), HasSubstr("HttpOnly"),
                           HasSubstr("SameSite=Strict"), HasSubstr("Path=/")));
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, body), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, R"({"code":"x"})"), StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, R"({"kode":"x"})"),
              AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("did you mean code?")));
  EXPECT_THAT(raw("POST", "/api/v1/login", {"Content-Type: text/plain"}, body),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(audited(), Contains("session session.create"));
}

TEST_F(Auth, CodesAndSessionsExpire) {
  const auto late = api_->new_login_code();
  clock_.advance(std::chrono::minutes(11));
  EXPECT_THAT(
      raw("POST", "/api/v1/login", {"Content-Type: application/json"}, dump_json({{"code", late}})),
      StartsWith("HTTP/1.1 401"));
  const auto session = cookie();
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), StartsWith("HTTP/1.1 200"));
  clock_.advance(std::chrono::hours(24 * 31));
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), StartsWith("HTTP/1.1 401"));
}

TEST_F(Auth, SessionsOutliveTheServerAndOnlyTheirHashIsStored) {
  const auto session = cookie();
  stop();
  start();
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), HasSubstr(R"("principal":"session")"));
  const auto secret = session.substr(session.find('=') + 1);
  EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row, transaction.query_one("select secret_sha256 from tokens"));
    EXPECT_EQ(row->text(0), sha256_hex(secret));
    return ok();
  }));
}

TEST_F(Auth, AWriteWithASessionMustComeFromOurPage) {
  const auto session = cookie();
  const std::string json = "Content-Type: application/json";
  const std::string origin = "Origin: http://" + address_;
  const std::string body = R"({"name":"r"})";
  EXPECT_THAT(raw("POST", "/api/v1/runs", {session, json, origin}, body),
              StartsWith("HTTP/1.1 201"));
  const std::vector<std::vector<std::string>> refused{
      {session, json},
      {session, json, "Origin: null"},
      {session, json, "Origin: http://evil.org"},
      {session, json, "Origin: http://127.0.0.1:1"},
      {session, origin},
      {session, origin, "Content-Type: text/plain"},
      {session, origin, "Content-Type: application/x-www-form-urlencoded"},
      {session, origin, "Content-Type: text/plain; application/json"}};
  for (const auto& headers : refused)
    EXPECT_THAT(raw("POST", "/api/v1/runs", headers, body), StartsWith("HTTP/1.1 403"))
        << headers.back();
  // Reading needs neither; a forged cookie opens nothing.
  EXPECT_THAT(raw("GET", "/api/v1/runs", {session}), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(raw("GET", "/api/v1/runs", {"Cookie: galley_session=" + std::string(64, 'a')}),
              StartsWith("HTTP/1.1 401"));
  // Chunks are bytes; nothing else may be.
  const std::string bytes = "Content-Type: application/octet-stream";
  EXPECT_THAT(raw("PUT", "/api/v1/blobs/" + sha256_hex("x"), {session, origin, bytes}, "x"),
              StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(raw("POST", "/api/v1/runs", {session, origin, bytes}, body),
              StartsWith("HTTP/1.1 403"));
}

TEST_F(Auth, AJobsTokenIsGoodForItsRunAndForPredictions) {
  const auto own = taken(tracking_->create_run("own", "e")).id;
  const auto other = taken(tracking_->create_run("other", "e")).id;
  const auto header = bearer(api_->job_token(own));
  const std::string points = R"({"points":[{"key":"loss","value":1}]})";
  EXPECT_THAT(raw("POST", "/api/v1/runs/" + own.str() + "/metrics", {header}, points),
              StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(raw("GET", "/api/v1/runs/" + own.str(), {header}), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(raw("POST", "/v1/predict", {header}, R"({"model":"none","text":"x"})"),
              StartsWith("HTTP/1.1 404"));

  for (const std::string& id : {other.str(), std::string("run_00000000000000000000000000")}) {
    EXPECT_THAT(raw("POST", "/api/v1/runs/" + id + "/metrics", {header}, points),
                StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(raw("GET", "/api/v1/runs/" + id, {header}), StartsWith("HTTP/1.1 403"));
  }
  for (const char* path : {"/api/v1/runs", "/api/v1/jobs", "/api/v1/events", "/metrics",
                           "/api/v1/nothing", "/api/v1/overview"})
    EXPECT_THAT(raw("GET", path, {header}), StartsWith("HTTP/1.1 403")) << path;
  EXPECT_THAT(raw("POST", "/api/v1/jobs", {header}, R"({"command":["id"]})"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(raw("POST", "/api/v1/login-codes", {header}), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(raw("GET", "/api/v1/runs/" + own.str(),
                  {bearer(other.str() + header.substr(header.find('.')))}),
              StartsWith("HTTP/1.1 401"));
}

TEST_F(Auth, AStrangerIsRefusedBeforeItsBodyIsRead) {
  auto wire = http::testing::Wire::to(address_);
  wire.send("POST /api/v1/jobs HTTP/1.1\r\nHost: " + address_ +
            "\r\nContent-Length: 10000000\r\n\r\n");
  EXPECT_THAT(wire.read_answer(), StartsWith("HTTP/1.1 401"));
}

TEST_F(Auth, ALoginCodeComesWithItsAddress) {
  const auto made = post("/api/v1/login-codes", Json::object(), 201);
  EXPECT_EQ(made["url"], "http://" + address_ + "/?code=" + made["code"].get<std::string>());
  EXPECT_THAT(audited(), Contains("token login_code.create"));
  EXPECT_THAT(raw("POST", "/api/v1/login", {"Content-Type: application/json"},
                  dump_json({{"code", made["code"]}})),
              StartsWith("HTTP/1.1 204"));
}

TEST_F(Auth, ShortSecretsAreRefused) {
  const auto refused = Api::create(Services{.controller = *controller_,
                                            .registry = *registry_,
                                            .tracking = *tracking_,
                                            .blobs = *blobs_,
                                            .models = *models_,
                                            .database = *database_,
                                            .clock = clock_,
                                            .ids = ids_},
                                   {.admin_token = "", .secret = "a-secret-of-the-test-0"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace galley::api
