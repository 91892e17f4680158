#include "accounts_fixture.h"

namespace galley::api {
namespace {

class Limits : public AccountsFixture {
 protected:
  void limit(double requests, double failures) {
    stop();
    requests_burst_ = requests;
    failures_burst_ = failures;
    start();
  }
};

TEST_F(Limits, AUserWhoAsksTooOftenIsToldWhenToComeBack) {
  const auto ada = user("ada");
  const auto bob = user("bob");
  limit(5, 1e6);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(as(ada, "GET", "/api/v1/jobs").status, 200);
  const auto refused = as(ada, "GET", "/api/v1/jobs");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_THAT(detail(refused), HasSubstr("ada sends more than 200 requests a second"));
  EXPECT_EQ(as(bob, "GET", "/api/v1/jobs").status, 200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call("GET", "/api/v1/jobs").status, 200);  // the owner
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(as(ada, "POST", "/v1/predict", {{"model", "m"}, {"text", "x"}}).status, 404);
  clock_.advance(Millis{1000});
  EXPECT_EQ(as(ada, "GET", "/api/v1/jobs").status, 200);
}

TEST_F(Limits, WrongCredentialsOfAnAddressAreSlowedDownAndGoodOnesPass) {
  const auto ada = user("ada");
  limit(1e6, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(as("wrong", "GET", "/api/v1/jobs").status, 401);
  const auto refused = as("wrong", "GET", "/api/v1/jobs");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.get("Retry-After"), "3");  // 20 a minute
  EXPECT_EQ(as(ada, "GET", "/api/v1/jobs").status, 200);
  EXPECT_THAT(raw("GET", "/api/v1/jobs", {}), StartsWith("HTTP/1.1 401"));  // offers none

  // A code is short enough to be tried, so nothing is compared until the address has waited.
  const std::string json = "Content-Type: application/json";
  const auto code = dump_json({{"code", api_->new_login_code()}});
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, code),
              AllOf(StartsWith("HTTP/1.1 429"), HasSubstr("Retry-After: 3")));
  clock_.advance(Millis{3'001});
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, code), StartsWith("HTTP/1.1 204"));
}

TEST_F(Limits, WrongCodesCountToo) {
  limit(1e6, 3);
  const std::string json = "Content-Type: application/json";
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(raw("POST", "/api/v1/login", {json}, R"({"code":"x"})"),
                StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(raw("POST", "/api/v1/login", {json}, R"({"code":"x"})"), StartsWith("HTTP/1.1 429"));
}

}  // namespace
}  // namespace galley::api
