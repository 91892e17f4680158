#include "event_feed.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>

#include "base/log.h"
#include "protocol/records.h"

namespace galley::api {
namespace {

constexpr std::int64_t kBatch = 500;
// Announcements wait only until the thread comes round; more than this means that it is stuck.
constexpr std::size_t kMaxAnnounced = 10'000;
constexpr std::size_t kMaxSubscribers = 20'000;

using Push = http::Stream::Push;

std::string print_event(const store::Event& event) {
  Json json{{"at", to_rfc3339(from_ms(event.at_ms))},
            {"kind", event.kind},
            {"subject", event.subject},
            {"data", Json::object()}};
  if (event.seq > 0) json["seq"] = event.seq;
  // We wrote it ourselves; what cannot be read is shown as nothing rather than ending the stream.
  if (auto data = parse_json(event.data)) json["data"] = *std::move(data);
  return dump_json(json);
}

}  // namespace

/// Wakes the thread from anywhere: commits, streams that drained, new subscribers.
struct EventFeed::Signal {
  std::mutex mutex;  // guards woken and stopping
  std::condition_variable changed;
  bool woken = false;
  bool stopping = false;
  std::atomic<std::size_t> watchers{0};

  void wake() {
    {
      const std::lock_guard lock(mutex);
      woken = true;
    }
    changed.notify_one();
  }
};

struct EventFeed::Subscriber {
  std::vector<std::string> kinds;
  std::string subject;
  std::int64_t cursor = 0;  // used by the thread alone once it is added
  std::optional<http::Stream> stream;
  std::function<void()> callback;
  std::atomic<bool> blocked{false};  // its stream was full and has not drained yet
  std::atomic<bool> gone{false};

  bool wants(const store::Event& event) const {
    if (!subject.empty() && subject != event.subject) return false;
    return kinds.empty() || std::ranges::find(kinds, event.kind) != kinds.end();
  }
};

EventFeed::EventFeed(store::Database& database, const Clock& clock,
                     std::function<std::string()> load)
    : database_(database),
      clock_(clock),
      load_(std::move(load)),
      signal_(std::make_shared<Signal>()),
      thread_([this] { run(); }) {
  database_.on_commit([signal = signal_] {
    if (signal->watchers > 0) signal->wake();
  });
}

EventFeed::~EventFeed() {
  database_.on_commit({});
  stop();
}

void EventFeed::stop() {
  {
    const std::lock_guard lock(signal_->mutex);
    signal_->stopping = true;
  }
  signal_->changed.notify_one();
  std::vector<std::shared_ptr<Subscriber>> ending;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    ending.swap(subscribers_);
  }
  for (const auto& subscriber : ending)
    if (subscriber->stream) subscriber->stream->finish();
}

Result<std::int64_t> EventFeed::newest() const {
  std::int64_t seq = 0;
  GALLEY_TRY_STATUS(database_.read([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY(seq, store::last_event_seq(transaction));
    return ok();
  }));
  return seq;
}

void EventFeed::add(std::shared_ptr<Subscriber> subscriber) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_ && subscribers_.size() < kMaxSubscribers) {
      subscribers_.push_back(subscriber);
      signal_->watchers = subscribers_.size();
      subscriber = nullptr;
    }
  }
  if (subscriber && subscriber->stream) subscriber->stream->finish();
  signal_->wake();
}

void EventFeed::add_stream(http::Stream stream, std::vector<std::string> kinds,
                           std::int64_t after) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->kinds = std::move(kinds);
  subscriber->cursor = after;
  subscriber->stream = stream;
  // A lone id is no event, but a reader that is cut off before the first one resumes from it.
  stream.write("id: " + std::to_string(after) + "\n\n");
  const auto weak = std::weak_ptr(subscriber);
  stream.on_close([weak, signal = signal_] {
    if (const auto closed = weak.lock()) closed->gone = true;
    signal->wake();
  });
  stream.on_drain([weak, signal = signal_] {
    const auto drained = weak.lock();
    if (drained && drained->blocked.exchange(false)) signal->wake();
  });
  add(std::move(subscriber));
}

std::shared_ptr<void> EventFeed::watch(std::string subject, std::function<void()> callback,
                                       std::int64_t after) {
  auto subscriber = std::make_shared<Subscriber>();
  subscriber->subject = std::move(subject);
  subscriber->cursor = after;
  subscriber->callback = std::move(callback);
  add(subscriber);
  return {subscriber.get(), [subscriber](void*) { subscriber->gone = true; }};
}

