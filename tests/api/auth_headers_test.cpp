#include "auth_headers.h"

#include <gtest/gtest.h>

#include "base/id.h"
#include "job_token.h"

namespace galley::api {
namespace {

TEST(HostName, IsTheNameWithoutItsPort) {
  EXPECT_EQ(host_name("LocalHost:7420"), "localhost");
  EXPECT_EQ(host_name("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(host_name("[::1]:80"), "[::1]");
  for (const char* bad : {"", "a:b", "a:", "[::1", "[::1]x", "a:123456", "a:80:80"})
    EXPECT_EQ(host_name(bad), "") << bad;
}

TEST(IsAddress, TellsAddressesFromNames) {
  for (const char* address : {"10.0.0.1", "[::1]", "[fe80::1]"}) EXPECT_TRUE(is_address(address));
  for (const char* name : {"localhost", "10.0.0", "::1", "[evil]", "1.2.3.4.evil.org", ""})
    EXPECT_FALSE(is_address(name)) << name;
}

TEST(IsOriginOf, WantsTheVeryHostAndPort) {
  EXPECT_TRUE(is_origin_of("http://localhost:7420", "localhost:7420"));
  EXPECT_TRUE(is_origin_of("https://LOCALHOST:7420", "localhost:7420"));
  for (const char* other :
       {"", "null", "http://localhost", "http://localhost:7421", "http://localhost:7420.evil.org",
        "http://localhost:7420/", "http://evil@localhost:7420", "ftp://localhost:7420"})
    EXPECT_FALSE(is_origin_of(other, "localhost:7420")) << other;
  EXPECT_FALSE(is_origin_of("http://", ""));
}

TEST(Accepts, ReadsWordsAndWeights) {
  EXPECT_TRUE(accepts("gzip, deflate, br", "gzip"));
  EXPECT_TRUE(accepts("br;q=1.0, gzip;q=0.8", "gzip"));
  EXPECT_FALSE(accepts("br, gzip;q=0", "gzip"));
  EXPECT_FALSE(accepts("gzip;q=0.000", "gzip"));
  EXPECT_FALSE(accepts("gzipped", "gzip"));
  EXPECT_FALSE(accepts("", "gzip"));
}

TEST(Cookie, IsFoundAmongOthers) {
  http::Headers headers;
  headers.set("Cookie", "a=1;galley_session=secret=x ; xgalley_session=no");
  EXPECT_EQ(cookie_value(headers, "galley_session"), "secret=x");
  EXPECT_EQ(cookie_value(headers, "session"), std::nullopt);
}

TEST(BearerToken, NeedsItsScheme) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bearer  abc "), "abc");
  EXPECT_EQ(bearer_token("Basic abc"), std::nullopt);
  EXPECT_EQ(bearer_token("Bearer"), std::nullopt);
}

TEST(MediaType, IgnoresParametersAndCase) {
  EXPECT_EQ(media_type("Application/JSON; charset=utf-8"), "application/json");
  EXPECT_EQ(media_type("text/plain"), "text/plain");
}

TEST(JobToken, ProvesItsRunUnderItsSecretOnly) {
  IdSource ids(system_clock());
  const auto run = ids.next<RunTag>();
  const auto token = make_job_token("0123456789abcdef", run);
  EXPECT_EQ(run_of_job_token("0123456789abcdef", token), run);
  EXPECT_EQ(token, make_job_token("0123456789abcdef", run));

  EXPECT_EQ(run_of_job_token("0123456789abcdeX", token), std::nullopt);
  auto changed = token;
  changed.back() = changed.back() == '0' ? '1' : '0';
  EXPECT_EQ(run_of_job_token("0123456789abcdef", changed), std::nullopt);
  const auto other = ids.next<RunTag>();
  EXPECT_EQ(run_of_job_token("0123456789abcdef", other.str() + token.substr(token.find('.'))),
            std::nullopt);
  EXPECT_EQ(run_of_job_token("0123456789abcdef", run.str()), std::nullopt);
  EXPECT_EQ(run_of_job_token("0123456789abcdef", ""), std::nullopt);
}

}  // namespace
}  // namespace galley::api
