#include <atomic>
#include <thread>
#include <vector>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LimitsTest : public ServerTest {
 protected:
  LimitsTest() {
    router.add("GET", "/", Run::inline_on_io, [](const Request&) { return Response::text("ok"); });
    for (const auto* path : {"/upload", "/large"})
      router.add("POST", path, Run::inline_on_io, [this](const Request& request) {
        ++bodies_seen;
        return Response::text(std::to_string(request.body.size()));
      });
  }
  std::atomic<int> bodies_seen{0};
};

TEST_F(LimitsTest, ABodyOfAGigabyteIsRefusedBeforeItIsRead) {
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_THAT(
      connection.read_answer(),
      AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("1073741824 bytes is larger than the 16777216"),
            HasSubstr("Connection: close")));
  EXPECT_EQ(bodies_seen, 0);
}

TEST_F(LimitsTest, APeerThatSendsTheRefusedBodyAnywayStillReadsTheAnswer) {
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_EQ(connection.send_as_much_as_possible(20 << 20), 20U << 20);
  connection.end_sending();
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(LimitsTest, APeerThatNeverStopsIsCutOff) {
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_LT(connection.send_as_much_as_possible(1 << 30), 1U << 30);
  EXPECT_TRUE(eventually([&] { return server->load().connections == 0; }));
}

TEST_F(LimitsTest, AClientReadsWhyItsUploadWasRefused) {
  start();
  const auto answer =
      client()->send({.method = "POST", .target = "/upload", .body = std::string(100 << 20, 'x')});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

TEST_F(LimitsTest, AChunkedBodyIsRefusedWhenItPassesTheLimit) {
  options.limits.body_bytes = 100;
  start();
  const std::string head = "POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk = "28\r\n" + std::string(40, 'x') + "\r\n";
  auto connection = wire();
  connection.send(head + chunk + chunk);
  connection.send(chunk);
  EXPECT_THAT(connection.read_to_end(), AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("100 bytes")));
  EXPECT_THAT(ask(head + "ffffffffffffffff\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask(head + chunk + chunk + "0\r\n\r\n"), EndsWith("\r\n\r\n80"));
}

TEST_F(LimitsTest, ARouteMayTakeMore) {
  options.limits.body_bytes = 100;
  options.body_bytes_of_route = {{"/large", 1000}};
  start();
  const auto post = [&](std::string_view path, std::size_t bytes) {
    return client()
        ->send({.method = "POST", .target = std::string(path), .body = std::string(bytes, 'x')})
        ->status;
  };
  EXPECT_EQ(post("/upload", 100), 200);
  EXPECT_EQ(post("/upload", 101), 413);
  EXPECT_EQ(post("/large", 1000), 200);
  EXPECT_EQ(post("/large", 1001), 413);
}

TEST_F(LimitsTest, ABodyLimitOfAnUnknownRouteIsAnError) {
  options.body_bytes_of_route = {{"/nowhere", 1}};
  const auto started = Server::start(options, std::move(router));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::invalid_argument);
}

TEST_F(LimitsTest, HeadersAndRequestLinesAreBounded) {
  options.limits.header_bytes = 2000;
  start();
  EXPECT_THAT(ask(get("/", "X: " + std::string(1500, 'x') + "\r\n")), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask(get("/", "X: " + std::string(3000, 'x') + "\r\n")),
              AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("2000 bytes")));
  EXPECT_THAT(ask(get("/" + std::string(3000, 'x'))), StartsWith("HTTP/1.1 414 "));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask(std::string(100'000, 'x')), StartsWith("HTTP/1.1 4"));
}

TEST_F(LimitsTest, AnEndlessChunkLineIsRefused) {
  options.limits.header_bytes = 2000;
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                  std::string(200'000, 'x'));
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(LimitsTest, AnEndlessTrailerIsRefused) {
  options.limits.header_bytes = 2000;
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " +
                  std::string(200'000, 'x'));
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(LimitsTest, AHeaderThatNeverEndsTimesOut) {
  options.limits.header_timeout = 50ms;
  start();
  auto slow = wire();
  slow.send("GET / HTTP/1.1\r\nHost:");
  EXPECT_THAT(slow.read_to_end(), AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("within 50 ms")));
  auto silent = wire();
  EXPECT_TRUE(silent.closed_by_peer());
}

TEST_F(LimitsTest, AHeaderThatTricklesTimesOutToo) {
  options.limits.header_timeout = 100ms;
  start();
  auto connection = wire();
  connection.send("GET / HTTP/1.1\r\nHost: h\r\n");
  std::jthread trickle([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      connection.send("X: y\r\n");
      std::this_thread::sleep_for(5ms);  // a slow peer is what this test is about
    }
  });
  EXPECT_THAT(connection.read_answer(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(LimitsTest, ASecondRequestHasItsOwnHeaderTimeout) {
  options.limits.header_timeout = 50ms;
  start();
  auto connection = wire();
  connection.send(get("/"));
  EXPECT_THAT(connection.read_answer(), StartsWith("HTTP/1.1 200 "));
  connection.send("GET /");
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(LimitsTest, ABodyThatStopsTimesOut) {
  options.limits.body_timeout = 50ms;
  start();
  auto connection = wire();
  connection.send("POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(LimitsTest, AnIdleConnectionIsClosed) {
  options.limits.idle_timeout = 50ms;
  start();
  auto connection = wire();
  connection.send(get("/"));
  EXPECT_THAT(connection.read_answer(), EndsWith("ok"));
  EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(LimitsTest, AReaderThatTakesNothingIsDropped) {
  options.limits.write_timeout = 50ms;
  router.add("GET", "/huge", Run::pool,
             [](const Request&) { return Response::text(std::string(50 << 20, 'x')); });
  start();
  auto connection = wire();
  connection.shrink_receive_buffer();
  connection.send(get("/huge"));
  EXPECT_TRUE(eventually([&] { return server->load().connections == 1; }));
  EXPECT_TRUE(eventually([&] { return server->load().connections == 0; }));
}

TEST_F(LimitsTest, FurtherConnectionsAreClosedAtOnce) {
  options.limits.connections = 2;
  start();
  auto first = wire();
  auto second = wire();
  for (auto* connection : {&first, &second}) {
    connection->send(get("/"));
    EXPECT_THAT(connection->read_answer(), EndsWith("ok"));
  }
  EXPECT_TRUE(wire().closed_by_peer());
  first.close();
  EXPECT_TRUE(eventually([&] { return server->load().connections == 1; }));
  EXPECT_THAT(ask(get("/")), EndsWith("ok"));
}

TEST_F(LimitsTest, AFullQueueAnswers503WithRetryAfter) {
  options.pool_threads = 1;
  options.limits.queue = 1;
  Gate entered;
  Gate leave;
  router.add("GET", "/block", Run::pool, [&](const Request&) {
    entered.open();
    leave.wait();
    return Response::text("done");
  });
  start();
  auto running = wire();
  running.send(get("/block"));
  ASSERT_TRUE(entered.wait());
  auto queued = wire();
  queued.send(get("/block"));
  ASSERT_TRUE(eventually([&] { return server->load().queued == 1; }));

  EXPECT_THAT(ask(get("/block")),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n"),
                    HasSubstr("application/problem+json")));
  EXPECT_THAT(ask(get("/")), EndsWith("ok"));  // inline routes do not care

  leave.open();
  EXPECT_THAT(running.read_answer(), EndsWith("done"));
  EXPECT_THAT(queued.read_answer(), EndsWith("done"));
}

}  // namespace
}  // namespace galley::http::testing
