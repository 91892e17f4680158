#include "load.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace galley::testing {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Millis kPatience{30'000};
constexpr std::chrono::milliseconds kBetween{50};
constexpr std::chrono::milliseconds kRetry{5};

Millis since(Steady::time_point begin) {
  return std::chrono::duration_cast<Millis>(Steady::now() - begin);
}

}  // namespace

http::Client::Call post_call(const std::string& target, const Json& body) {
  http::Client::Call call{.method = "POST", .target = target, .body = dump_json(body)};
  call.headers.set("Content-Type", "application/json");
  call.headers.set("Idempotency-Key", random_hex(16));
  return call;
}

Result<Json> LeaderClient::insist(const http::Client::Call& call) {
  const auto begin = Steady::now();
  for (;;) {
    auto answer = ask(call);
    if (answer || since(begin) > kPatience) return answer;
    const Errc code = answer.error().code;
    if (code != Errc::unavailable && code != Errc::timeout) return answer;
    std::this_thread::sleep_for(kRetry);
  }
}

SubmitLoad::SubmitLoad(std::vector<std::string> urls, std::string token)
    : client_(std::move(urls), std::move(token)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SubmitLoad::~SubmitLoad() {
  thread_.request_stop();
  thread_.join();
}

void SubmitLoad::run(const std::stop_token& stop) {
  auto last = Steady::now();
  while (!stop.stop_requested()) {
    const auto call = post_call("/api/v1/jobs", {{"name", "small"}, {"command", {"true"}}});
    std::string refusal;
    Result<Json> answer = client_.ask(call);
    while (!answer && !stop.stop_requested()) {
      if (refusal.empty()) refusal = describe(answer.error());
      std::this_thread::sleep_for(kRetry);
      answer = client_.ask(call);
    }
    if (!answer) return;
    {
      const std::lock_guard lock(mutex_);
      account_.jobs.push_back(answer->at("id").get<std::string>());
      const Millis pause = since(last);
      account_.longest = std::max(account_.longest, pause);
      if (!refusal.empty()) {
        account_.pauses.push_back(pause);
        account_.refusals.push_back(refusal);
      }
      last = Steady::now();
    }
    std::this_thread::sleep_for(kBetween);
  }
}

bool SubmitLoad::wait_for_more(std::size_t count) {
  const std::size_t wanted = account().jobs.size() + count;
  const auto begin = Steady::now();
  while (account().jobs.size() < wanted) {
    if (since(begin) > kPatience) return false;
    ::usleep(5'000);
  }
  return true;
}

SubmitLoad::Account SubmitLoad::account() const {
  const std::lock_guard lock(mutex_);
  return account_;
}

}  // namespace galley::testing
