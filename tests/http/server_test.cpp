#include <thread>
#include <vector>

#include "base/json.h"
#include "fixture.h"

namespace galley::http::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Basics : public ServerTest {
 protected:
  Basics() {
    for (const auto run : {Run::pool, Run::inline_on_io}) {
      const std::string base = run == Run::pool ? "/pool" : "/inline";
      router.add("GET", base, run, [](const Request& request) {
        return Response::text("hello " + std::string(request.query_value("name").value_or("you")));
      });
      router.add("POST", base, run, [](const Request& request) {
        return Response::text(std::to_string(request.body.size()) + ":" +
                              request.body.substr(0, 40));
      });
    }
    router.add("GET", "/head", Run::inline_on_io, [](const Request& request) {
      std::string text;
      for (const auto& [name, value] : request.headers.all()) text += name + "=" + value + ";";
      return Response::text(text);
    });
    router.add("GET", "/empty", Run::inline_on_io, [](const Request&) {
      return Response{204, {}, {}};
    });
    router.add("GET", "/big", Run::pool,
               [](const Request&) { return Response::text(std::string(5'000'000, 'b')); });
    start();
  }
};

TEST_F(Basics, KeepsTheConnectionAcrossRequests) {
  auto connection = wire();
  for (int i = 0; i < 5; ++i) {
    connection.send(get("/pool?name=a"));
    EXPECT_THAT(connection.read_answer(),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("hello a"),
                      HasSubstr("Content-Length: 7\r\n"), HasSubstr("\r\nDate: "),
                      Not(HasSubstr("Connection:"))));
    connection.send(get("/inline"));
    EXPECT_THAT(connection.read_answer(), EndsWith("hello you"));
  }
}

TEST_F(Basics, AnswersPipelinedRequestsInOrder) {
  auto connection = wire();
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += get(std::string(i % 3 == 0 ? "/pool" : "/inline") + "?name=" + std::to_string(i)) +
                "POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  connection.send(requests);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(connection.read_answer(), EndsWith("hello " + std::to_string(i)));
    EXPECT_THAT(connection.read_answer(), EndsWith("3:abc"));
  }
}

TEST_F(Basics, TakesRequestsByteByByte) {
  auto connection = wire();
  for (const char c : "\r\n" + get("/inline?name=slow")) connection.send({&c, 1});
  EXPECT_THAT(connection.read_answer(), EndsWith("hello slow"));
}

TEST_F(Basics, HeadHasTheLengthButNoBody) {
  auto connection = wire();
  connection.send("HEAD /inline HTTP/1.1\r\nHost: h\r\n\r\n" + get("/inline"));
  EXPECT_THAT(connection.read_answer(true), HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(connection.read_answer(), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("hello you")));
}

TEST_F(Basics, NoContentHasNoLength) {
  auto connection = wire();
  connection.send(get("/empty") + get("/inline"));
  EXPECT_THAT(connection.read_answer(true),
              AllOf(StartsWith("HTTP/1.1 204 No Content\r\n"), Not(HasSubstr("Content-Length"))));
  EXPECT_THAT(connection.read_answer(), EndsWith("hello you"));
}

TEST_F(Basics, ReadsChunkedBodiesAndDropsTrailers) {
  auto connection = wire();
  connection.send(
      "POST /pool HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nAuthorization: forged\r\n\r\n" +
      get("/head"));
  EXPECT_THAT(connection.read_answer(), EndsWith("11:hello world"));
  EXPECT_THAT(connection.read_answer(), EndsWith("Host=h;"));
}

