#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A route "/s" whose stream the test holds in its hand.
class Streams : public ServerTest {
 protected:
  void start_with_stream(int status = 200) {
    router.add_deferred("GET", "/s", Run::inline_on_io, [this, status](const Exchange& exchange) {
      Headers headers;
      headers.set("Content-Type", "text/event-stream");
      stream = exchange.stream(status, headers);
      stream->on_close([this] { closed.open(); });
      opened.open();
    });
    router.add("GET", "/", Run::inline_on_io, [](const Request&) { return Response::text("ok"); });
    start();
  }
  ~Streams() override {
    server.reset();
    stream.reset();
  }

  std::optional<Stream> stream;
  Gate opened;
  Gate closed;
};

TEST_F(Streams, SendPiecesAsTheyCome) {
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s") + get("/"));
  ASSERT_TRUE(opened.wait());
  EXPECT_THAT(connection.read_until("\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Transfer-Encoding: chunked\r\n"),
                    HasSubstr("Content-Type: text/event-stream")));
  EXPECT_TRUE(eventually([&] { return server->load().streams == 1; }));
  EXPECT_EQ(stream->write("hello"), Stream::Push::sent);
  EXPECT_EQ(connection.read_until("\r\nhello\r\n"), "5\r\nhello\r\n");
  EXPECT_EQ(stream->event("7", "job\nforged: x", "a\nb\r\nc"), Stream::Push::sent);
  EXPECT_THAT(connection.read_until("\n\n\r\n"),
              EndsWith("id: 7\nevent: jobforged: x\ndata: a\ndata: b\ndata: c\n\n\r\n"));
  stream->finish();
  EXPECT_EQ(connection.read_until("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(stream->write("late"), Stream::Push::closed);
  EXPECT_THAT(connection.read_answer(), EndsWith("ok"));  // the connection lives on
  EXPECT_TRUE(eventually([&] { return server->load().streams == 0; }));
}

TEST_F(Streams, AreReadByTheClientEventByEvent) {
  start_with_stream();
  std::jthread writer([this] {
    ASSERT_TRUE(opened.wait());
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(stream->event(std::to_string(i), "n", std::string(1000, 'x')), Stream::Push::sent);
    stream->finish();
  });
  EventParser parser;
  std::vector<std::string> ids;
  const auto answer = client()->stream({.target = "/s"}, [&](std::string_view piece) {
    return bool(parser.feed(piece, [&](const auto& event) { ids.push_back(event.id); }));
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  ASSERT_EQ(ids.size(), 100U);
  EXPECT_EQ(ids.back(), "99");
}

TEST_F(Streams, TellWhenTheReaderHasGone) {
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  EXPECT_FALSE(stream->closed());
  connection.close();
  EXPECT_TRUE(closed.wait());
  EXPECT_TRUE(stream->closed());
  EXPECT_EQ(stream->write("x"), Stream::Push::closed);
}

TEST_F(Streams, TellALateAskerThatTheReaderHasGone) {
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  connection.close();
  ASSERT_TRUE(closed.wait());
  Gate late;
  stream->on_close([&] { late.open(); });
  EXPECT_TRUE(late.wait());
}

TEST_F(Streams, AreBoundedForASlowReaderAndDrain) {
  options.limits.stream_buffer_bytes = 100'000;
  start_with_stream();
  auto connection = wire();
  connection.shrink_receive_buffer();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  Gate drained;
  const std::string piece(10'000, 'x');
  std::size_t sent = 0;
  while (stream->write(piece) == Stream::Push::sent) sent += piece.size();
  EXPECT_EQ(stream->write(piece), Stream::Push::full);
  stream->on_drain([&] { drained.open(); });

  std::string received;
  connection.read_until("\r\n\r\n");
  std::jthread reader([&] { received = connection.read_until("the end"); });
  ASSERT_TRUE(drained.wait());
  EXPECT_EQ(stream->write("the end"), Stream::Push::sent);
  reader.join();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(received, 'x')), sent);
  stream->on_drain(nullptr);
  stream->finish();
}

TEST_F(Streams, APieceLargerThanTheBufferPassesWhenNothingWaits) {
  options.limits.stream_buffer_bytes = 1000;
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  EXPECT_EQ(stream->write(std::string(50'000, 'y')), Stream::Push::sent);
  stream->finish();
  connection.read_until("\r\n\r\n");
  EXPECT_EQ(std::ranges::count(connection.read_until("0\r\n\r\n"), 'y'), 50'000);
}

TEST_F(Streams, APumpOnDrainSendsEverything) {
  options.limits.stream_buffer_bytes = 64'000;
  int left = 200;
  Gate over;
  router.add_deferred("GET", "/pump", Run::pool, [&](const Exchange& exchange) {
    const auto body = exchange.stream(200, {});
    const auto pump = [&left, body] {
      while (left > 0 && body.write(std::string(32'000, 'z')) == Stream::Push::sent) --left;
      if (left == 0) body.finish();
    };
    body.on_drain(pump);
    body.write("z");
  });
  start_with_stream();
  const auto answer = client()->send({.target = "/pump"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), 200U * 32'000 + 1);
}

TEST_F(Streams, ThatAreDroppedBreakTheTransfer) {
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  stream->write("half");
  stream.reset();
  EXPECT_THAT(connection.read_to_end(), AllOf(HasSubstr("half"), Not(EndsWith("\r\n0\r\n\r\n"))));
}

TEST_F(Streams, ToHeadRequestsAreOver) {
  start_with_stream();
  auto connection = wire();
  connection.send("HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n" + get("/"));
  EXPECT_THAT(connection.read_answer(true), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(closed.wait());
  EXPECT_EQ(stream->write("x"), Stream::Push::closed);
  EXPECT_THAT(connection.read_answer(), EndsWith("ok"));
}

TEST_F(Streams, ToHttp10EndWithTheConnection) {
  start_with_stream();
  auto connection = wire();
  connection.send("GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(opened.wait());
  stream->write("plain");
  stream->finish();
  EXPECT_THAT(
      connection.read_to_end(),
      AllOf(Not(HasSubstr("chunked")), HasSubstr("Connection: close"), EndsWith("\r\n\r\nplain")));
}

TEST_F(Streams, AStreamAfterAnAnswerHasNoReader) {
  router.add_deferred("GET", "/twice", Run::inline_on_io, [this](const Exchange& exchange) {
    exchange.responder()(Response::text("first"));
    exchange.responder()(Response::text("second"));
    stream = exchange.stream(200, {});
  });
  start();
  EXPECT_THAT(ask(get("/twice")), EndsWith("first"));
  EXPECT_TRUE(stream->closed());
}

TEST_F(Streams, RespondersMayAnswerFromAnyThreadAndAfterTheirPeerLeft) {
  std::optional<Responder> kept;
  router.add_deferred("GET", "/later", Run::inline_on_io, [&](const Exchange& exchange) {
    kept = exchange.responder();
    opened.open();
  });
  router.add_deferred("GET", "/thread", Run::pool, [](const Exchange& exchange) {
    std::jthread([responder = exchange.responder()] { responder(Response::text("threaded")); });
  });
  start();
  EXPECT_THAT(ask(get("/thread")), EndsWith("threaded"));
  auto connection = wire();
  connection.send(get("/later"));
  ASSERT_TRUE(opened.wait());
  connection.close();
  (*kept)(Response::text("nobody"));
  EXPECT_TRUE(eventually([&] { return server->load().connections == 0; }));
  server.reset();
  (*kept)(Response::text("no server"));
}

TEST_F(Streams, OutliveTheServer) {
  start_with_stream();
  auto connection = wire();
  connection.send(get("/s"));
  ASSERT_TRUE(opened.wait());
  server.reset();
  EXPECT_TRUE(closed.wait());
  EXPECT_EQ(stream->write("x"), Stream::Push::closed);
  stream->finish();
}

TEST_F(Streams, ManyAtOnceFromManyThreads) {
  router.add_deferred("GET", "/count", Run::pool, [](const Exchange& exchange) {
    const auto body = exchange.stream(200, {});
    for (int i = 0; i < 50; ++i)
      if (body.write("tick\n") != Stream::Push::sent) return;
    body.finish();
  });
  start();
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      const auto mine = client();
      for (int i = 0; i < 20; ++i) {
        const auto answer = mine->send({.target = "/count"});
        right += answer && answer->body.size() == 250 ? 1 : 0;
      }
    });
  threads.clear();
  EXPECT_EQ(right, 160);
  EXPECT_TRUE(eventually([&] { return server->load().streams == 0; }));
}

TEST_F(ServerTest, ADeferredRequestHearsThatItsPeerHungUp) {
  std::optional<Exchange> held;
  Gate asked;
  Gate gone;
  router.add_deferred("GET", "/slow", Run::inline_on_io, [&](const Exchange& exchange) {
    exchange.on_hang_up([&] { gone.open(); });
    held = exchange;
    asked.open();
  });
  start();
  {
    auto connection = wire();
    connection.send(get("/slow"));
    ASSERT_TRUE(asked.wait());
    connection.close();
    EXPECT_TRUE(gone.wait());
  }
  Gate late;
  held->on_hang_up([&] { late.open(); });
  EXPECT_TRUE(late.wait());
  held->responder()(Response::text("too late"));
  held.reset();
}

TEST_F(ServerTest, AnsweredRequestsDoNotHearOfTheEnd) {
  Gate asked;
  std::atomic<bool> gone = false;
  router.add_deferred("GET", "/slow", Run::pool, [&](const Exchange& exchange) {
    exchange.on_hang_up([&] { gone = true; });
    asked.open();
    exchange.responder()(Response::text("here"));
  });
  start();
  auto connection = wire();
  connection.send(get("/slow", "Connection: close\r\n"));
  ASSERT_TRUE(asked.wait());
  EXPECT_THAT(connection.read_to_end(), EndsWith("here"));
  EXPECT_FALSE(gone);
}

}  // namespace
}  // namespace galley::http::testing
