#include "fixture.h"

namespace galley::api {
namespace {

class Logs : public ApiFixture {
 protected:
  http::Headers as_events() const {
    http::Headers headers;
    headers.set("Accept", "text/event-stream");
    return headers;
  }
};

TEST_F(Logs, PartsAreReadByOffset) {
  const auto id = submit();
  EXPECT_EQ(call("GET", "/api/v1/jobs/" + id + "/logs").body, "");
  const auto assignment = runs(0);
  print(assignment, "0123456789");
  const std::string logs = "/api/v1/jobs/" + id + "/logs";
  const auto part = call("GET", logs + "?offset=2&limit_bytes=3");
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.headers.get("X-Galley-Offset"), "2");
  EXPECT_EQ(part.headers.get("X-Galley-Next-Offset"), "5");
  EXPECT_EQ(part.headers.get("X-Galley-End"), "");
  EXPECT_EQ(call("GET", logs + "?offset=-4").body, "6789");
  EXPECT_EQ(call("GET", logs + "?offset=-400").body, "0123456789");
  EXPECT_EQ(call("GET", logs).headers.get("X-Galley-End"), "");
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::succeeded));
  EXPECT_EQ(call("GET", logs + "?attempt=1").headers.get("X-Galley-End"), "1");
  EXPECT_EQ(call("GET", logs + "?limit_bytes=3").headers.get("X-Galley-End"), "");
  EXPECT_EQ(call("GET", logs + "?attempt=2").status, 404);
  EXPECT_EQ(call("GET", logs + "?offset=x").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/jobs/job_00000000000000000000000000/logs?follow=1").status, 404);
}

TEST_F(Logs, AFollowerSeesEveryByteAndTheEnd) {
  const auto id = submit();
  Listening follower(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  const auto assignment = runs(0);
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    print(assignment, line);
    all += line;
    if (i % 10 == 0) {
      EXPECT_TRUE(follower.saw(line));
    }
  }
  print(assignment, "last");
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::succeeded));
  EXPECT_EQ(follower.whole(), all + "last");
}

TEST_F(Logs, AFollowerOfAJobWaitsForItsNextAttempt) {
  const auto id = submit();
  Listening follower(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  const auto first = runs(0);
  print(first, "first\n");
  ASSERT_TRUE(follower.saw("first\n"));
  ASSERT_TRUE(report({.attempt_id = first.attempt_id,
                      .state = protocol::AttemptState::lost,
                      .reason = "the machine died"}));
  const auto second = runs(1);
  print(second, "second\n");
  EXPECT_TRUE(follower.saw("second\n"));
  ASSERT_TRUE(ends(second, protocol::AttemptState::succeeded));
  EXPECT_EQ(follower.whole(), "first\nsecond\n");
  Listening again(*this, "/api/v1/jobs/" + id + "/logs?follow=1&attempt=1");
  EXPECT_EQ(again.whole(), "first\n");
}

TEST_F(Logs, EventsCarryWholeCharactersAndTheEnd) {
  const auto id = submit();
  const auto assignment = runs(0);
  print(assignment, "caf\xc3");
  Listening follower(*this, "/api/v1/jobs/" + id + "/logs?follow=1", as_events());
  EXPECT_TRUE(follower.saw(R"({"attempt":1,"offset":0,"text":"caf"})"));
  print(assignment, "\xa9\n");
  EXPECT_TRUE(follower.saw(R"({"attempt":1,"offset":3,"text":"é\n"})"));
  print(assignment, "\xe2\x82");
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::failed, 2));
  EXPECT_THAT(follower.whole(), AllOf(HasSubstr("\"offset\":6"), HasSubstr("event: end\n"),
                                      HasSubstr(R"(data: {"exit_code":2,"state":"failed"})")));
}

TEST_F(Logs, ALateFollowerGetsTheTailAndEndsAtOnce) {
  const auto id = submit();
  const auto assignment = runs(0);
  print(assignment, std::string(3'000'000, 'x') + "tail");
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::succeeded));
  Listening tail(*this, "/api/v1/jobs/" + id + "/logs?follow=1&offset=-4");
  EXPECT_EQ(tail.whole(), "tail");
  EXPECT_EQ(tail.head().headers.get("X-Galley-Offset"), "3000000");
  Listening whole(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  EXPECT_EQ(whole.whole().size(), 3'000'004U);
}

TEST_F(Logs, ASlowFollowerGetsEverythingAndHoldsNobodyUp) {
  const auto id = submit();
  const auto assignment = runs(0);
  print(assignment, std::string(6'000'000, 'x'));
  auto slow = http::testing::Wire::to(address_);
  slow.shrink_receive_buffer();
  slow.send("GET /api/v1/jobs/" + id +
            "/logs?follow=1 HTTP/1.1\r\nHost: localhost\r\n"
            "Authorization: Bearer " +
            std::string(kToken) + "\r\n\r\n");
  Listening quick(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  print(assignment, "\nend\n");
  EXPECT_TRUE(quick.saw("\nend\n"));
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::succeeded));
  const auto answer = slow.read_answer();
  const auto body = answer.substr(answer.find("\r\n\r\n") + 4);  // with the sizes of its chunks
  EXPECT_EQ(std::ranges::count(body, 'x'), 6'000'000);
  EXPECT_THAT(body, HasSubstr("\nend\n"));
}

TEST_F(Logs, ACancelledJobThatNeverRanEndsItsFollower) {
  submit({{"resources", {{"cpus", 4}}}});
  const auto waiting = submit({{"resources", {{"cpus", 4}}}});
  Listening follower(*this, "/api/v1/jobs/" + waiting + "/logs", as_events());
  post("/api/v1/jobs/" + waiting + "/cancel", Json::object(), 200);
  EXPECT_THAT(follower.whole(), HasSubstr(R"({"state":"cancelled"})"));
}

TEST_F(Logs, StoppingEndsFollowersProperly) {
  const auto id = submit();
  const auto assignment = runs(0);
  print(assignment, "hello\n");
  Listening follower(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  ASSERT_TRUE(follower.saw("hello\n"));
  api_->stop();
  EXPECT_EQ(follower.whole(), "hello\n");
  EXPECT_EQ(follower.head().status, 200);
  Listening late(*this, "/api/v1/jobs/" + id + "/logs?follow=1");
  EXPECT_EQ(late.whole(), "");
}

}  // namespace
}  // namespace galley::api