void EventFeed::on_beat(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_beat_ = std::move(call);
}

void EventFeed::announce(std::string kind, std::string data, std::string subject) {
  if (signal_->watchers == 0) return;
  {
    const std::lock_guard lock(mutex_);
    if (announced_.size() >= kMaxAnnounced) return;
    announced_.push_back({std::move(kind), std::move(data), std::move(subject)});
  }
  signal_->wake();
}

/// Those who are still there; forgets the others.
std::vector<std::shared_ptr<EventFeed::Subscriber>> EventFeed::subscribers() {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [](const auto& one) { return one->gone.load(); });
  signal_->watchers = subscribers_.size();
  return subscribers_;
}

void EventFeed::send(Subscriber& to, const store::Event& event) const {
  if (to.callback) return to.callback();
  const std::string id = event.seq > 0 ? std::to_string(event.seq) : std::string();
  // Set before the write: the stream may drain between the refusal and a later store.
  to.blocked = true;
  switch (to.stream->event(id, event.kind, print_event(event))) {
    case Push::sent:
      to.blocked = false;
      break;
    case Push::closed:
      to.gone = true;
      break;
    case Push::full:
      break;
  }
}

void EventFeed::deliver_stored() {
  while (true) {
    auto ready = subscribers();
    std::erase_if(ready, [](const auto& one) { return one->blocked.load(); });
    if (ready.empty()) return;
    const auto behind =
        *std::ranges::min_element(ready, {}, [](const auto& one) { return one->cursor; });
    std::vector<store::Event> events;
    const auto read = database_.read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(events, store::read_events(transaction, behind->cursor, {}, kBatch));
      return ok();
    });
    if (!read)
      return log::warn("api", "events could not be read", {{"why", describe(read.error())}});
    if (events.empty()) return;
    for (const auto& subscriber : ready)
      for (const auto& event : events) {
        if (event.seq <= subscriber->cursor) continue;
        if (subscriber->wants(event)) send(*subscriber, event);
        if (subscriber->blocked || subscriber->gone) break;
        subscriber->cursor = event.seq;
      }
  }
}

void EventFeed::deliver_announced() {
  std::vector<Announcement> announced;
  {
    const std::lock_guard lock(mutex_);
    announced.swap(announced_);
  }
  if (announced.empty()) return;
  const auto all = subscribers();
  for (auto& [kind, data, subject] : announced) {
    const store::Event event{
        .at_ms = to_ms(clock_.wall()), .kind = kind, .subject = subject, .data = data};
    for (const auto& subscriber : all)
      if (subscriber->stream && !subscriber->blocked && subscriber->wants(event)) {
        send(*subscriber, event);
        subscriber->blocked = false;
      }
  }
}

void EventFeed::beat(Instant now) {
  if (now >= next_load_) {
    next_load_ = now + kLoadInterval;
    const auto all = subscribers();
    const store::Event probe{.kind = "load"};
    const bool wanted =
        std::ranges::any_of(all, [&](const auto& one) { return one->stream && one->wants(probe); });
    if (wanted) announce("load", load_());
    std::function<void()> call;
    {
      const std::lock_guard lock(mutex_);
      call = on_beat_;
    }
    if (call) call();
    deliver_announced();
  }
  if (now < next_heartbeat_) return;
  next_heartbeat_ = now + kHeartbeatInterval;
  for (const auto& subscriber : subscribers())
    if (subscriber->stream && subscriber->stream->write(": alive\n\n") == Push::closed)
      subscriber->gone = true;
}

void EventFeed::run() {
  while (true) {
    {
      std::unique_lock lock(signal_->mutex);
      const auto ready = [this] { return signal_->woken || signal_->stopping; };
      // With nobody there, there is nothing to tell and no reason to wake.
      if (signal_->watchers == 0)
        signal_->changed.wait(lock, ready);
      else
        signal_->changed.wait_until(lock, std::min(next_load_, next_heartbeat_), ready);
      if (signal_->stopping) return;
      signal_->woken = false;
    }
    deliver_announced();
    deliver_stored();
    beat(std::chrono::steady_clock::now());
  }
}

}  // namespace galley::api
