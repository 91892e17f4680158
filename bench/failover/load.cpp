#include "failover/load.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace galley::bench {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{300};
constexpr std::chrono::milliseconds kAnswerTimeout{500};
constexpr std::chrono::milliseconds kBetweenJobs{100};
constexpr std::chrono::milliseconds kRetry{10};

}  // namespace

support::LeaderClient leader_client(std::vector<std::string> urls, std::string token) {
  return support::LeaderClient({.urls = std::move(urls),
                                .token = std::move(token),
                                .connect_timeout = kConnectTimeout,
                                .answer_timeout = kAnswerTimeout});
}

SteadySubmits::SteadySubmits(std::vector<std::string> urls, std::string token, Json job)
    : client_(leader_client(std::move(urls), std::move(token))),
      job_(std::move(job)),
      thread_([this](const std::stop_token& stop) { serve(stop); }) {}

SteadySubmits::~SteadySubmits() {
  thread_.request_stop();
  thread_.join();
}

void SteadySubmits::serve(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    http::Client::Call call{.method = "POST", .target = "/api/v1/jobs", .body = dump_json(job_)};
    call.headers.set("Content-Type", "application/json");
    call.headers.set("Idempotency-Key", random_hex(16));
    for (;;) {
      const Instant asked = std::chrono::steady_clock::now();
      const auto answer = client_.ask(call);
      if (answer) {
        const std::lock_guard lock(mutex_);
        accepted_.push_back(
            {answer->at("id").get<std::string>(), asked, std::chrono::steady_clock::now()});
        break;
      }
      if (stop.stop_requested()) return;
      std::this_thread::sleep_for(kRetry);
    }
    changed_.notify_all();
    std::this_thread::sleep_for(kBetweenJobs);
  }
}

Result<SteadySubmits::Accepted> SteadySubmits::first_after(Instant since, Millis patience) {
  std::unique_lock lock(mutex_);
  std::optional<Accepted> found;
  changed_.wait_for(lock, patience, [&] {
    for (auto one = accepted_.rbegin(); one != accepted_.rend() && one->asked >= since; ++one)
      found = *one;
    return found.has_value();
  });
  if (found) return *std::move(found);
  return Error{Errc::timeout,
               "no job was accepted within " + std::to_string(patience.count()) + " ms of a fault"};
}

std::vector<std::string> SteadySubmits::accepted() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> jobs;
  for (const auto& one : accepted_) jobs.push_back(one.job);
  return jobs;
}

}  // namespace galley::bench
