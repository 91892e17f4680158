#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "http/server.h"
#include "store/database.h"
#include "store/events.h"

namespace galley::api {

/// Brings every stored event to those who watch, right after the commit that made it.
///
/// One thread reads what is new once for all watchers. Each has its own place in the order of
/// events, so one that is slow (its stream is full) falls behind alone and goes on from its place
/// when its stream has drained: nothing is dropped and nothing grows. Events that are not stored
/// (load, metrics) are not repeated to those who were behind.
/// Thread-safe.
class EventFeed {
 public:
  static constexpr Millis kLoadInterval{2'000};
  static constexpr Millis kHeartbeatInterval{15'000};  // under the idle limits of proxies

  /// `load` prints the data of a load event; called on the feed's thread while someone wants it.
  EventFeed(store::Database& database, const Clock& clock, std::function<std::string()> load);
  ~EventFeed();

  /// The seq of the newest event now. Reads the database.
  Result<std::int64_t> newest() const;

  /// Sends the events after `after`, of the kinds named (none means all), until the reader goes.
  void add_stream(http::Stream stream, std::vector<std::string> kinds, std::int64_t after);

  /// Calls back on the feed's thread after every event about the subject, until the answer is
  /// dropped (a call that is under way may still be finishing then). The callback must be quick.
  std::shared_ptr<void> watch(std::string subject, std::function<void()> callback,
                              std::int64_t after);

  /// Called every kLoadInterval on the feed's thread while someone watches, to announce what comes
  /// too often to be told each time. Once, before anyone watches.
  void on_beat(std::function<void()> call);

  /// An event that is not stored. `data` is a JSON object. Does not block.
  void announce(std::string kind, std::string data, std::string subject = {});

  /// Ends all streams properly. Idempotent.
  void stop();

 private:
  struct Signal;
  struct Subscriber;
  struct Announcement {
    std::string kind;
    std::string data;
    std::string subject;
  };

  void run();
  void deliver_stored();
  void deliver_announced();
  void beat(Instant now);
  void send(Subscriber& to, const store::Event& event) const;
  std::vector<std::shared_ptr<Subscriber>> subscribers();
  void add(std::shared_ptr<Subscriber> subscriber);

  store::Database& database_;
  const Clock& clock_;
  const std::function<std::string()> load_;
  const std::shared_ptr<Signal> signal_;  // outlives us in the callbacks of streams and commits

  std::mutex mutex_;  // guards subscribers_, announced_, on_beat_ and stopped_
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::vector<Announcement> announced_;
  std::function<void()> on_beat_;
  bool stopped_ = false;

  Instant next_load_{};  // used by thread_ alone, as is the next
  Instant next_heartbeat_{};
  std::thread thread_;  // last, so that all above exists when it starts
};

}  // namespace galley::api
