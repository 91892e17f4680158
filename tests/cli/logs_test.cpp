#include <algorithm>
#include <atomic>

#include "fixture.h"

namespace galley::cli::testing {
namespace {

/// Serves one log the way the API does.
class LogsTest : public ClientTest {
 protected:
  void serve_log(std::string text) {
    handle("GET", "/api/v1/jobs/{id}/logs", [text](const http::Request& request) {
      const auto size = static_cast<std::int64_t>(text.size());
      std::int64_t offset = std::stoll(std::string(request.query_value("offset").value_or("0")));
      if (offset < 0) offset = std::max<std::int64_t>(0, size + offset);
      const auto limit =
          std::stoll(std::string(request.query_value("limit_bytes").value_or("100")));
      http::Response answer = http::Response::text(text.substr(
          static_cast<std::size_t>(std::min(offset, size)), static_cast<std::size_t>(limit)));
      answer.headers.set("X-Galley-Offset", std::to_string(offset));
      answer.headers.set("X-Galley-Next-Offset",
                         std::to_string(offset + static_cast<std::int64_t>(answer.body.size())));
      return answer;
    });
  }
};

TEST_F(LogsTest, PrintsTheBytesAsTheyAre) {
  answer("GET", "/api/v1/jobs/{id}", job_record("succeeded"));
  const std::string text("a\0b\n\xff last", 10);
  serve_log(text);
  EXPECT_EQ(galley({"logs", kJobId}).out, text);
}

TEST_F(LogsTest, TailCountsLines) {
  answer("GET", "/api/v1/jobs/{id}", job_record("succeeded"));
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "line " + std::to_string(i) + "\n";
  serve_log(text);
  EXPECT_EQ(galley({"logs", "--tail", "2", kJobId}).out, "line 49998\nline 49999\n");
  EXPECT_EQ(galley({"logs", "--tail", "0", kJobId}).out, "");
  EXPECT_EQ(galley({"logs", "-n", "1000000", kJobId}).out, text);
  const auto many = galley({"logs", "-n", "20000", kJobId}).out;
  EXPECT_EQ(std::ranges::count(many, '\n'), 20'000);
}

TEST_F(LogsTest, AJobThatHasNotBegunHasNothingToShow) {
  answer("GET", "/api/v1/jobs/{id}", job_record("queued", 0));
  const auto done = galley({"logs", kJobId});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "");
  EXPECT_THAT(done.err, HasSubstr("is queued"));
}

TEST_F(LogsTest, FollowingGoesOnAtTheSameByteAfterABreakAndWithTheNextAttempt) {
  std::atomic<int> asked = 0;
  std::atomic<int> attempts = 1;
  std::atomic<bool> ended = false;
  answer("GET", "/api/v1/jobs/{id}/events", {{"items", Json::array()}});
  handle("GET", "/api/v1/jobs/{id}", [&](const auto&) {
    return http::Response::json(dump_json(job_record(ended ? "succeeded" : "running", attempts)));
  });
  router.add_deferred("GET", "/api/v1/jobs/{id}/logs", http::Run::pool,
                      [&](http::Exchange exchange) {
                        const std::string target = exchange.request().target;
                        const http::Stream stream = exchange.stream(200, {});
                        if (asked++ == 0) {
                          EXPECT_THAT(target, HasSubstr("offset=0&attempt=1&follow=1"));
                          stream.write("first ");
                          return;  // dropped without its end: the reader sees a broken transfer
                        }
                        if (target.find("attempt=1") != std::string::npos) {
                          EXPECT_THAT(target, HasSubstr("offset=6"));
                          stream.write("second\n");
                          attempts = 2;
                        } else {
                          EXPECT_THAT(target, HasSubstr("offset=0&attempt=2"));
                          stream.write("again\n");
                          ended = true;
                        }
                        stream.finish();
                      });
  const auto done = galley({"logs", "-f", kJobId});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "first second\nagain\n");
  EXPECT_THAT(done.err, HasSubstr("attempt 2 begins"));
}

TEST_F(LogsTest, RunFollowsAndReturnsTheJobsCode) {
  std::atomic<bool> ended = false;
  answer("POST", "/api/v1/jobs", job_record("queued", 0), 201);
  answer("GET", "/api/v1/jobs/{id}/events", {{"items", Json::array()}});
  handle("GET", "/api/v1/jobs/{id}", [&](const auto&) {
    return http::Response::json(dump_json(job_record(ended ? "failed" : "running")));
  });
  handle("GET", "/api/v1/jobs/{id}/logs", [&](const auto&) {
    ended = true;
    return http::Response::text("hello\n");
  });
  const auto done = galley({"run", "--", "sh", "-c", "exit 3"});
  EXPECT_EQ(done.code, 3);
  EXPECT_EQ(done.out, "hello\n");
  EXPECT_THAT(done.err, HasSubstr("failed: exit code 3"));
}

}  // namespace
}  // namespace galley::cli::testing
