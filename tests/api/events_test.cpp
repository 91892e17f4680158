#include "fixture.h"

namespace galley::api {
namespace {

using Events = ApiFixture;

TEST_F(Events, AChangeIsSeenWithoutPolling) {
  Listening stream(*this, "/api/v1/events?kinds=job");
  ASSERT_TRUE(stream.saw("id: "));  // it listens from here on
  const auto id = submit();
  EXPECT_TRUE(stream.saw("\"subject\":\"" + id + "\""));
  const auto assignment = runs(0);
  ASSERT_TRUE(ends(assignment, protocol::AttemptState::succeeded));
  EXPECT_TRUE(stream.saw("\"state\":\"succeeded\""));
  EXPECT_THAT(stream.so_far(), AllOf(HasSubstr("event: job\n"), Not(HasSubstr("event: node")),
                                     Not(HasSubstr("event: run"))));
}

TEST_F(Events, AReaderThatComesBackMissesNothing) {
  ASSERT_TRUE(tracking_->create_run("seen", "e"));
  std::int64_t newest = 0;
  ASSERT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(newest, store::last_event_seq(transaction));
    return ok();
  }));
  std::vector<std::string> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(taken(tracking_->create_run("missed", "e")).id.str());
  http::Headers seen;
  seen.set("Last-Event-ID", std::to_string(newest));
  Listening back(*this, "/api/v1/events?kinds=run&after=0", seen);
  EXPECT_TRUE(back.saw(runs.back()));
  http::EventParser parser;
  std::vector<std::string> told;
  ASSERT_TRUE(parser.feed(back.so_far(), [&](const auto& event) {
    if (event.name == "run") told.push_back(parse_json(event.data)->at("subject"));
  }));
  EXPECT_EQ(told, runs);
}

TEST_F(Events, TheWholeHistoryIsReplayedInOrder) {
  for (int i = 0; i < 1200; ++i) ASSERT_TRUE(tracking_->create_run("r", "e"));
  Listening stream(*this, "/api/v1/events?after=0&kinds=run");
  const auto last = taken(tracking_->create_run("last", "e")).id.str();
  ASSERT_TRUE(stream.saw(last));
  http::EventParser parser;
  std::int64_t before = 0;
  int count = 0;
  ASSERT_TRUE(parser.feed(stream.so_far(), [&](const auto& event) {
    if (event.name != "run") return;
    ++count;
    EXPECT_GT(std::stoll(event.id), before);
    before = std::stoll(event.id);
  }));
  EXPECT_EQ(count, 1201);
}

TEST_F(Events, LoadAndMetricsAreToldButNotStored) {
  const auto run = taken(tracking_->create_run("r", "e")).id.str();
  Listening stream(*this, "/api/v1/events?kinds=load,metrics");
  ASSERT_TRUE(stream.saw("event: load\n"));
  EXPECT_THAT(stream.so_far(), AllOf(HasSubstr("\"cpu_used_ratio\":"), HasSubstr("\"queued\":0")));
  post("/api/v1/runs/" + run + "/metrics", {{"points", {{{"key", "loss"}, {"value", 2.5}}}}}, 204);
  EXPECT_TRUE(stream.saw(R"("data":{"keys":["loss"],"run_id":")" + run + "\"}"));
  http::EventParser parser;
  const auto bytes = stream.so_far();
  EXPECT_THAT(bytes, Not(HasSubstr("\"seq\"")));
}

TEST_F(Events, ASlowReaderFallsBehindAloneAndCatchesUp) {
  auto slow = http::testing::Wire::to(address_);
  slow.shrink_receive_buffer();
  slow.send(
      "GET /api/v1/events?after=0&kinds=run HTTP/1.1\r\nHost: localhost\r\n"
      "Authorization: Bearer " +
      std::string(kToken) + "\r\n\r\n");
  slow.read_until("id: ");
  Listening quick(*this, "/api/v1/events?kinds=run");
  ASSERT_TRUE(quick.saw("id: "));
  // More than the buffers of the stream and of the kernel hold together.
  const std::string big(7000, 'x');
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
    for (int i = 0; i < 1500; ++i)
      GALLEY_TRY_STATUS(store::append_event(transaction, {.at_ms = 1,
                                                          .kind = "run",
                                                          .subject = "s" + std::to_string(i),
                                                          .data = dump_json({{"big", big}})}));
    return ok();
  }));
  EXPECT_TRUE(quick.saw("\"subject\":\"s1499\""));
  slow.read_until("\"subject\":\"s1499\"");
}

TEST_F(Events, MistakesAreNamed) {
  EXPECT_THAT(call("GET", "/api/v1/events?kinds=jobs").body, HasSubstr("did you mean job?"));
  EXPECT_EQ(call("GET", "/api/v1/events?after=yesterday").status, 400);
}

TEST_F(Events, StoppingEndsStreamsProperly) {
  Listening stream(*this, "/api/v1/events");
  ASSERT_TRUE(stream.saw("event: load"));
  api_->stop();
  EXPECT_EQ(stream.head().status, 200);
  Listening late(*this, "/api/v1/events");
  EXPECT_EQ(late.head().status, 200);
}

}  // namespace
}  // namespace galley::api
