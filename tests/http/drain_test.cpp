#include <optional>
#include <thread>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class Drain : public ServerTest {
 protected:
  Drain() {
    router.add("GET", "/", Run::inline_on_io, [](const Request&) { return Response::text("ok"); });
    router.add("GET", "/block", Run::pool, [this](const Request&) {
      entered.open();
      leave.wait();
      return Response::text("finished");
    });
    router.add_deferred("GET", "/stream", Run::inline_on_io, [this](const Exchange& exchange) {
      stream = exchange.stream(200, {});
      stream->on_close([this] {
        if (finish_on_close) stream->finish();
        closed.open();
      });
      entered.open();
    });
  }
  ~Drain() override {
    leave.open();
    server.reset();
  }

  Gate entered;
  Gate leave;
  Gate closed;
  bool finish_on_close = false;
  std::optional<Stream> stream;
};

TEST_F(Drain, LetsRequestsInProgressFinish) {
  start();
  auto idle = wire();
  idle.send(get("/"));
  EXPECT_THAT(idle.read_answer(), EndsWith("ok"));
  auto busy = wire();
  busy.send(get("/block"));
  ASSERT_TRUE(entered.wait());

  std::jthread draining([this] { server->drain(10s); });
  EXPECT_TRUE(idle.closed_by_peer());
  leave.open();
  EXPECT_THAT(busy.read_to_end(), AllOf(HasSubstr("Connection: close"), EndsWith("finished")));
  draining.join();
  EXPECT_EQ(server->load().connections, 0U);
}

TEST_F(Drain, CutsOffWhatTakesLongerThanTheGrace) {
  start();
  auto busy = wire();
  busy.send(get("/block"));
  ASSERT_TRUE(entered.wait());
  server->drain(20ms);
  EXPECT_TRUE(busy.closed_by_peer());
  server->drain(20ms);  // again is harmless
}

TEST_F(Drain, WaitsForARequestThatHasBegunToArrive) {
  start();
  auto connection = wire();
  connection.send("GET / HTTP/1.1\r\nHost: h\r\n");
  // A second connection's answer shows that the I/O thread has had its turn with the first.
  EXPECT_THAT(ask(get("/")), EndsWith("ok"));
  EXPECT_THAT(ask(get("/")), EndsWith("ok"));
  std::jthread draining([this] { server->drain(10s); });
  connection.send("\r\n");
  EXPECT_THAT(connection.read_to_end(), EndsWith("ok"));
}

TEST_F(Drain, TellsStreamsAndLetsThemEndProperly) {
  finish_on_close = true;
  start();
  auto connection = wire();
  connection.send(get("/stream"));
  ASSERT_TRUE(entered.wait());
  server->drain(10s);
  EXPECT_TRUE(closed.wait());
  EXPECT_THAT(connection.read_to_end(), EndsWith("\r\n0\r\n\r\n"));
}

TEST_F(Drain, CutsStreamsThatDoNotEnd) {
  start();
  auto connection = wire();
  connection.send(get("/stream"));
  ASSERT_TRUE(entered.wait());
  server->drain(20ms);
  EXPECT_TRUE(closed.wait());
  EXPECT_THAT(connection.read_to_end(), ::testing::Not(EndsWith("\r\n0\r\n\r\n")));
  EXPECT_EQ(server->load().streams, 0U);
}

TEST_F(Drain, AcceptsNobodyAfterwards) {
  start();
  server->drain(1s);
  const auto refused =
      Client::open({.server = "http://" + address, .retries = 0}).value_or(nullptr)->send({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
}

TEST_F(Drain, DestroyingAServerWaitsForItsHandlers) {
  start();
  auto busy = wire();
  busy.send(get("/block"));
  ASSERT_TRUE(entered.wait());
  std::jthread ending([this] { server.reset(); });
  leave.open();
}

}  // namespace
}  // namespace galley::http::testing
