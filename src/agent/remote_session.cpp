#include "remote_session.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace galley::agent {
namespace {

/// Longer than those who stand by wait before one of them leads.
constexpr Millis kShunned{3'000};

}  // namespace

Flag::Flag() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  GALLEY_CHECK(fd_, "an event descriptor can be made");
}
void Flag::set() const {
  const std::uint64_t one = 1;
  // A full counter is readable already, which is all that matters.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}
void Flag::clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
}

std::optional<RemoteSession::Attached> RemoteSession::now() const {
  const std::lock_guard lock(mutex_);
  return attached_;
}

void RemoteSession::begin(Attached attached) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  attached_ = std::move(attached);
  away_flag_.clear();
}

bool RemoteSession::prepare() {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  attached_.reset();
  renewal_ = false;
  poll_flag_.clear();
  return true;
}

void RemoteSession::end(bool silent) {
  const std::lock_guard lock(mutex_);
  if (silent && attached_) {
    silent_address_ = attached_->address;
    silent_until_ = std::chrono::steady_clock::now() + kShunned;
  }
  attached_.reset();
  poll_flag_.set();
  away_flag_.set();
}

std::string RemoteSession::silent_address() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() < silent_until_ ? silent_address_ : std::string();
}

void RemoteSession::renew() {
  const std::lock_guard lock(mutex_);
  renewal_ = true;
  poll_flag_.set();
}

bool RemoteSession::wants_renewal() const {
  const std::lock_guard lock(mutex_);
  return renewal_;
}

void RemoteSession::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    attached_.reset();
    poll_flag_.set();
    stop_flag_.set();
    away_flag_.set();
  }
  changed_.notify_all();
}

bool RemoteSession::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void RemoteSession::pause(Millis length) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, length, [this] { return stopped_; });
}

Result<EpochMemory> EpochMemory::open(std::filesystem::path file) {
  EpochMemory memory(std::move(file));
  constexpr std::int64_t kLargestFile = 64;
  const auto text = read_file(memory.file_, kLargestFile);
  if (!text && text.error().code == Errc::not_found) return memory;
  if (!text) return text.error();
  const auto digits = trim(*text);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), memory.newest_);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return Error{Errc::corrupt, memory.file_.string() + " holds no number"};
  return memory;
}

Status EpochMemory::accept(std::int64_t epoch) {
  if (epoch == newest_) return ok();
  if (epoch < newest_)
    return Error{Errc::conflict,
                 "this controller leads under epoch " + std::to_string(epoch) +
                     ", but this node has obeyed epoch " + std::to_string(newest_) +
                     ": another has taken over",
                 "epoch",
                 {},
                 "if its database was set back on purpose, let this node join anew"};
  GALLEY_TRY_STATUS(write_file_atomic(file_, std::to_string(epoch) + "\n", Durability::disk, 0600));
  newest_ = epoch;
  return ok();
}

Backoff::Backoff(Millis first, Millis longest, std::uint32_t seed)
    : first_(first), longest_(longest), pause_(first), state_(seed | 1U) {}

Millis Backoff::next() {
  state_ ^= state_ << 13U;
  state_ ^= state_ >> 17U;
  state_ ^= state_ << 5U;
  const auto half = pause_.count() / 2;
  const Millis pause{half + static_cast<std::int64_t>(state_) % (half + 1)};
  pause_ = std::min(pause_ * 2, longest_);
  return pause;
}

}  // namespace galley::agent
