#include "http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "http/client.h"
#include "target.h"

namespace galley::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Headers, NamesCompareWithoutRegardToCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  headers.set("Content-type", "c");
  EXPECT_THAT(headers.all(), ElementsAre(Pair("Content-Type", "c")));
  EXPECT_FALSE(headers.has("Accept"));
  EXPECT_EQ(headers.get("Accept"), "");
}

TEST(Percent, DecodesAndEncodes) {
  EXPECT_EQ(*percent_decode("a%20b%2Fc+d", false), "a b/c+d");
  EXPECT_EQ(*percent_decode("a+b%2b", true), "a b+");
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(*percent_decode(percent_encode("100% \r\n\x01 한국어"), false), "100% \r\n\x01 한국어");
}

TEST(Percent, RefusesHalfEscapesAndNul) {
  for (const auto* text : {"%", "%1", "a%zz", "%%20", "%0", "abc%2"})
    EXPECT_EQ(percent_decode(text, false).error().code, Errc::invalid_argument) << text;
  EXPECT_FALSE(percent_decode("a%00b", false));
  EXPECT_FALSE(percent_decode(std::string_view("a\0b", 3), false));
}

Request parsed(std::string target) {
  Request request;
  request.target = std::move(target);
  EXPECT_TRUE(parse_target(request)) << request.target;
  return request;
}

TEST(Target, SplitsPathAndQuery) {
  const auto request = parsed("/a%20b/c?x=1&y=%26&x=2&flag&=v&&p+q=r+s");
  EXPECT_EQ(request.path, "/a b/c");
  EXPECT_THAT(request.query, ElementsAre(Pair("x", "1"), Pair("y", "&"), Pair("x", "2"),
                                         Pair("flag", ""), Pair("", "v"), Pair("p q", "r s")));
  EXPECT_EQ(request.query_value("x"), "1");
  EXPECT_EQ(request.query_value("none"), std::nullopt);
}

TEST(Target, TakesAbsoluteForm) {
  EXPECT_EQ(parsed("http://host:80/x?y=1").path, "/x");
  EXPECT_EQ(parsed("http://host").path, "/");
  EXPECT_EQ(parsed("http://host?y=1").query_value("y"), "1");
  EXPECT_EQ(parsed("/x#f?y=1").query.size(), 0U);
}

TEST(Target, RefusesWhatIsNotUtf8) {
  Request request;
  for (const auto* target : {"/%ff", "/%C0%80", "/a?b=%ed%a0%80", "/a?%fe=1", "/\xff"}) {
    request.target = target;
    EXPECT_EQ(parse_target(request).error().code, Errc::invalid_argument) << target;
  }
}

TEST(Problem, CarriesEveryPartOfTheError) {
  const Error error{Errc::conflict, "it is taken", "name", "a free name", "choose another"};
  const auto response = problem(error, "req-1");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.headers.get("content-type"), "application/problem+json");
  const auto body = parse_json(response.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body, (Json{{"type", "conflict"},
                         {"title", "Conflict"},
                         {"status", 409},
                         {"detail", "it is taken"},
                         {"field", "name"},
                         {"expected", "a free name"},
                         {"hint", "choose another"},
                         {"request_id", "req-1"}}));
}

TEST(Problem, ComesBackAsTheSameError) {
  for (const auto code :
       {Errc::invalid_argument, Errc::unauthenticated, Errc::forbidden, Errc::not_found,
        Errc::conflict, Errc::too_large, Errc::rate_limited, Errc::exhausted, Errc::unavailable,
        Errc::timeout, Errc::unsupported, Errc::corrupt, Errc::internal}) {
    const auto back = expect_ok(problem({code, "why", "f", "e", "h"}, "r"));
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().code, code) << to_string(code);
    EXPECT_EQ(describe(back.error()), describe({code, "why", "f", "e", "h"}));
    const auto told_by_status = code == Errc::corrupt ? Errc::internal : code;
    EXPECT_EQ(errc_of(status_of(code)), told_by_status) << to_string(code);
  }
}

TEST(Problem, OfAForeignServerIsQuoted) {
  const auto plain = expect_ok(Response::text("upstream \xff gone", 502));
  EXPECT_EQ(plain.error().code, Errc::unavailable);
  EXPECT_THAT(plain.error().message, HasSubstr("502 Bad Gateway: upstream"));
  EXPECT_EQ(expect_ok(Response::json("[1]", 404)).error().code, Errc::not_found);
  EXPECT_EQ(expect_ok(Response::json(R"({"type":7,"detail":{}})", 400)).error().code,
            Errc::invalid_argument);
  EXPECT_TRUE(expect_ok(Response::text("fine")));
  EXPECT_TRUE(expect_ok(Response::text("", 304)));
}

}  // namespace
}  // namespace galley::http
