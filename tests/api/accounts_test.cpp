#include "accounts_fixture.h"

namespace galley::api {
namespace {

using ::testing::ElementsAre;

class Accounts : public AccountsFixture {
 protected:
  std::string session_of(const std::string& secret) {
    const auto code = json_of(as(secret, "POST", "/api/v1/login-codes", Json::object()))["code"];
    const auto answer = raw("POST", "/api/v1/login", {"Content-Type: application/json"},
                            dump_json({{"code", code}}));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
    const auto at = answer.find("galley_session=");
    return "Cookie: " + answer.substr(at, answer.find(';', at) - at);
  }
};

TEST_F(Accounts, AUserWorksUnderItsOwnName) {
  const auto secret = user("ada", "member", {{"teams", {"nlp"}}});
  const auto me = json_of(as(secret, "GET", "/api/v1/me"));
  EXPECT_EQ(me["principal"], "ada");
  EXPECT_EQ(me["role"], "member");
  EXPECT_EQ(me["user"]["teams"], Json::array({"nlp"}));
  EXPECT_EQ(me["token"]["name"], "t");
  EXPECT_EQ(json_of(as(secret, "GET", "/api/v1/whoami"))["principal"], "ada");
  const auto job = json_of(as(secret, "POST", "/api/v1/jobs", waiting()));
  EXPECT_EQ(job["principal"], "ada");
  EXPECT_EQ(job["team"], "nlp");  // its only team
  stop();
  start();
  EXPECT_EQ(as(secret, "GET", "/api/v1/jobs").status, 200);
}

TEST_F(Accounts, WrongExpiredAndRevokedTokensAreToldApartToTheirHolders) {
  const auto secret = user("ada");
  const auto shortlived = token("ada", {{"name", "brief"}, {"lifetime", "1h"}});
  const auto revoked = token("ada", {{"name", "lost"}});
  const auto id = get("/api/v1/users/ada/tokens")["items"][0]["id"].get<std::string>();
  EXPECT_EQ(call("DELETE", "/api/v1/users/ada/tokens/" + id).status, 204);
  clock_.advance(std::chrono::hours(2));

  EXPECT_EQ(as(secret, "GET", "/api/v1/jobs").status, 200);
  const auto refusal = [&](const std::string& with) {
    const auto response = as(with, "GET", "/api/v1/jobs");
    EXPECT_EQ(response.status, 401);
    EXPECT_FALSE(json_of(response).value("hint", "").empty());
    return detail(response);
  };
  EXPECT_THAT(refusal(shortlived), StartsWith("the token 'brief' of ada expired at 20"));
  EXPECT_THAT(refusal(revoked), StartsWith("the token 'lost' of ada was revoked at 20"));
  EXPECT_THAT(refusal(secret.substr(0, 20)), HasSubstr("cut short or misspelt"));
  std::string other = secret;
  other.back() = other.back() == '0' ? '1' : '0';
  EXPECT_THAT(refusal(other), HasSubstr("not known here"));
  EXPECT_THAT(refusal("gly_" + std::string(64, '0')), HasSubstr("not known here"));
}

TEST_F(Accounts, RemovingAUserEndsTokensAndSessions) {
  const auto secret = user("ada");
  const auto session = session_of(secret);
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), HasSubstr(R"("principal":"ada")"));
  EXPECT_EQ(call("DELETE", "/api/v1/users/ada").status, 204);
  EXPECT_EQ(as(secret, "GET", "/api/v1/jobs").status, 401);
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), StartsWith("HTTP/1.1 401"));
  stop();
  start();
  EXPECT_EQ(as(secret, "GET", "/api/v1/jobs").status, 401);
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {session}), StartsWith("HTTP/1.1 401"));
}

TEST_F(Accounts, ASessionHasTheRoleOfItsUserAndFollowsIt) {
  const auto session = session_of(user("ada", "viewer"));
  const std::vector<std::string> headers{session, "Content-Type: application/json",
                                         "Origin: http://" + address_};
  EXPECT_THAT(raw("POST", "/api/v1/runs", headers, R"({"name":"r"})"),
              AllOf(StartsWith("HTTP/1.1 403"), HasSubstr("needs the role member")));
  EXPECT_EQ(call("PUT", "/api/v1/users/ada", R"({"role":"member"})").status, 200);
  EXPECT_THAT(raw("POST", "/api/v1/runs", headers, R"({"name":"r"})"), StartsWith("HTTP/1.1 201"));
}

