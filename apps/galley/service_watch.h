#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "http/client.h"
#include "store/database.h"

namespace galley::app {

/// Sees to it that the time without service is known (controller/availability.h). A controller that
/// stands by asks the leader's API each second; one that leads says of itself that it does, which
/// counts only where no other asks.
///
/// One thread of its own. `database`, unfenced, must outlive it.
class ServiceWatch {
 public:
  enum class Among {
    several,  // of one PostgreSQL
    alone,    // in its data folder: what it did not serve nobody did
  };
  ServiceWatch(store::Database& database, std::string name, Among among);
  /// Says a last time that it served until now, if it did.
  ~ServiceWatch();

  /// This process serves from now on, and writes by `fenced` that it does.
  void serves(store::Database& fenced);
  /// It does not any more; after this nothing uses what serves() was given.
  void stands_by();

 private:
  void run(const std::stop_token& stop);
  Millis look();
  bool leader_accepts();

  store::Database& database_;
  const std::string name_;
  const Among among_;
  // Of the thread, which alone asks.
  std::string asked_url_;
  std::unique_ptr<http::Client> client_;
  bool is_first_ = true;

  std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  store::Database* fenced_ = nullptr;  // while this process serves
  bool look_now_ = false;
  std::mutex looking_;                    // held while fenced_ is in use
  std::optional<Instant> refused_since_;  // with looking_

  std::jthread thread_;
};

}  // namespace galley::app
