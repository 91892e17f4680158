#include "pool.h"

#include <algorithm>
#include <utility>

namespace galley::http {

Pool::Pool(std::size_t threads, std::size_t queue) : capacity_(queue) {
  const std::size_t count = std::max<std::size_t>(threads, 1);
  threads_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

bool Pool::submit(std::shared_ptr<Transaction> transaction) {
  {
    const std::lock_guard lock(mutex_);
    // A job that an idle thread is about to take does not wait.
    if (stopping_ || queue_.size() >= capacity_ + idle_) return false;
    queue_.push_back(std::move(transaction));
  }
  wake_.notify_one();
  return true;
}

std::size_t Pool::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Pool::stop() {
  std::deque<std::shared_ptr<Transaction>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  threads_.clear();
}

void Pool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    auto transaction = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    run_on_pool(transaction);
    transaction.reset();
    lock.lock();
  }
}

}  // namespace galley::http
