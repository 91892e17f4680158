#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace galley::http {

struct Transaction;
class StreamCore;

/// Where other threads leave finished answers and new stream bytes for the I/O thread. Many posts
/// wake it once. Thread-safe; outlives the server as long as somebody holds a Responder or Stream.
class Hub {
 public:
  /// `wake` arranges that `deliver` runs on the I/O thread soon.
  explicit Hub(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// False when the server is gone and nobody will look.
  bool post(std::shared_ptr<Transaction> answered);
  bool post(std::shared_ptr<StreamCore> changed);
  /// On the I/O thread.
  void deliver();
  /// After this, posts are refused. Hands streams whose bytes nobody will take their end.
  void close();

 private:
  template <class Item>
  bool push(std::vector<Item>& items, Item item);

  std::mutex mutex_;  // guards all below
  std::function<void()> wake_;
  std::vector<std::shared_ptr<Transaction>> answered_;
  std::vector<std::shared_ptr<StreamCore>> changed_;
  bool woken_ = false;
  bool closed_ = false;
};

}  // namespace galley::http
