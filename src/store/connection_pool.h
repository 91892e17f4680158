#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace galley::store {

/// Connections for reading, opened when first needed and lent to one thread at a time. Thread-safe.
template <class Connection>
class ConnectionPool {
 public:
  using Open = std::function<Result<std::unique_ptr<Connection>>()>;

  ConnectionPool(int limit, Open open) : open_(std::move(open)), unopened_(limit) {}

  /// Waits while all are lent. Errors: those of opening one.
  Result<std::unique_ptr<Connection>> take() {
    {
      std::unique_lock lock(mutex_);
      returned_.wait(lock, [&] { return !idle_.empty() || unopened_ > 0; });
      if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
      --unopened_;
    }
    auto opened = open_();
    if (!opened) give_back(nullptr);
    return opened;
  }

  /// A null connection gives back only the right to open one.
  void give_back(std::unique_ptr<Connection> connection) {
    {
      const std::lock_guard lock(mutex_);
      if (connection)
        idle_.push_back(std::move(connection));
      else
        ++unopened_;
    }
    returned_.notify_one();
  }

 private:
  const Open open_;
  std::mutex mutex_;  // guards idle_ and unopened_
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int unopened_;
};

}  // namespace galley::store
