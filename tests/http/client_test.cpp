#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::HasSubstr;

/// A server that says what it is told to: one connection for each of the scripts, then it stops.
/// A script waits for the end of a request's head and then sends its bytes and closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> scripts)
      : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), size), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(name.sin_port));
    thread_ = std::jthread([this, scripts = std::move(scripts)] {
      for (const auto& script : scripts) play(script);
    });
  }
  ~ScriptedServer() { shutdown(listener_.get(), SHUT_RDWR); }

  const std::string& url() const { return url_; }
  /// Waits until so many scripts have been played and their connections ended.
  bool has_hung_up(int times) {
    return eventually([&] { return hung_up_ >= times; });
  }
  /// The heads seen so far; call after the answers have come.
  std::vector<std::string> heads() {
    thread_.join();
    return heads_;
  }

 private:
  void play(const std::string& script) {
    const UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer) return;
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && recv(peer.get(), &byte, 1, 0) == 1) head += byte;
    heads_.push_back(head);
    if (script == "hang") {
      recv(peer.get(), &byte, 1, 0);  // until the client gives up
      return;
    }
    send(peer.get(), script.data(), script.size(), MSG_NOSIGNAL);
    shutdown(peer.get(), SHUT_WR);
    ++hung_up_;
    while (recv(peer.get(), &byte, 1, 0) == 1) {
    }
  }

  UniqueFd listener_;
  std::string url_;
  std::vector<std::string> heads_;
  std::atomic<int> hung_up_{0};
  std::jthread thread_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Result<Response> ask(const std::string& url, Client::Call call, ClientOptions options = {}) {
  options.server = url;
  const auto client = Client::open(options);
  return (*client)->send(std::move(call));
}

TEST(Client, SendsWhatItIsTold) {
  ScriptedServer server({kOk});
  Headers headers;
  headers.add("X-Mine", "1");
  const auto answer =
      ask(server.url(), {"POST", "/a?b=%20", headers, "body"}, {.bearer_token = "t0k"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(server.heads().front(),
            "POST /a?b=%20 HTTP/1.1\r\nHost: " + server.url().substr(7) +
                "\r\nAuthorization: Bearer t0k\r\nContent-Length: 4\r\nX-Mine: "
                "1\r\n\r\n");
}

TEST(Client, RepeatsIdempotentRequestsWhenTheConnectionBreaks) {
  ScriptedServer server({"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", kOk});
  const auto answer = ask(server.url(), {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(server.heads().size(), 3U);
}

TEST(Client, GivesUpAfterItsRetries) {
  ScriptedServer server({"", "", kOk});
  EXPECT_EQ(ask(server.url(), {}, {.retries = 1}).error().code, Errc::unavailable);
}

TEST(Client, DoesNotRepeatAPost) {
  ScriptedServer server({"", kOk});
  const auto answer = ask(server.url(), {"POST", "/", {}, "x"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr(server.url()));
}

TEST(Client, ReopensAConnectionThatTheServerHasClosed) {
  ScriptedServer server({kOk, kOk});
  ClientOptions options;
  options.server = server.url();
  const auto client = *Client::open(options);
  for (int i = 0; i < 2; ++i) {
    // Not idempotent on purpose: a connection that is known to be closed is not used at all.
    const auto answer = client->send({.method = "POST", .target = "/", .body = "x"});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
    ASSERT_TRUE(server.has_hung_up(i + 1));
  }
}

TEST(Client, NobodyListensIsUnavailable) {
  std::string url;
  { url = ScriptedServer({}).url(); }
  const auto answer = ask(url, {}, {.retries = 0});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr(url));
  const TempFolder folder;
  EXPECT_EQ(ask("unix:" + (folder / "none.sock"), {}, {.retries = 0}).error().code,
            Errc::unavailable);
}

TEST(Client, TimesOut) {
  ScriptedServer server({"hang"});
  const auto answer = ask(server.url(), {}, {.timeout = 30ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
}

TEST(Client, AnswersThatAreNotHttpAreCorrupt) {
  for (const auto* bytes : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    ScriptedServer server({bytes});
    const auto answer = ask(server.url(), {}, {.retries = 0});
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().code, Errc::corrupt) << bytes;
  }
}

TEST(Client, PassesOverInterimAnswersAndReadsToTheEnd) {
  ScriptedServer server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
       "HTTP/1.0 200 OK\r\n\r\nuntil the end"});
  const auto answer = ask(server.url(), {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "until the end");
  EXPECT_FALSE(answer->headers.has("A"));
}

TEST(Client, RefusesBodiesPastItsLimit) {
  const std::string announced = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n";
  const std::string endless = "HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x');
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" +
                              std::string(5000, 'x') + "\r\n0\r\n\r\n";
  for (const auto& bytes : {announced + std::string(5000, 'x'), endless, chunked}) {
    ScriptedServer server({bytes});
    const auto answer = ask(server.url(), {}, {.max_body_bytes = 1000});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::too_large);
    EXPECT_THAT(answer.error().message, HasSubstr("1000 bytes"));
  }
}

TEST(Client, AHeadAnswerHasNoBody) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"});
  const auto answer = ask(server.url(), {.method = "HEAD"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->headers.get("content-length"), "500");
}

TEST(Client, StreamsCanBeStoppedAndErrorsAreCollected) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nabc",
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"});
  ClientOptions options;
  options.server = server.url();
  const auto client = *Client::open(options);
  std::string got;
  const auto stopped = client->stream({}, [&](std::string_view piece) {
    got += piece;
    return false;
  });
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_EQ(got, "abc");
  const auto missing = client->stream({}, [](std::string_view) { return true; });
  ASSERT_TRUE(missing) << missing.error().message;
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "gone");
}

TEST(Client, AStreamThatBreaksIsNotRepeated) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nabc", kOk});
  ClientOptions options;
  options.server = server.url();
  const auto answer = (*Client::open(options))->stream({}, [](std::string_view) { return true; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST(Client, RefusesBadAddressesAndCalls) {
  for (const auto* bad : {"", "127.0.0.1:80", "ftp://x", "http://", "http://:80",
                          "http://h:", "http://h:99999", "http://h:x", "http://h/path",
                          "http://a b", "http://[::1", "http://[::1]x", "unix:", "http://user@h"}) {
    const auto opened = Client::open({.server = bad});
    ASSERT_FALSE(opened) << bad;
    EXPECT_EQ(opened.error().code, Errc::invalid_argument) << bad;
  }
  for (const auto* good : {"http://h", "https://h:1/", "http://[::1]:80", "unix:/a/b", "unix:rel"})
    EXPECT_TRUE(Client::open({.server = good})) << good;
  const auto client = *Client::open({.server = "http://127.0.0.1:1"});
  EXPECT_EQ(client->send({.target = "no-slash"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(client->send({.target = "/a\r\nX: y"}).error().code, Errc::invalid_argument);
  Headers headers;
  headers.add("A", "b\r\nC: d");
  EXPECT_EQ(client->send({.headers = headers}).error().code, Errc::invalid_argument);
  EXPECT_EQ(Client::open({.server = "http://h", .bearer_token = "a\nb"}).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace galley::http::testing
