#include "hub.h"

#include <utility>

#include "connection.h"
#include "stream_core.h"
#include "transaction.h"

namespace galley::http {

template <class Item>
bool Hub::push(std::vector<Item>& items, Item item) {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  items.push_back(std::move(item));
  // Woken under the lock, so that the loop cannot be destroyed between the check and the call.
  if (!std::exchange(woken_, true)) wake_();
  return true;
}

bool Hub::post(std::shared_ptr<Transaction> answered) {
  return push(answered_, std::move(answered));
}
bool Hub::post(std::shared_ptr<StreamCore> changed) { return push(changed_, std::move(changed)); }

void Hub::deliver() {
  std::vector<std::shared_ptr<Transaction>> answered;
  std::vector<std::shared_ptr<StreamCore>> changed;
  {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    answered.swap(answered_);
    changed.swap(changed_);
  }
  for (const auto& transaction : answered) {
    if (const auto connection = transaction->connection.lock())
      connection->answered(transaction);
    else if (transaction->stream)
      transaction->stream->reader_gone();
  }
  for (const auto& stream : changed) {
    if (const auto connection = stream->connection().lock())
      connection->stream_changed(stream);
    else
      stream->reader_gone();
  }
}

void Hub::close() {
  std::vector<std::shared_ptr<Transaction>> answered;
  std::vector<std::shared_ptr<StreamCore>> changed;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    answered.swap(answered_);
    changed.swap(changed_);
  }
  for (const auto& transaction : answered)
    if (transaction->stream) transaction->stream->reader_gone();
  for (const auto& stream : changed) stream->reader_gone();
}

}  // namespace galley::http
