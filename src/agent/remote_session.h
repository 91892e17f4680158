#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace galley::agent {

/// An event descriptor: readable from set() to clear().
class Flag {
 public:
  Flag();
  void set() const;
  void clear() const;
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// Where this agent is attached, as all its threads see it. Thread-safe.
class RemoteSession {
 public:
  struct Attached {
    std::string address;
    std::string session;
    bool operator==(const Attached&) const = default;
  };

  std::optional<Attached> now() const;
  /// Forgets what asked for a new session. False once stopped.
  bool prepare();
  void begin(Attached attached);
  /// The session is over; the poll is broken off. `silent`: its controller gives no answer, which
  /// those who stand by may not know yet.
  void end(bool silent = false);
  /// The controller that fell silent less than a moment ago; empty: none.
  std::string silent_address() const;
  /// Attach anew as soon as may be, though nothing is wrong: what is held here has changed.
  void renew();
  /// Whether renew() was called since prepare().
  bool wants_renewal() const;

  void stop();
  bool stopped() const;
  /// Sleeps; returns early when it is stopped.
  void pause(Millis length);

  const Flag& poll_flag() const { return poll_flag_; }
  const Flag& stop_flag() const { return stop_flag_; }
  /// Readable while a session has ended and none has begun: what is sent then reaches nobody.
  const Flag& away_flag() const { return away_flag_; }

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<Attached> attached_;
  std::string silent_address_;
  Instant silent_until_{};
  bool renewal_ = false;
  bool stopped_ = false;
  const Flag poll_flag_;
  const Flag stop_flag_;
  const Flag away_flag_;
};

/// The newest epoch that this node has obeyed, on disk: a leader that was paused and replaced must
/// not be obeyed when it wakes up, whatever became of this agent meanwhile. One thread.
class EpochMemory {
 public:
  /// Errors: corrupt, those of the file system.
  static Result<EpochMemory> open(std::filesystem::path file);
  /// Errors: conflict (an older one), those of writing.
  Status accept(std::int64_t epoch);
  std::int64_t newest() const { return newest_; }

 private:
  explicit EpochMemory(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
  std::int64_t newest_ = 0;
};

/// The pause before the next try: doubled from `first` to `longest`, each half fixed and half by
/// chance, so that a thousand agents do not come back at one instant. Pure but for its chance.
class Backoff {
 public:
  Backoff(Millis first, Millis longest, std::uint32_t seed);
  Millis next();
  void reset() { pause_ = first_; }

 private:
  Millis first_;
  Millis longest_;
  Millis pause_;
  std::uint32_t state_;
};

}  // namespace galley::agent
