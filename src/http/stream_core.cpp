#include "stream_core.h"

#include <utility>

namespace galley::http {

StreamCore::StreamCore(std::shared_ptr<Hub> hub, std::weak_ptr<Connection> connection,
                       std::size_t limit_bytes)
    : hub_(std::move(hub)), connection_(std::move(connection)), limit_bytes_(limit_bytes) {}

Stream::Push StreamCore::write(std::string_view bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || finished_) return Stream::Push::closed;
    const std::size_t waiting = queued_.size() + in_flight_bytes_;
    // A piece larger than the whole buffer passes when nothing waits, or it could never be sent.
    if (waiting > 0 && waiting + bytes.size() > limit_bytes_) {
      starved_ = true;
      return Stream::Push::full;
    }
    queued_ += bytes;
  }
  schedule();
  return Stream::Push::sent;
}

void StreamCore::finish() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
  }
  schedule();
}

void StreamCore::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    abandoned_ = true;
  }
  schedule();
}

void StreamCore::on_close(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    on_close_ = std::move(callback);
    if (!closed_) return;
  }
  schedule();
}

void StreamCore::on_drain(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || finished_) return;
    on_drain_ = std::move(callback);
    if (!starved_ || !queued_.empty() || in_flight_bytes_ > 0) return;
  }
  schedule();
}

bool StreamCore::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void StreamCore::schedule() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(scheduled_, true)) return;
  }
  if (!hub_->post(shared_from_this())) reader_gone();
}

StreamCore::Taken StreamCore::take() {
  const std::lock_guard lock(mutex_);
  scheduled_ = false;
  in_flight_bytes_ += queued_.size();
  return {std::exchange(queued_, {}), finished_, abandoned_};
}

void StreamCore::settle(bool was_sent) {
  std::function<void()> drained;
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    if (was_sent) in_flight_bytes_ = 0;
    gone = closed_;
    const bool empty = queued_.empty() && in_flight_bytes_ == 0;
    if (!closed_ && !finished_ && empty && (was_sent || starved_)) {
      drained = on_drain_;
      if (drained) starved_ = false;
    }
  }
  if (gone) return reader_gone();
  if (drained) drained();
}

void StreamCore::reader_gone() {
  std::function<void()> closed;
  bool finished = false;
  std::function<void()> drained;  // destroyed without the lock: it may own the last Stream
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    scheduled_ = false;
    queued_.clear();
    closed = std::exchange(on_close_, nullptr);
    finished = finished_;
    drained = std::exchange(on_drain_, nullptr);
  }
  if (closed && !finished) closed();
}

}  // namespace galley::http
