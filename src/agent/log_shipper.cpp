#include "log_shipper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "protocol/fleet_messages.h"

namespace galley::agent {
namespace {

constexpr std::int64_t kPieceBytes = 1 << 20;
// A reader of a log notices no shorter delay, and each piece is a request.
constexpr Millis kPace{50};
constexpr Millis kPauseAfterFailure{200};
constexpr Millis kPauseWhenFull{5'000};
// Only where the folder is still to be made, or inotify watches are used up.
constexpr Millis kLookAgain{200};

}  // namespace

std::optional<LogPiece> next_log_piece(const std::vector<process::LogSegment>& here,
                                       process::LogSegment place) {
  std::int64_t oldest = 0;
  for (const auto& segment : here)
    if (segment.start > 0 && oldest == 0) oldest = segment.start;
  for (const auto& segment : here) {
    if (segment.start < place.start) continue;
    const bool same = segment.start == place.start;
    const std::int64_t sent = same ? place.size : 0;
    if (segment.size > sent) return LogPiece{segment.start, sent, segment.size - sent, oldest};
    if (!same && segment == here.back()) return LogPiece{segment.start, 0, 0, oldest};
  }
  return std::nullopt;
}

Result<std::unique_ptr<LogShipper>> LogShipper::start(const ControllerAccess& access,
                                                      RemoteSession& session) {
  GALLEY_TRY(auto loop, EventLoop::open());
  return std::unique_ptr<LogShipper>(new LogShipper(access, session, std::move(loop)));
}

LogShipper::LogShipper(const ControllerAccess& access, RemoteSession& session,
                       std::unique_ptr<EventLoop> loop)
    : session_(session),
      lane_(access, session.away_flag().fd()),
      loop_(std::move(loop)),
      thread_([this] { run(); }) {}

LogShipper::~LogShipper() { stop(); }

void LogShipper::stop() {
  loop_->mailbox()->close();
  if (thread_.joinable()) thread_.join();
}

void LogShipper::add(const AttemptId& attempt, std::int64_t rank, std::filesystem::path folder) {
  loop_->mailbox()->post([this, attempt, rank, folder = std::move(folder)] {
    if (find(attempt) != nullptr) return;
    const auto token = ++last_token_;
    logs_[token] = {.attempt = attempt, .rank = rank, .folder = folder, .token = token};
  });
}

void LogShipper::flush(const AttemptId& attempt, std::function<void()> done) {
  loop_->mailbox()->post([this, attempt, done = std::move(done)] {
    Log* log = find(attempt);
    if (log == nullptr) return done();
    log->waiting.push_back(done);
    log->dirty = true;
  });
}

void LogShipper::remove(const AttemptId& attempt) {
  loop_->mailbox()->post([this, attempt] {
    std::erase_if(logs_, [&](const auto& entry) { return entry.second.attempt == attempt; });
  });
}

void LogShipper::attached() {
  loop_->mailbox()->post([this] {
    for (auto& [token, log] : logs_) {
      log.asked = false;
      log.again_at = {};
      log.dirty = true;
    }
  });
}

LogShipper::Log* LogShipper::find(const AttemptId& attempt) {
  for (auto& [token, log] : logs_)
    if (log.attempt == attempt) return &log;
  return nullptr;
}

Instant LogShipper::next_time() const {
  Instant next = Instant::max();
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [token, log] : logs_) {
    if (log.dirty) next = std::min(next, std::max(log.again_at, now));
    next = std::min(next, log.look_at);
  }
  // The loop's own longest wait is far below this.
  return next == Instant::max() ? now + std::chrono::hours(1) : next;
}

void LogShipper::run() {
  for (;;) {
    auto events = loop_->wait(next_time());
    if (events.closed) return;
    for (const auto& task : events.tasks) task();
    for (const auto token : events.written)
      if (const auto found = logs_.find(token); found != logs_.end()) {
        found->second.watched = false;
        found->second.dirty = true;
      }
    const auto now = std::chrono::steady_clock::now();
    for (auto& [token, log] : logs_) {
      if (log.look_at <= now) {
        log.look_at = Instant::max();
        log.dirty = true;
      }
      if (log.dirty && log.again_at <= now) log.dirty = serve(log);
    }
  }
}

bool LogShipper::serve(Log& log) {
  const auto attached = session_.now();
  // attached() makes everything dirty again.
  if (!attached) return false;
  bool sent_all = log.refused;
  if (!log.refused) {
    if (auto shipped = ship(log, attached->address, sent_all); !shipped) {
      on_failure(log, shipped.error());
      if (!log.refused) return true;
      sent_all = true;
    }
  }
  log.again_at = std::chrono::steady_clock::now() + (sent_all ? kPace : Millis{0});
  if (!sent_all) return true;
  for (const auto& done : std::exchange(log.waiting, {})) done();
  return false;
}

/// Sends what comes next. The watch is set before the look, so that nothing is missed between.
Status LogShipper::ship(Log& log, const std::string& address, bool& sent_all) {
  if (!log.watched) log.watched = loop_->watch_write(log.folder, log.token).has_value();
  if (!log.watched) log.look_at = std::chrono::steady_clock::now() + kLookAgain;
  GALLEY_TRY(const auto here, process::list_log_segments(log.folder));
  std::string target =
      fmt::format("/internal/v1/attempts/{}/log?rank={}", log.attempt.str(), log.rank);
  std::string body;
  if (log.asked) {
    const auto piece = next_log_piece(here, log.place);
    sent_all = !piece;
    if (!piece) return ok();
    if (piece->count > 0) {
      auto bytes = process::read_log_segment(log.folder, piece->segment, piece->offset,
                                             std::min(piece->count, kPieceBytes));
      // Its writer has dropped it meanwhile: the next look sees what is left.
      if (!bytes && bytes.error().code == Errc::not_found) return ok();
      if (!bytes) return std::move(bytes).error();
      body = *std::move(bytes);
    }
    target += fmt::format("&segment={}&offset={}&oldest={}", piece->segment, piece->offset,
                          piece->oldest);
  }
  GALLEY_TRY(const auto answer,
             lane_.send(address,
                        {.method = "POST", .target = std::move(target), .body = std::move(body)}));
  GALLEY_TRY(const auto place, protocol::read_message<protocol::LogPlace>(answer.body));
  log.place = {place.segment, place.length};
  log.asked = true;
  return ok();
}

void LogShipper::on_failure(Log& log, const Error& error) {
  const auto now = std::chrono::steady_clock::now();
  if (error.code == Errc::unavailable || error.code == Errc::timeout ||
      error.code == Errc::rate_limited) {
    log.asked = false;  // what was under way may have arrived
    log.again_at = now + kPauseAfterFailure;
    return;
  }
  galley::log::warn("agent", "a log cannot be delivered",
                    {{"attempt", log.attempt.str()}, {"reason", describe(error)}});
  log.refused = error.code == Errc::not_found || error.code == Errc::invalid_argument;
  if (log.refused) return;
  // The controller's disk is full, say. How the attempt ended can be told all the same.
  log.again_at = now + kPauseWhenFull;
  for (const auto& done : std::exchange(log.waiting, {})) done();
}

}  // namespace galley::agent
