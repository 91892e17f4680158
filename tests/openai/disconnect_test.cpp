#include "../http/wire.h"
#include "fixture.h"

namespace galley::openai {
namespace {

using http::testing::Wire;

std::string request(const Json& body) {
  const std::string text = dump_json(body);
  return "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
         "application/json\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

Json endless(bool streamed) {
  return {{"prompt", "Hello"},
          {"max_tokens", 400},
          {"ignore_eos", true},
          {"stream", streamed},
          {"seed", 1}};
}

TEST_F(ApiTest, AClientThatGoesAwayIsNotWrittenFor) {
  start();
  ASSERT_TRUE(
      eventually([&] { return models->ready(); }));  // the warm-up's steps pass the gate too
  for (const bool streamed : {true, false}) {
    gate.hold();
    auto wire = Wire::to(address());
    wire.send(request(endless(streamed)));
    ASSERT_TRUE(eventually([&] { return gate.is_waiting(); }));
    if (streamed) {
      gate.allow(3);
      wire.read_until("data: ");
    }
    const auto before = finished("cancelled");
    wire.close();
    EXPECT_TRUE(eventually([&] {
      gate.allow(1);
      return finished("cancelled") == before + 1;
    })) << (streamed ? "streamed" : "whole");
    gate.release();
  }
}

TEST_F(ApiTest, AReaderThatStopsIsGivenUpAndHoldsNobodyUp) {
  add_model("twin", {.vocabulary = 257, .context = 8192, .pages = 12'000});
  start();
  auto slow = Wire::to(address());
  slow.shrink_receive_buffer();
  Json body = endless(true);
  body["max_tokens"] = 4000;
  body["n"] = 16;
  slow.send(request(body));
  ASSERT_TRUE(eventually([&] { return metrics().generation_tokens > 100; }));
  const Json other =
      post("/v1/completions", {{"prompt", "x"}, {"max_tokens", 4}, {"ignore_eos", true}});
  EXPECT_EQ(other["usage"]["completion_tokens"], 4);
  EXPECT_TRUE(eventually([&] { return finished("cancelled") == 1; }));
  EXPECT_LT(metrics().generation_tokens, 16U * 4000U);
}

TEST_F(ApiTest, AFailingStepIsAnErrorOfItsOwnRequest) {
  start();
  twin->poison = 'Z';
  const Json failed = post("/v1/completions", {{"prompt", "Zebra"}, {"max_tokens", 4}}, 500);
  EXPECT_EQ(failed["error"]["type"], "server_error");
  EXPECT_EQ(post("/v1/completions",
                 {{"prompt", "Horse"}, {"max_tokens", 4}, {"logit_bias", {{"90", -100}}}})["model"],
            "twin");
}

TEST_F(ApiTest, AFullQueueAsksToComeAgain) {
  engine_options.max_waiting = 1;
  engine_options.max_sequences = 1;
  start();
  ASSERT_TRUE(eventually([&] { return models->ready(); }));
  gate.hold();
  std::vector<Wire> held;
  // One runs and is held, one waits: a further one that found room would never be answered.
  ASSERT_TRUE(eventually([&] {
    held.push_back(Wire::to(address()));
    held.back().send(request(endless(false)));
    return gate.is_waiting() && metrics().requests_waiting > 0;
  }));
  EXPECT_TRUE(eventually([&] {
    const auto answer = post_bytes("/v1/completions", dump_json(endless(true)));
    return answer.status == 429 && answer.headers.get("Retry-After") == "1";
  }));
}

}  // namespace
}  // namespace galley::openai
