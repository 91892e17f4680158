#include "fixture.h"

namespace galley::cli::testing {
namespace {

using UsersTest = ClientTest;

Json ada() {
  return {{"name", "ada"},
          {"role", "member"},
          {"teams", {"nlp", "vision"}},
          {"max_queued_jobs", 100},
          {"created_at", "2020-01-01T00:00:00.000Z"}};
}

Json token(const std::string& name) {
  return {{"id", "tok_01hzzzzzzzzzzzzzzzzzzzzzzz"},
          {"user", "ada"},
          {"name", name},
          {"scope", "submit"},
          {"created_at", "2020-01-01T00:00:00.000Z"},
          {"expires_at", "2020-02-01T00:00:00.000Z"}};
}

TEST_F(UsersTest, AreListedWithTeamsAndQuotas) {
  answer("GET", "/api/v1/users", {{"items", {ada(), {{"name", "bob"}, {"role", "admin"}}}}});
  EXPECT_EQ(galley({"users"}).out,
            "USER  ROLE    TEAMS       MAX QUEUED  SINCE\n"
            "ada   member  nlp vision         100  2020-01-01\n"
            "bob   admin\n");
  EXPECT_TRUE(parse_json(galley({"user", "list", "--json"}).out));
}

TEST_F(UsersTest, AddSaysHowToGoOn) {
  answer("POST", "/api/v1/users", ada(), 201);
  const auto done = galley({"users", "add", "ada", "--team", "nlp", "--team", "vision", "--role",
                            "member", "--max-queued-jobs", "100"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "ada  member  nlp vision\n");
  EXPECT_THAT(done.err, HasSubstr("galley tokens create laptop --user ada"));
  EXPECT_THAT(requests().back(), HasSubstr(R"("max_queued_jobs":100)"));
  EXPECT_EQ(galley({"users", "add", "ada", "--max-job-gpus", "many"}).code, 2);
}

TEST_F(UsersTest, SetKeepsWhatIsNotNamed) {
  answer("GET", "/api/v1/users/{name}", ada());
  answer("PUT", "/api/v1/users/{name}", ada());
  EXPECT_EQ(galley({"users", "set", "ada", "--role", "admin"}).code, 0);
  auto sent = requests().back();
  EXPECT_THAT(sent, HasSubstr(R"("teams":["nlp","vision"])"));
  EXPECT_THAT(sent, HasSubstr(R"("role":"admin")"));
  EXPECT_THAT(sent, HasSubstr(R"("max_queued_jobs":100)"));
  EXPECT_THAT(sent, Not(HasSubstr("created_at")));
  EXPECT_EQ(galley({"users", "set", "ada", "--max-queued-jobs", "none"}).code, 0);
  EXPECT_THAT(requests().back(), Not(HasSubstr("max_queued_jobs")));
}

TEST_F(UsersTest, RemoveAndRefusalsAreOneSentence) {
  handle("DELETE", "/api/v1/users/{name}", [](const auto&) { return http::Response{204, {}, {}}; });
  answer("GET", "/api/v1/users",
         {{"type", "forbidden"},
          {"detail", "ada is a member, and this needs the role admin"},
          {"hint", "ask an administrator"}},
         403);
  EXPECT_THAT(galley({"users", "remove", "ada"}).err, HasSubstr("ada is removed"));
  const auto refused = galley({"users"});
  EXPECT_EQ(refused.code, 4);
  EXPECT_EQ(refused.err, "ada is a member, and this needs the role admin; ask an administrator\n");
}

TEST_F(UsersTest, ATokenIsPrintedAloneSoThatItCanBePiped) {
  Json made = token("ci");
  made["token"] = "gly_secret";
  answer("POST", "/api/v1/tokens", made, 201);
  answer("POST", "/api/v1/users/{name}/tokens", made, 201);
  const auto done = galley({"tokens", "create", "ci", "--scope", "submit", "--for", "30d"});
  EXPECT_EQ(done.out, "gly_secret\n");
  EXPECT_THAT(done.err, HasSubstr("shown only now"));
  EXPECT_THAT(requests().back(), HasSubstr(R"("lifetime":"30d")"));
  EXPECT_EQ(galley({"tokens", "create", "ci", "--user", "ada"}).code, 0);
  EXPECT_THAT(requests().back(), HasSubstr("POST /api/v1/users/ada/tokens"));
}

TEST_F(UsersTest, TokensSayWhetherTheyStillOpenAnything) {
  Json revoked = token("lost");
  revoked["revoked_at"] = "2020-01-02T00:00:00.000Z";
  Json good = token("laptop");
  good["expires_at"] = "2100-01-01T00:00:00.000Z";
  answer("GET", "/api/v1/tokens", {{"items", {token("old"), revoked, good}}});
  handle("DELETE", "/api/v1/tokens/{id}", [](const auto&) { return http::Response{204, {}, {}}; });
  const auto out = galley({"tokens"}).out;
  EXPECT_THAT(out, HasSubstr("old     submit  expired"));
  EXPECT_THAT(out, HasSubstr("lost    submit  revoked"));
  EXPECT_THAT(out, HasSubstr("laptop  submit  expires 2100-01-01"));
  EXPECT_EQ(galley({"tokens", "revoke", "tok_1"}).code, 0);
}

TEST_F(UsersTest, TheAuditLogIsFiltered) {
  answer("GET", "/api/v1/audit",
         {{"items",
           {{{"seq", 2},
             {"at", "2020-01-01T00:00:00.000Z"},
             {"principal", "ada"},
             {"action", "job.cancel"},
             {"subject", kJobId},
             {"address", "10.0.0.7"},
             {"request_id", "r1"}}}}});
  const auto done = galley({"audit", "--filter", "principal = \"ada\"", "--limit", "5"});
  EXPECT_THAT(done.out, HasSubstr("ada  job.cancel  " + kJobId));
  EXPECT_THAT(requests().back(), HasSubstr("filter=principal%20%3D%20%22ada%22&limit=5"));
}

TEST_F(UsersTest, TlsInitWritesFilesThatUpCanUse) {
  const auto folder = (home / "tls").string();
  const auto done = galley({"tls", "init", "--out", folder, "--host", "ml.example.org"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "galley up --tls-cert " + folder + "/server.pem --tls-key " + folder +
                          "/server-key.pem\n");
  EXPECT_THAT(done.err, HasSubstr("GALLEY_CA=" + folder + "/ca.pem"));
  EXPECT_EQ(galley({"tls", "init", "--out", folder, "--host", "a b"}).code, 2);
  EXPECT_EQ(galley({"tls", "init", "--out", folder, "--days", "0"}).code, 2);
  EXPECT_TRUE(requests().empty());
}

}  // namespace
}  // namespace galley::cli::testing
