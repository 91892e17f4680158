#include "llm_server/load.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/json.h"
#include "http/client.h"
#include "stop.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

/// Common words, one token each in most vocabularies.
constexpr std::array kWords{
    "the",  "of",   "and",  "to",    "in",    "is",    "that",  "for",   "it",    "as",
    "was",  "with", "be",   "by",    "on",    "not",   "he",    "his",   "but",   "at",
    "are",  "this", "have", "from",  "or",    "had",   "an",    "they",  "which", "one",
    "you",  "were", "all",  "her",   "she",   "there", "would", "their", "we",    "him",
    "been", "has",  "when", "who",   "will",  "no",    "more",  "if",    "out",   "so",
    "up",   "said", "what", "about", "than",  "into",  "them",  "can",   "only",  "other",
    "time", "new",  "some", "could", "these", "two",   "may",   "first", "then",  "do"};
constexpr std::chrono::milliseconds kPatience{600'000};

std::string words(std::mt19937_64& random, std::int64_t count) {
  std::string text;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i > 0) text += ' ';
    text += kWords[random() % kWords.size()];
  }
  return text;
}

std::int64_t count_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

/// What one request has seen.
struct Seen {
  Steady::time_point sent;
  Steady::time_point last{};
  bool any = false;
  bool done = false;
  std::int64_t chunks = 0;
  Json usage;
  std::string error;
  double ttft_ms = 0;
  std::vector<double> itl_ms;

  void take(std::string_view data) {
    if (data == "[DONE]") {
      done = true;
      return;
    }
    const auto json = parse_json(data);
    if (!json || !json->is_object()) {
      error = "an event is not JSON";
      return;
    }
    if (json->contains("error")) {
      error = "the stream broke off with an error";
      return;
    }
    if (const auto found = json->find("usage"); found != json->end() && found->is_object())
      usage = *found;
    const auto choices = json->find("choices");
    if (choices == json->end() || !choices->is_array() || choices->empty()) return;
    const Json& choice = choices->front();
    const auto text = choice.find("text");
    const bool has_text =
        text != choice.end() && text->is_string() && !text->get_ref<const std::string&>().empty();
    // The last event of most servers has a reason and no token.
    if (!has_text && choice.contains("finish_reason") && !choice["finish_reason"].is_null()) return;
    const auto now = Steady::now();
    const auto ms = [](auto duration) {
      return std::chrono::duration<double, std::milli>(duration).count();
    };
    if (any)
      itl_ms.push_back(ms(now - last));
    else
      ttft_ms = ms(now - sent);
    any = true;
    last = now;
    ++chunks;
  }
};

Seen make_request(http::Client& client, const LoadTarget& target, const LoadRequest& request) {
  const Json body{{"model", target.model},
                  {"prompt", request.prompt},
                  {"max_tokens", request.max_tokens},
                  {"temperature", 0},
                  {"seed", 1},
                  {"ignore_eos", true},
                  {"stream", true},
                  {"stream_options", {{"include_usage", true}}}};
  http::Client::Call call{
      .method = "POST", .target = "/v1/completions", .headers = {}, .body = dump_json(body)};
  call.headers.set("Content-Type", "application/json");
  http::EventParser parser;
  Seen seen;
  seen.sent = Steady::now();
  const auto answer = client.stream(std::move(call), [&](std::string_view bytes) {
    const auto fed = parser.feed(bytes, [&](const auto& event) { seen.take(event.data); });
    if (!fed) seen.error = fed.error().message;
    return seen.error.empty();
  });
  if (!answer)
    seen.error = answer.error().message;
  else if (answer->status >= 400)
    seen.error = "HTTP " + std::to_string(answer->status) + ": " + answer->body.substr(0, 200);
  else if (seen.error.empty() && !seen.done)
    seen.error = "the stream ended without [DONE]";
  else if (seen.error.empty() && !seen.any)
    seen.error = "the answer was empty";
  return seen;
}

void add(LoadSamples& all, const Seen& seen) {
  if (!seen.error.empty()) {
    ++all.errors[seen.error];
    return;
  }
  ++all.answered;
  all.ttft_ms.push_back(seen.ttft_ms);
  all.itl_ms.insert(all.itl_ms.end(), seen.itl_ms.begin(), seen.itl_ms.end());
  if (!seen.usage.is_object()) {
    all.generated += seen.chunks;
    return;
  }
  all.generated += count_of(seen.usage, "completion_tokens");
  all.prompt += count_of(seen.usage, "prompt_tokens");
  const auto details = seen.usage.find("prompt_tokens_details");
  if (details != seen.usage.end() && details->is_object())
    all.cached += count_of(*details, "cached_tokens");
}

Result<std::unique_ptr<http::Client>> connect(const LoadTarget& target) {
  return http::Client::open(
      {.server = target.url, .bearer_token = target.api_key, .timeout = kPatience});
}

}  // namespace

std::vector<LoadRequest> make_load(const LoadShape& shape) {
  std::mt19937_64 random(shape.seed);
  std::uniform_real_distribution<double> exponent(-3, 1);
  const auto factor = [&] { return shape.mixed ? std::exp2(exponent(random)) : 1.0; };
  const auto scaled = [](std::int64_t length, double by) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(length) * by));
  };
  const std::string prefix =
      shape.shared_prefix > 0 ? words(random, shape.shared_prefix) + " " : "";
  std::vector<LoadRequest> requests;
  for (std::int64_t i = 0; i < shape.requests; ++i) {
    const auto length = scaled(shape.prompt_words, factor());
    const auto tokens = scaled(shape.max_tokens, factor());
    requests.push_back({prefix + words(random, length), tokens});
  }
  return requests;
}

Result<std::string> first_model(const LoadTarget& target) {
  GALLEY_TRY(auto client, connect(target));
  GALLEY_TRY(const auto answer, client->send({.target = "/v1/models"}));
  const auto json = parse_json(answer.body);
  if (answer.status == 200 && json && json->is_object() && json->contains("data") &&
      (*json)["data"].is_array() && !(*json)["data"].empty())
    return (*json)["data"][0].value("id", "");
  return Error{Errc::unavailable, "GET " + target.url + "/v1/models answers " +
                                      std::to_string(answer.status) + " and lists no model"};
}

LoadSamples run_load(const LoadTarget& target, const std::vector<LoadRequest>& requests,
                     std::int64_t clients) {
  LoadSamples all;
  std::mutex mutex;  // guards all
  std::atomic<std::size_t> next{0};
  const auto began = Steady::now();
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < clients; ++i)
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < requests.size() && !support::stop_requested();
             at = next++) {
          // A connection for each, as from as many users: some servers close theirs between two.
          auto client = connect(target);
          Seen seen;
          if (client)
            seen = make_request(**client, target, requests[at]);
          else
            seen.error = client.error().message;
          const std::lock_guard lock(mutex);
          add(all, seen);
        }
      });
  }
  all.seconds = std::chrono::duration<double>(Steady::now() - began).count();
  return all;
}

}  // namespace galley::bench
