#include "soak_load.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "../http/wire.h"

namespace galley::openai {
namespace {

using http::testing::Wire;

constexpr const char* kCompletions = "/v1/completions";
constexpr int kTooMany = 429;
constexpr int kUnavailable = 503;

std::string as_http(const std::string& body) {
  return "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

SoakClient::SoakClient(const Server& server, std::uint64_t seed, SoakTally& tally)
    : server_(server),
      dice_(seed),
      tally_(tally),
      client_(*http::Client::open({.server = "http://" + server.address,
                                   .timeout = std::chrono::seconds(60),
                                   .retries = 0})) {}

Json SoakClient::request() {
  std::vector<int> prompt(static_cast<std::size_t>(1 + below(server_.context / 2)));
  // Half of the prompts begin alike, so that prefixes are shared.
  const bool is_common = below(2) == 0;
  for (std::size_t i = 0; i < prompt.size(); ++i)
    prompt[i] =
        is_common && i < 40 ? 100 + static_cast<int>(i) : 100 + below(server_.vocabulary - 100);
  Json body{{"prompt", prompt}, {"max_tokens", 1 + below(40)}, {"seed", below(1000)}};
  if (below(3) == 0) body["temperature"] = 0;
  if (below(4) == 0) body["ignore_eos"] = true;
  if (below(6) == 0) body["logprobs"] = below(5);
  if (below(8) == 0) body["n"] = 1 + below(3);
  if (below(8) == 0) body["repetition_penalty"] = 1.3;
  if (below(8) == 0) body["stop"] = {"a", "the", "\xEA\xB0\x80"};
  if (below(12) == 0) body["speculation"] = "prompt_lookup";
  if (below(20) == 0) body["recompute"] = true;
  return body;
}

Json SoakClient::with_a_shape() {
  Json body{{"prompt", "Answer: "}, {"max_tokens", 12}, {"seed", below(1000)}};
  if (below(2) == 0)
    body["grammar"] = "root ::= \"yes\" | \"no" + std::to_string(below(1000)) + "\"";
  else
    body["response_format"] = {{"type", "json_object"}};
  return body;
}

void SoakClient::act() {
  switch (below(16)) {
    case 0:
      return ask("/v1/chat/completions",
                 {{"messages", {{{"role", "user"}, {"content", "Hello"}}}}, {"max_tokens", 8}});
    case 1:
      return ask("/v1/embeddings", {{"input", "Hello " + std::to_string(below(1000))}});
    case 2:
      return ask(kCompletions, with_a_shape());
    case 3:
    case 4:
      return read_stream();
    case 5:
    case 6:
      return go_away();
    case 7:
      return below(8) == 0 ? stop_reading() : send_broken_http();
    case 8:
    case 9:
      return send_wrong_values();
    case 10:
      return send_broken_json();
    case 11:
      return ask("/tokenize", {{"content", "Once upon a time"}});
    default:
      return ask(kCompletions, request());
  }
}

void SoakClient::ask(const std::string& path, const Json& body, int expected) {
  send(path, dump_json(body), expected);
}

void SoakClient::send(const std::string& path, std::string body, int expected) {
  const auto answer = client_->send({.method = "POST", .target = path, .body = body});
  if (!answer) {
    ADD_FAILURE() << path << ": " << describe(answer.error()) << "\n" << body.substr(0, 300);
    return;
  }
  if (answer->status == kTooMany || answer->status == kUnavailable) {
    ++tally_.busy;
    return;
  }
  EXPECT_EQ(answer->status, expected) << body.substr(0, 300) << "\n" << answer->body.substr(0, 300);
  ++(expected == 200 ? tally_.answered : tally_.refused);
}

void SoakClient::read_stream() {
  Json body = request();
  body["stream"] = true;
  std::string all;
  const auto answer =
      client_->stream({.method = "POST", .target = kCompletions, .body = dump_json(body)},
                      [&](std::string_view bytes) {
                        all += bytes;
                        return true;
                      });
  if (answer && answer->status == kTooMany) {
    ++tally_.busy;
    return;
  }
  EXPECT_TRUE(answer && answer->status == 200 && all.ends_with("data: [DONE]\n\n"))
      << (answer ? all.substr(all.size() - std::min<std::size_t>(all.size(), 300))
                 : describe(answer.error()));
  ++tally_.answered;
}

/// Before the answer, or in the middle of it.
void SoakClient::go_away() {
  Json body = request();
  body["stream"] = below(2) == 0;
  auto wire = Wire::to(server_.address);
  wire.send(as_http(dump_json(body)));
  if (body["stream"] == true && below(2) == 0) wire.read_until("\r\n\r\n");
  wire.close();
  ++tally_.abandoned;
}

void SoakClient::stop_reading() {
  Json body = request();
  body["stream"] = true;
  body["logprobs"] = 20;
  body["n"] = 8;
  body["max_tokens"] = server_.context / 2;
  body["ignore_eos"] = true;
  auto wire = Wire::to(server_.address);
  wire.shrink_receive_buffer();
  wire.send(as_http(dump_json(body)));
  wire.read_until("\r\n");
  // Others ask meanwhile, and this one never reads on.
  for (int i = 0; i < 4; ++i) ask(kCompletions, request());
  ++tally_.abandoned;
}

void SoakClient::send_wrong_values() {
  Json body = request();
  switch (below(12)) {
    case 0:
      body["temperature"] = -1;
      break;
    case 1:
      body["top_p"] = 1.5;
      break;
    case 2:
      body["max_tokens"] = -5;
      break;
    case 3:
      body["stop"] = std::vector<std::string>(5000, "stop here");
      break;
    case 4:
      body["prompt"] = std::vector<int>(static_cast<std::size_t>(server_.context + 50), 101);
      break;
    case 5:
      body["prompt"] = {server_.vocabulary + 1'000'000};
      break;
    case 6:
      body["top_k"] = -1;
      break;
    case 7:
      body["n"] = 100'000;
      break;
    case 8:
      body["no_such_field"] = 1;
      break;
    case 9:
      body["grammar"] = "root ::= (";
      break;
    case 10:
      body["logit_bias"] = {{"-4", 1}};
      break;
    default:
      body["prompt"] = Json::object();
  }
  ask(kCompletions, body, 400);
}

void SoakClient::send_broken_json() {
  std::string body = dump_json(request());
  switch (below(5)) {
    case 0:
      body.resize(body.size() / 2);
      break;
    case 1:
      body = R"({"prompt": "broken )"
             "\xFF\xC0\x80"
             R"(", "max_tokens": 4})";
      break;
    case 2:
      body = std::string(20'000, '[');
      break;
    case 3:
      body = R"({"prompt": "x", "temperature": NaN})";
      break;
    default:
      body = R"({"prompt": "x", "temperature": 1e999})";
  }
  send(kCompletions, std::move(body), 400);
}

/// What becomes of it is not looked at: the server must only stay as it is.
void SoakClient::send_broken_http() {
  auto wire = Wire::to(server_.address);
  std::string bytes = as_http(dump_json(request()));
  switch (below(4)) {
    case 0:
      bytes.resize(1 + static_cast<std::size_t>(below(static_cast<int>(bytes.size()))));
      break;
    case 1:
      for (int i = 0; i < 8; ++i)
        bytes[static_cast<std::size_t>(below(60))] = static_cast<char>(below(256));
      break;
    case 2:
      bytes =
          "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n";
      break;
    default:
      bytes = std::string(100'000, 'x');
  }
  wire.send(bytes);
  wire.close();
  ++tally_.abandoned;
}

}  // namespace galley::openai
