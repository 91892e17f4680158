#include "transcript.h"

#include <gtest/gtest.h>

namespace galley::mlflow {

std::string TranscriptPlayer::filled_text(std::string text) const {
  for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at)) {
    const auto end = text.find('}', at);
    const std::string name = text.substr(at + 2, end - at - 2);
    EXPECT_TRUE(known_.contains(name)) << name << " is not known yet";
    if (!known_.contains(name)) return text;
    text.replace(at, end + 1 - at, known_.at(name));
  }
  return text;
}

Json TranscriptPlayer::filled(const Json& value) const {
  if (value.is_string()) return filled_text(value.get<std::string>());
  if (value.is_object() && value.contains("repeat"))
    return Json(value["repeat"].get<std::size_t>(), filled(value["item"]));
  Json out = value;
  if (value.is_structured())
    for (auto& each : out) each = filled(each);
  return out;
}

std::string TranscriptPlayer::difference(const Json& expected, const Json& found,
                                         const std::string& path) {
  const auto differs = [&] {
    return path + ": expected " + dump_json(expected) + ", found " + dump_json(found) + "\n";
  };
  if (expected.is_string()) {
    const auto text = expected.get<std::string>();
    if (text == "<any>") return {};
    if (text == "<time>")
      return found.is_number_integer() && found.get<std::int64_t>() > 1'600'000'000'000
                 ? std::string()
                 : differs();
    if (text.starts_with('$') && !text.starts_with("${")) {
      if (!found.is_string() || found.get<std::string>().empty()) return differs();
      const auto [at, fresh] = known_.emplace(text.substr(1), found.get<std::string>());
      return fresh || at->second == found ? std::string() : differs();
    }
    return found == filled_text(text) ? std::string() : differs();
  }
  if (expected.is_array()) {
    if (!found.is_array() || found.size() != expected.size()) return differs();
    std::string all;
    for (std::size_t i = 0; i < expected.size(); ++i)
      all += difference(expected[i], found[i], path + "[" + std::to_string(i) + "]");
    return all;
  }
  if (!expected.is_object()) return expected == found ? std::string() : differs();
  if (!found.is_object()) return differs();
  std::string all;
  // In this order, so that an id is known where it is part of another text.
  for (const char* first : {"model_id", "run_id"})
    if (expected.contains(first) && found.contains(first))
      all += difference(expected[first], found[first], path + "." + first);
  for (const auto& [name, value] : expected.items())
    all += found.contains(name) ? difference(value, found[name], path + "." + name)
                                : path + "." + name + " is missing\n";
  for (const auto& [name, value] : found.items())
    if (!expected.contains(name))
      all += path + "." + name + " is not expected: " + dump_json(value) + "\n";
  return all;
}

void TranscriptPlayer::play_step(const Json& step) {
  const Json& request = step["request"];
  http::Client::Call call{.method = request["method"],
                          .target = filled_text(request["path"].get<std::string>())};
  if (request.contains("query")) {
    char join = '?';
    for (const auto& [name, value] : request["query"].items()) {
      call.target += join + name + "=" + http::percent_encode(filled_text(value));
      join = '&';
    }
  }
  if (request.contains("body")) {
    call.headers.set("Content-Type", "application/json");
    call.body = dump_json(filled(request["body"]));
  }
  if (request.contains("text")) call.body = request["text"];
  if (request.contains("headers"))
    for (const auto& [name, value] : request["headers"].items()) call.headers.set(name, value);
  const auto answer = client_.send(std::move(call));
  ASSERT_TRUE(answer) << describe(answer.error());
  const Json& expected = step["answer"];
  EXPECT_EQ(answer->status, expected["status"].get<int>()) << answer->body;
  if (expected.contains("text")) {
    EXPECT_EQ(answer->body, expected["text"].get<std::string>());
  }
  if (expected.contains("headers")) {
    for (const auto& [name, value] : expected["headers"].items())
      EXPECT_EQ(answer->headers.get(name), value.get<std::string>()) << name;
  }
  if (!expected.contains("body")) return;
  const auto body = parse_json(answer->body);
  ASSERT_TRUE(body) << answer->body;
  EXPECT_EQ(difference(expected["body"], *body, ""), "");
}

std::size_t TranscriptPlayer::play(const Json& transcript) {
  for (const Json& step : transcript["steps"]) {
    SCOPED_TRACE(step["step"].get<std::string>());
    play_step(step);
  }
  return transcript["steps"].size();
}

}  // namespace galley::mlflow