TEST_F(Basics, ReadsALastChunkThatArrivesInPieces) {
  for (const std::string body : {"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n"}) {
    auto connection = wire();
    connection.send("POST /pool HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char c : body) connection.send({&c, 1});
    EXPECT_THAT(connection.read_answer(), EndsWith(body.size() == 5 ? "0:" : "3:abc"));
  }
}

TEST_F(Basics, AsksForTheBodyWhenExpected) {
  auto connection = wire();
  connection.send(
      "POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.send("ok");
  EXPECT_THAT(connection.read_answer(), EndsWith("2:ok"));
}

TEST_F(Basics, RefusesUnknownExpectations) {
  EXPECT_THAT(ask(get("/inline", "Expect: miracles\r\n")), StartsWith("HTTP/1.1 417 "));
}

TEST_F(Basics, SendsLargeBodies) {
  const auto answer = client()->send({.target = "/big"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, std::string(5'000'000, 'b'));
}

TEST_F(Basics, SpeaksHttp10) {
  auto connection = wire();
  connection.send("GET /inline HTTP/1.0\r\n\r\n");
  EXPECT_THAT(connection.read_to_end(),
              AllOf(HasSubstr("Connection: close"), EndsWith("hello you")));
  auto kept = wire();
  kept.send("GET /inline HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.read_answer(), HasSubstr("Connection: keep-alive"));
  kept.send("GET /inline HTTP/1.0\r\n\r\n");
  EXPECT_THAT(kept.read_to_end(), EndsWith("hello you"));
}

TEST_F(Basics, ClosesWhenAsked) {
  auto connection = wire();
  connection.send(get("/inline", "Connection: close\r\n"));
  EXPECT_THAT(connection.read_to_end(),
              AllOf(HasSubstr("Connection: close"), EndsWith("hello you")));
}

TEST_F(Basics, AnswersAPeerThatHasStoppedSending) {
  auto connection = wire();
  connection.send(get("/pool"));
  connection.end_sending();
  EXPECT_THAT(connection.read_to_end(), EndsWith("hello you"));
}

TEST_F(Basics, EchoesPlainRequestIdsAndMakesOthers) {
  EXPECT_THAT(ask(get("/inline", "X-Request-Id: abc-1.2\r\n")),
              HasSubstr("X-Request-Id: abc-1.2\r\n"));
  EXPECT_THAT(ask(get("/inline", "X-Request-Id: <script>\r\n")), HasSubstr("X-Request-Id: req_"));
  EXPECT_THAT(ask(get("/inline")), HasSubstr("X-Request-Id: req_"));
  EXPECT_THAT(ask(get("/none", "X-Request-Id: n1\r\n")),
              AllOf(HasSubstr("X-Request-Id: n1\r\n"), HasSubstr(R"("request_id":"n1")")));
  EXPECT_THAT(ask("nonsense\r\n\r\n"), HasSubstr("X-Request-Id: req_"));
}

TEST_F(Basics, UnknownPathsAndMethodsAreProblems) {
  EXPECT_THAT(ask(get("/none")), AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"),
                                       HasSubstr("Content-Type: application/problem+json"),
                                       HasSubstr(R"("type":"not_found")")));
  EXPECT_THAT(ask("DELETE /pool HTTP/1.1\r\nHost: h\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD, POST\r\n")));
  EXPECT_THAT(ask("BREW /none HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(Basics, AnEarlyAnswerToAShortBodyKeepsTheConnection) {
  auto connection = wire();
  connection.send("POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(connection.read_answer(), StartsWith("HTTP/1.1 404 "));
  connection.send(std::string(1000, 'x') + get("/inline"));
  EXPECT_THAT(connection.read_answer(), EndsWith("hello you"));
}

TEST_F(Basics, MalformedRequestsAreRefusedAndTheConnectionEnds) {
  const std::vector<std::pair<std::string, int>> cases{
      {"nonsense\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / NOTHTTP\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nbad header\r\n\r\n", 400},
      {"GET /a\x01"
       "b HTTP/1.1\r\nHost: h\r\n\r\n",
       400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /pool HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /pool HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
  };
  for (const auto& [bytes, status] : cases) {
    auto connection = wire();
    connection.send(bytes);
    EXPECT_THAT(connection.read_to_end(),
                AllOf(StartsWith("HTTP/1.1 " + std::to_string(status) + " "),
                      HasSubstr("application/problem+json"), HasSubstr("Connection: close")))
        << bytes;
  }
}

TEST_F(Basics, InvalidUtf8AndEscapesInAPathAreRefused) {
  for (const auto* path : {"/%ff%fe", "/%zz", "/a%00b", "/inline?x=%ff", "/%"})
    EXPECT_THAT(ask(get(path)), StartsWith("HTTP/1.1 400 ")) << path;
}

TEST_F(Basics, ManyKeepAliveClientsAtOnce) {
  std::vector<std::jthread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      const auto mine = client();
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(t) + "-" + std::to_string(i);
        const auto answer = mine->send(
            {.method = "POST", .target = i % 2 == 0 ? "/pool" : "/inline", .body = body});
        right += answer && answer->body == std::to_string(body.size()) + ":" + body ? 1 : 0;
      }
    });
  threads.clear();
  EXPECT_EQ(right, 1600);
  EXPECT_TRUE(eventually([&] { return server->load().connections == 0; }));
}

TEST_F(Basics, ManyOpenConnections) {
  std::vector<Wire> wires;
  for (int i = 0; i < 300; ++i) wires.push_back(wire());
  for (auto& connection : wires) connection.send(get("/inline"));
  for (auto& connection : wires) EXPECT_THAT(connection.read_answer(), EndsWith("hello you"));
  EXPECT_EQ(server->load().connections, 300U);
}

class Answers : public ServerTest {};

TEST_F(Answers, CannotBeSplitByHeaderValues) {
  router.add("GET", "/", Run::inline_on_io, [](const Request&) {
    auto response = Response::text("ok");
    response.headers.add("X-Evil", "a\r\nSet-Cookie: b");
    response.headers.add("Bad Name\r\nX: y", "z");
    response.headers.add("Content-Length", "999");
    response.headers.add("Transfer-Encoding", "chunked");
    return response;
  });
  start();
  EXPECT_THAT(ask(get("/")),
              AllOf(HasSubstr("X-Evil: aSet-Cookie: b\r\n"), Not(HasSubstr("Bad Name")),
                    Not(HasSubstr("999")), Not(HasSubstr("chunked")), EndsWith("\r\nok")));
}

TEST_F(Answers, AreRefusedByMiddlewareBeforeTheBodyIsRead) {
  std::vector<std::string> patterns;
  router.use([&](Request& request, std::string_view pattern) -> std::optional<Response> {
    patterns.emplace_back(pattern);
    if (request.headers.get("Authorization").empty())
      return problem({Errc::unauthenticated, "no token"}, request.id);
    request.principal = "ann";
    return std::nullopt;
  });
  router.use([](Request& request, std::string_view) -> std::optional<Response> {
    request.principal += "!";
    return std::nullopt;
  });
  router.add("POST", "/who/{id}", Run::pool,
             [](const Request& request) { return Response::text(request.principal); });
  start();
  auto connection = wire();
  connection.send("POST /who/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_THAT(connection.read_to_end(), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(
      ask("POST /who/1 HTTP/1.1\r\nHost: h\r\nAuthorization: x\r\nContent-Length: 1\r\n\r\n1"),
      EndsWith("ann!"));
  server.reset();
  EXPECT_THAT(patterns, ::testing::Each("/who/{id}"));
}

TEST_F(Answers, AreObservedWithPatternAndStatus) {
  std::vector<std::string> seen;
  router.observe([&](const Request& request, std::string_view pattern, int status,
                     std::chrono::nanoseconds took) {
    EXPECT_GE(took.count(), 0);
    seen.push_back(request.method + " " + std::string(pattern) + " " + std::to_string(status));
  });
  router.add("GET", "/jobs/{id}", Run::pool, [](const Request&) { return Response::text("x"); });
  start();
  auto connection = wire();
  connection.send(get("/jobs/1") + get("/none") + "bad\r\n\r\n");
  connection.read_to_end();
  server.reset();
  EXPECT_THAT(seen, ::testing::ElementsAre("GET /jobs/{id} 200", "GET  404", "  400"));
}

TEST_F(Answers, OfHandlersThatThrowAre500WithTheRequestId) {
  for (const auto run : {Run::pool, Run::inline_on_io}) {
    const std::string base = run == Run::pool ? "/pool" : "/inline";
    router.add("GET", base + "/plain", run,
               [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
    router.add("GET", base + "/odd", run, [](const Request&) -> Response { throw 7; });
    router.add_deferred("GET", base + "/deferred", run,
                        [](const Exchange&) { throw std::runtime_error("secret detail"); });
    router.add_deferred("GET", base + "/dropped", run, [](const Exchange&) {});
  }
  start();
  auto connection = wire();
  for (const auto* base : {"/pool", "/inline"})
    for (const auto* path : {"/plain", "/odd", "/deferred", "/dropped"}) {
      connection.send(get(std::string(base) + path, "X-Request-Id: r77\r\n"));
      EXPECT_THAT(connection.read_answer(),
                  AllOf(StartsWith("HTTP/1.1 500 "), HasSubstr(R"("request_id":"r77")"),
                        Not(HasSubstr("secret"))))
          << base << path;
    }
}

class Routing : public ServerTest {
 protected:
  void route(std::string pattern, std::string_view method = "GET") {
    router.add(method, pattern, Run::inline_on_io, [pattern](const Request& request) {
      std::string text = pattern;
      for (const auto& [name, value] : request.path_params) text += " " + name + "=" + value;
      return Response::text(text);
    });
  }
  std::string at(std::string_view path, std::string_view method = "GET") {
    const auto answer =
        client()->send({.method = std::string(method), .target = std::string(path)});
    return answer->status == 200 ? answer->body : std::to_string(answer->status);
  }
};

TEST_F(Routing, ALiteralWinsOverAParameterAndARest) {
  route("/");
  route("/jobs");
  route("/jobs/{id}");
  route("/jobs/search");
  route("/jobs/{id}/logs");
  route("/jobs/{job}/tasks/{task}");
  route("/files/{path...}");
  route("/files/index/{name}");
  route("/jobs/{id}", "DELETE");
  route("/jobs/search", "POST");
  start();
  EXPECT_EQ(at("/"), "/");
  EXPECT_EQ(at("/jobs"), "/jobs");
  EXPECT_EQ(at("/jobs/"), "404");
  EXPECT_EQ(at("/jobs/search"), "/jobs/search");
  EXPECT_EQ(at("/jobs/%73earch"), "/jobs/search");
  EXPECT_EQ(at("/jobs/searching"), "/jobs/{id} id=searching");
  EXPECT_EQ(at("/jobs/search/logs"), "/jobs/{id}/logs id=search");
  EXPECT_EQ(at("/jobs/1/tasks/2"), "/jobs/{job}/tasks/{task} job=1 task=2");
  EXPECT_EQ(at("/jobs/a%2Fb/logs"), "/jobs/{id}/logs id=a/b");
  EXPECT_EQ(at("/files/a/b%20c/d"), "/files/{path...} path=a/b c/d");
  EXPECT_EQ(at("/files/"), "/files/{path...} path=");
  EXPECT_EQ(at("/files"), "404");
  EXPECT_EQ(at("/files/index/x"), "/files/index/{name} name=x");
  EXPECT_EQ(at("/files/index/x/y"), "/files/{path...} path=index/x/y");
  EXPECT_EQ(at("/jobs/search", "DELETE"), "/jobs/{id} id=search");
  EXPECT_EQ(at("/jobs/1", "POST"), "405");
  EXPECT_EQ(at("/jobs/1/tasks"), "404");
}

TEST(RouterDeathTest, RefusesTwoHandlersOfOneRoute) {
  EXPECT_DEATH(
      {
        Router router;
        router.add("GET", "/a/{x}", Run::pool, [](const Request&) { return Response{}; });
        router.add("GET", "/a/{x}", Run::pool, [](const Request&) { return Response{}; });
      },
      "two routes have one method and pattern");
}

}  // namespace
}  // namespace galley::http::testing
