#include "failover/load.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "protocol/controllers.h"

namespace galley::bench {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{300};
constexpr std::chrono::milliseconds kAnswerTimeout{500};
constexpr std::chrono::milliseconds kBetweenJobs{100};
constexpr std::chrono::milliseconds kRetry{10};

}  // namespace

Result<Json> LeaderClient::ask(const http::Client::Call& call) {
  if (!client_) {
    GALLEY_TRY(client_, http::Client::open({.server = urls_[at_],
                                            .bearer_token = token_,
                                            .connect_timeout = kConnectTimeout,
                                            .timeout = kAnswerTimeout,
                                            .retries = 0}));
  }
  auto raw = client_->send(call);
  const std::string leader = raw && raw->status == 503
                                 ? std::string(raw->headers.get(protocol::kLeaderHeader))
                                 : std::string{};
  auto answer = http::expect_ok(std::move(raw));
  if (answer) return answer->body.empty() ? Json::object() : parse_json(answer->body);
  const Errc code = answer.error().code;
  if (code == Errc::unavailable || code == Errc::timeout) {
    client_.reset();
    const auto named = std::ranges::find(urls_, leader);
    at_ = named != urls_.end() ? static_cast<std::size_t>(named - urls_.begin())
                               : (at_ + 1) % urls_.size();
  }
  return std::move(answer).error();
}

SteadySubmits::SteadySubmits(std::vector<std::string> urls, std::string token, Json job)
    : client_(std::move(urls), std::move(token)),
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
