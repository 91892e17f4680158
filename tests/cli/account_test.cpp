#include "base/file.h"
#include "fixture.h"

namespace galley::cli::testing {
namespace {

class AccountTest : public ClientTest {
 protected:
  AccountTest() {
    handle("GET", "/api/v1/whoami", [](const http::Request& request) {
      if (request.headers.get("Authorization") != "Bearer good")
        return http::problem({Errc::unauthenticated, "no valid token"}, request.id);
      return http::Response::json(R"({"principal":"ada","version":"0.1.0"})");
    });
  }
};

TEST_F(AccountTest, LoginKeepsATokenThatWorks) {
  const auto refused = galley({"whoami"});
  EXPECT_EQ(refused.code, 4);
  EXPECT_EQ(refused.err, "no valid token; `galley login` stores a token\n");
  EXPECT_EQ(galley({"login", "--token", "bad"}).code, 4);
  EXPECT_EQ(galley({"whoami"}).code, 4);
  EXPECT_EQ(galley({"login", "--token", "good"}).code, 0);
  EXPECT_EQ(galley({"whoami"}).out, "ada\n");
}

TEST_F(AccountTest, LoginWebPrintsALink) {
  answer("POST", "/api/v1/login-codes", {{"code", "c"}, {"url", "http://h/?code=c"}});
  EXPECT_EQ(galley({"login", "--web"}).out, "http://h/?code=c\n");
}

TEST_F(AccountTest, ConfigNamesTheSourceAndHidesTheToken) {
  const auto done = galley({"config", "--token", "top-secret"});
  EXPECT_EQ(done.code, 0);
  EXPECT_THAT(done.out, HasSubstr("--server"));
  EXPECT_THAT(done.out, HasSubstr("(10 characters)"));
  EXPECT_THAT(done.out, Not(HasSubstr("top-secret")));
  EXPECT_TRUE(parse_json(galley({"config", "--json"}).out));
}

TEST_F(AccountTest, DoctorNamesWhatIsMissing) {
  const auto done =
      galley({"doctor", "--token", "good", "--data", (home / "d").string(), "--json"});
  EXPECT_EQ(done.code, 1);  // no galley-job beside a test
  const auto json = parse_json(done.out);
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["healthy"], false);
  EXPECT_THAT(done.out, HasSubstr("galley-job"));
}

TEST_F(AccountTest, AServerThatIsNoneIsOneSentence) {
  start();
  const auto away = galley({"--server", "unix:" + (home / "none.sock").string(), "jobs"});
  EXPECT_EQ(away.code, 5);
  EXPECT_THAT(away.err, HasSubstr("galley up"));
  EXPECT_EQ(galley({"--server", "ftp://x", "jobs"}).code, 2);
}

TEST_F(AccountTest, ForeignAnswersDoNotCrashTheClient) {
  handle("GET", "/api/v1/nodes", [](const auto&) { return http::Response::text("<html>"); });
  answer("GET", "/api/v1/models", Json::array({1, 2}));
  answer("GET", "/api/v1/jobs", {{"items", {1, nullptr, "x", {{"id", 7}, {"spec", "?"}}}}});
  EXPECT_EQ(galley({"nodes"}).code, 1);
  EXPECT_EQ(galley({"models"}).code, 1);
  EXPECT_EQ(galley({"jobs"}).code, 0);
}

TEST_F(AccountTest, InitAndVersionNeedNoServer) {
  EXPECT_THAT(galley({"init", "job"}).out, HasSubstr("command: "));
  EXPECT_EQ(galley({"init", "jbo"}).code, 3);
  EXPECT_THAT(galley({"version"}).out, ::testing::StartsWith("galley "));
  EXPECT_TRUE(requests().empty());
}

}  // namespace
}  // namespace galley::cli::testing
