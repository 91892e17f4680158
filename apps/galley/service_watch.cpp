#include "service_watch.h"

#include "base/log.h"
#include "controller/availability.h"

namespace galley::app {
namespace {

constexpr Millis kAskEvery{1'000};
// While refused, so that the end of an outage is seen when it comes.
constexpr Millis kAskAgain{200};
// A server alone writes to its own disk for this, day and night.
constexpr Millis kAloneEvery{5'000};
constexpr Millis kConnectTimeout{500};
constexpr Millis kAnswerTimeout{1'000};
constexpr int kRefusedStatus = 500;  // and above; a leader from before /readyz answers 404

Millis silence_of(Millis period) { return 3 * period; }

/// Where the leader is reached; empty while there is none, or it cannot be known.
std::string leader_url(store::Database& database) {
  std::string url;
  const Status read = database.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select c.url from lease l join controllers c"
                                     " on c.name = l.holder where l.name = 'leader'"));
    url = row ? row->text(0) : std::string();
    return ok();
  });
  return read ? url : std::string();
}

}  // namespace

ServiceWatch::ServiceWatch(store::Database& database, std::string name, Among among)
    : database_(database), name_(std::move(name)), among_(among) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ServiceWatch::~ServiceWatch() {
  thread_.request_stop();
  thread_.join();
  if (fenced_ != nullptr) (void)look();
}

void ServiceWatch::serves(store::Database& fenced) {
  {
    const std::lock_guard lock(mutex_);
    fenced_ = &fenced;
    look_now_ = true;
  }
  changed_.notify_all();
}

void ServiceWatch::stands_by() {
  const std::lock_guard in_use(looking_);
  const std::lock_guard lock(mutex_);
  fenced_ = nullptr;
}

bool ServiceWatch::leader_accepts() {
  const std::string url = leader_url(database_);
  if (url.empty()) return false;
  if (!client_ || asked_url_ != url) {
    // No secret is sent and none is learnt, so whose certificate it is does not matter here.
    auto opened = http::Client::open({.server = url,
                                      .connect_timeout = kConnectTimeout,
                                      .timeout = kAnswerTimeout,
                                      .retries = 0,
                                      .verify_tls = false});
    if (!opened) return false;
    client_ = *std::move(opened);
    asked_url_ = url;
  }
  const auto answer = client_->send({.target = "/readyz"});
  if (!answer) client_.reset();
  return answer && answer->status < kRefusedStatus;
}

/// One look; answers when to look again.
Millis ServiceWatch::look() {
  const std::lock_guard in_use(looking_);
  store::Database* fenced = nullptr;
  {
    const std::lock_guard lock(mutex_);
    fenced = fenced_;
  }
  const bool is_alone = among_ == Among::alone;
  if (is_alone && fenced == nullptr) return kAloneEvery;
  const Millis period = is_alone ? kAloneEvery : kAskEvery;
  const Instant asked = system_clock().steady();
  controller::Finding finding{.by = name_,
                              .accepted = fenced != nullptr || leader_accepts(),
                              .from_outside = fenced == nullptr,
                              .silence = silence_of(period)};
  // Nobody else serves this folder, so until now nobody did.
  if (is_alone && is_first_) finding.silence = Millis{0};
  if (refused_since_)
    finding.refused_for = std::chrono::duration_cast<Millis>(asked - *refused_since_);
  const Status stored =
      controller::record_finding(fenced != nullptr ? *fenced : database_, finding);
  if (stored && finding.accepted) {
    refused_since_.reset();
    is_first_ = false;
    return period;
  }
  // What could not be stored was not accepted either.
  if (!refused_since_) {
    refused_since_ = asked;
    log::warn("availability", "no controller accepts",
              {{"reason", stored ? "the leader did not answer" : describe(stored.error())}});
  }
  return kAskAgain;
}

void ServiceWatch::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Millis pause = look();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, pause, [this] { return look_now_; });
    look_now_ = false;
  }
}

}  // namespace galley::app
