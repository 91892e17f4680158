#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "event_loop.h"
#include "lane.h"
#include "process/log_mirror.h"
#include "protocol/ids.h"
#include "remote_session.h"

namespace galley::agent {

/// What is to be sent next of a log that lies in these files, when the other side has `place`.
struct LogPiece {
  std::int64_t segment = 0;
  std::int64_t offset = 0;
  std::int64_t count = 0;   // 0: the empty file that marks the end
  std::int64_t oldest = 0;  // files between the first and this one are gone
};
/// Nothing when all has been sent. Pure.
std::optional<LogPiece> next_log_piece(const std::vector<process::LogSegment>& here,
                                       process::LogSegment place);

/// Sends the logs of attempts to the controller while they grow, file by file as they lie. Where to
/// go on the controller says each time, so a lost answer, a restart of either side or a log that
/// the controller lost costs a repetition and no byte.
///
/// Thread-safe. One thread; it sleeps while nothing is written. Callbacks come on it.
class LogShipper {
 public:
  static Result<std::unique_ptr<LogShipper>> start(const ControllerAccess& access,
                                                   RemoteSession& session);
  ~LogShipper();
  /// No callback comes afterwards; what is asked later is dropped. Idempotent.
  void stop();

  /// Follows the log in that folder from now on. Idempotent.
  void add(const AttemptId& attempt, std::int64_t rank, std::filesystem::path folder);
  /// Calls `done` once all that lies there has been sent, or the controller will never take it.
  void flush(const AttemptId& attempt, std::function<void()> done);
  /// No more of it.
  void remove(const AttemptId& attempt);
  /// There is a controller (again): it is asked where its logs end.
  void attached();

 private:
  struct Log {
    AttemptId attempt;
    std::int64_t rank = 0;
    std::filesystem::path folder;
    EventLoop::Token token = 0;
    bool asked = false;  // we know what the controller has
    process::LogSegment place;
    bool watched = false;  // a write to the folder will be told
    Instant again_at{};    // not before
    Instant look_at = Instant::max();
    bool dirty = true;
    bool refused = false;  // the controller will never take it
    std::vector<std::function<void()>> waiting;
  };

  LogShipper(const ControllerAccess& access, RemoteSession& session,
             std::unique_ptr<EventLoop> loop);
  void run();
  Instant next_time() const;
  /// One piece at most; true when there is more.
  bool serve(Log& log);
  Status ship(Log& log, const std::string& address, bool& sent_all);
  void on_failure(Log& log, const Error& error);
  Log* find(const AttemptId& attempt);

  RemoteSession& session_;
  Lane lane_;
  const std::unique_ptr<EventLoop> loop_;
  // Of the thread.
  std::map<EventLoop::Token, Log> logs_;
  EventLoop::Token last_token_ = 0;
  std::thread thread_;
};

}  // namespace galley::agent