TEST_F(Accounts, ATokenIsNoCookie) {
  const auto secret = user("ada");
  EXPECT_THAT(raw("GET", "/api/v1/whoami", {"Cookie: galley_session=" + secret}),
              StartsWith("HTTP/1.1 401"));
}

TEST_F(Accounts, OwnTokensAreMadeListedAndRevokedWithoutTheirSecrets) {
  const auto secret = user("ada");
  const auto made = as(secret, "POST", "/api/v1/tokens",
                       {{"name", "ci"}, {"scope", "submit"}, {"lifetime", "7d"}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.headers.get("Cache-Control"), "no-store");
  const auto json = json_of(made);
  const auto ci = json["token"].get<std::string>();
  EXPECT_EQ(as(ci, "POST", "/api/v1/jobs", waiting()).status, 201);
  const auto narrow = as(ci, "POST", "/api/v1/tokens", {{"name", "more"}});
  EXPECT_EQ(narrow.status, 403);
  EXPECT_EQ(detail(narrow), "the token 'ci' is good for 'submit' only, and this is 'account'");
  EXPECT_EQ(as(ci, "POST", "/api/v1/login-codes", Json::object()).status, 403);
  const auto list = as(secret, "GET", "/api/v1/tokens");
  EXPECT_EQ(json_of(list)["items"].size(), 2u);
  EXPECT_THAT(list.body, Not(HasSubstr("gly_")));
  EXPECT_EQ(as(secret, "DELETE", "/api/v1/tokens/" + json["id"].get<std::string>()).status, 204);
  EXPECT_EQ(as(ci, "GET", "/api/v1/jobs").status, 401);

  const auto bob = user("bob");
  const auto bobs = json_of(as(bob, "GET", "/api/v1/tokens"))["items"][0]["id"].get<std::string>();
  EXPECT_EQ(as(secret, "DELETE", "/api/v1/tokens/" + bobs).status, 404);
  EXPECT_THAT(detail(call("POST", "/api/v1/tokens", R"({"name":"x"})")),
              HasSubstr("owner of this installation"));
}

TEST_F(Accounts, BadRequestsNameTheField) {
  user("ada");
  const auto field = [&](const std::string& method, const std::string& target, const Json& body) {
    const auto response = call(method, target, dump_json(body));
    EXPECT_EQ(response.status, 400) << response.body;
    return json_of(response).value("field", "");
  };
  EXPECT_EQ(field("POST", "/api/v1/users", {{"name", "Ada"}}), "name");
  EXPECT_EQ(field("POST", "/api/v1/users", {{"name", "token"}}), "name");
  EXPECT_EQ(field("POST", "/api/v1/users", {{"name", "b"}, {"role", "boss"}}), "role");
  EXPECT_EQ(field("POST", "/api/v1/users", {{"name", "b"}, {"rolle", "admin"}}), "rolle");
  EXPECT_EQ(field("PUT", "/api/v1/users/ada", {{"name", "bob"}}), "name");
  EXPECT_EQ(field("POST", "/api/v1/users/ada/tokens", {{"name", "x"}, {"scope", "alll"}}), "scope");
  EXPECT_EQ(field("POST", "/api/v1/users/ada/tokens", {{"name", "x"}, {"lifetime", "99999d"}}),
            "lifetime");
  EXPECT_EQ(field("POST", "/api/v1/users/ada/tokens", {{"name", "x"}, {"team", "ops"}}), "team");
  EXPECT_EQ(call("POST", "/api/v1/users", R"({"name":"ada"})").status, 409);
  EXPECT_EQ(call("GET", "/api/v1/users/adda").status, 404);
}

TEST_F(Accounts, SecretsAreNeitherInTheDatabaseNorInItsAuditLog) {
  const auto secret = user("ada");
  const auto session = session_of(secret);
  as(secret, "POST", "/api/v1/jobs", waiting());
  stop();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = read_file(entry.path(), 1 << 30);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->find(secret.substr(4)), std::string::npos) << entry.path();
    EXPECT_EQ(bytes->find(session.substr(session.find('=') + 1)), std::string::npos)
        << entry.path();
    EXPECT_EQ(bytes->find(kToken), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace galley::api
