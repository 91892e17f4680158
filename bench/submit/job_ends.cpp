#include "submit/job_ends.h"

#include <nlohmann/json.hpp>

#include "api_client.h"
#include "base/json.h"

namespace galley::bench {
namespace {

constexpr Millis kOpenTimeout{10'000};

}  // namespace

Result<std::unique_ptr<JobEnds>> JobEnds::watch(const std::string& url, const std::string& token) {
  std::unique_ptr<JobEnds> ends(new JobEnds);
  ends->thread_ = std::jthread([raw = ends.get(), url, token] { raw->read(url, token); });
  std::unique_lock lock(ends->mutex_);
  ends->changed_.wait_for(lock, kOpenTimeout, [&] { return ends->open_ || !ends->error_.empty(); });
  if (!ends->error_.empty()) return Error{Errc::unavailable, ends->error_};
  if (!ends->open_) return Error{Errc::timeout, "the event stream sends nothing"};
  lock.unlock();
  return ends;
}

/// Load events come every two seconds, so the reader notices soon that it is to end.
JobEnds::~JobEnds() { closing_ = true; }

void JobEnds::read(const std::string& url, const std::string& token) {
  const auto run = [&]() -> Status {
    GALLEY_TRY(
        auto client,
        http::Client::open(
            {.server = url, .bearer_token = token, .timeout = Millis{30'000}, .retries = 0}));
    http::EventParser parser;
    Status parsed = ok();
    GALLEY_TRY_STATUS(http::expect_ok(client->stream(
        {.method = "GET", .target = "/api/v1/events?kinds=job,load"}, [&](std::string_view piece) {
          {
            const std::lock_guard lock(mutex_);
            open_ = true;
          }
          changed_.notify_all();
          parsed = parser.feed(piece, [&](const auto& event) { take(event); });
          return parsed.has_value() && !closing_;
        })));
    return parsed;
  };
  const Status status = run();
  const std::lock_guard lock(mutex_);
  if (!closing_) error_ = status ? "the event stream ended" : status.error().message;
  changed_.notify_all();
}

void JobEnds::take(const http::EventParser::Event& event) {
  if (event.name != "job") return;
  const auto now = std::chrono::steady_clock::now();
  const auto record = parse_json(event.data);
  if (!record) return;
  const auto state = record->at("data").at("state").get<std::string>();
  if (!support::is_final_state(state)) return;
  const std::lock_guard lock(mutex_);
  ends_.emplace(record->at("subject").get<std::string>(), End{now, state});
  changed_.notify_all();
}

Result<JobEnds::End> JobEnds::wait(const std::string& job, Millis timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return ends_.contains(job) || !error_.empty(); });
  const auto found = ends_.find(job);
  if (found != ends_.end()) return found->second;
  if (!error_.empty()) return Error{Errc::unavailable, error_};
  return Error{Errc::timeout, "no event says that " + job + " has ended"};
}

}  // namespace galley::bench
