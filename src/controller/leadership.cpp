#include "controller/leadership.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "candidacy.h"
#include "protocol/fleet_messages.h"
#include "store/events.h"
#include "store/lease.h"

namespace galley::controller {
namespace {

using protocol::ControllerRecord;
using store::Transaction;

// A controller whose count has stood still for so long is gone.
constexpr Millis kSilence{10'000};
// A standby's count is for people, not for the election.
constexpr Millis kBeatEvery{2'000};

Status beat(Transaction& transaction, const Leadership::Options& self, WallTime started_at,
            std::int64_t heard_seq) {
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into controllers (name, url, version, started_ms, beats, last_event_seq, protocol)"
      " values (:1, :2, :3, :4, 1, :5, :6)"
      " on conflict (name) do update set url = excluded.url, version = excluded.version,"
      " started_ms = excluded.started_ms, beats = controllers.beats + 1,"
      " last_event_seq = excluded.last_event_seq, protocol = excluded.protocol",
      {self.name, self.url, self.version, to_ms(started_at), heard_seq, protocol::kFleetProtocol}));
  return ok();
}

}  // namespace

struct Leadership::Impl {
  Impl(store::Database& database_in, const Clock& clock_in, Options options_in,
       std::function<void()> changed_in)
      : database(database_in),
        clock(clock_in),
        options(std::move(options_in)),
        changed(std::move(changed_in)),
        started_at(clock_in.wall()),
        candidacy(options.name, options.patience, options.delay) {}

  void serve();
  void tend();  // one look or one renewal
  void stand_by();
  void renew();
  void count_beat();
  void set_epoch(std::optional<std::int64_t> now);

  store::Database& database;
  const Clock& clock;
  const Options options;
  const std::function<void()> changed;
  const WallTime started_at;
  Candidacy candidacy;             // of `thread` alone
  std::optional<Instant> beat_at;  // so is this
  std::int64_t heard_seq = 0;
  std::optional<std::string> last_failure;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::optional<std::int64_t> epoch;
  std::optional<std::string> leader_url;
  bool look_now = false;
  bool stopping = false;
  struct Pulse {
    std::int64_t beats = 0;
    Instant since{};
  };
  mutable std::map<std::string, Pulse> pulses;

  std::thread thread;
};

void Leadership::Impl::set_epoch(std::optional<std::int64_t> now) {
  {
    const std::lock_guard lock(mutex);
    if (epoch == now) return;
    epoch = now;
  }
  changed();
}

void Leadership::Impl::stand_by() {
  std::optional<store::Lease> lease;
  std::optional<std::string> url;
  const Status read = database.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(lease, store::read_lease(transaction));
    GALLEY_TRY(const auto holder,
               transaction.query_one("select url from controllers where name = :1",
                                     {lease ? lease->holder : std::string()}));
    url.reset();
    if (holder) url = holder->text(0);
    GALLEY_TRY(heard_seq, store::last_event_seq(transaction));
    return ok();
  });
  if (!read) {
    if (last_failure != read.error().message)
      log::warn("leadership", "the lease cannot be read", {{"reason", describe(read.error())}});
    last_failure = read.error().message;
    return;
  }
  last_failure.reset();
  const bool is_mine = candidacy.should_take(lease, clock.steady());
  {
    const std::lock_guard lock(mutex);
    leader_url = candidacy.is_alive(2 * options.renew_every) ? url : std::nullopt;
  }
  if (!is_mine) return;
  std::int64_t taken = 0;
  const Status won = database.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(taken, store::acquire_lease(transaction, options.name, lease));
    return ok();
  });
  if (!won) return;  // another was faster, or the holder came back
  log::info("leadership", "this controller leads now", {{"epoch", std::to_string(taken)}});
  set_epoch(taken);
}

void Leadership::Impl::renew() {
  const Status renewed = database.write(
      [held = *epoch](Transaction& transaction) { return store::renew_lease(transaction, held); });
  if (renewed || renewed.error().code != Errc::conflict) return;
  log::warn("leadership", "another controller leads now", {{"reason", renewed.error().message}});
  set_epoch(std::nullopt);
}

void Leadership::Impl::count_beat() {
  const Instant now = clock.steady();
  if (beat_at && now - *beat_at < kBeatEvery) return;
  beat_at = now;
  (void)database.write(
      [&](Transaction& transaction) { return beat(transaction, options, started_at, heard_seq); });
}

void Leadership::Impl::tend() {
  if (epoch)
    renew();
  else
    stand_by();
  count_beat();
}

void Leadership::Impl::serve() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    look_now = false;
    lock.unlock();
    tend();
    lock.lock();
    wake.wait_for(lock, epoch ? options.renew_every : options.look_every,
                  [&] { return stopping || look_now; });
  }
}

Leadership::Leadership(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<Leadership> Leadership::start(store::Database& database, const Clock& clock,
                                              Options options, std::function<void()> changed) {
  auto impl = std::make_unique<Impl>(database, clock, std::move(options), std::move(changed));
  impl->thread = std::thread([raw = impl.get()] { raw->serve(); });
  return std::unique_ptr<Leadership>(new Leadership(std::move(impl)));
}

Leadership::~Leadership() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
  // Best effort: whoever stands by waits for its patience to run out otherwise.
  (void)impl_->database.write([this](Transaction& transaction) -> Status {
    if (impl_->epoch) {
      GALLEY_TRY_STATUS(store::release_lease(transaction, *impl_->epoch));
    }
    GALLEY_TRY_STATUS(
        transaction.execute("delete from controllers where name = :1", {impl_->options.name}));
    return ok();
  });
}

std::optional<std::int64_t> Leadership::epoch() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->epoch;
}

std::optional<std::string> Leadership::leader_url() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->leader_url;
}

void Leadership::look() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->look_now = true;
  }
  impl_->wake.notify_all();
}

Result<std::vector<ControllerRecord>> Leadership::controllers() const {
  std::vector<ControllerRecord> found;
  GALLEY_TRY_STATUS(impl_->database.read([&](Transaction& transaction) -> Status {
    found.clear();
    GALLEY_TRY(const auto lease, store::read_lease(transaction));
    GALLEY_TRY(const auto newest, store::last_event_seq(transaction));
    GALLEY_TRY(const auto rows,
               transaction.query("select name, url, version, started_ms, beats, last_event_seq"
                                 " from controllers order by name"));
    const Instant now = impl_->clock.steady();
    const std::lock_guard lock(impl_->mutex);
    for (const auto& row : rows) {
      ControllerRecord one{.name = row.text(0),
                           .url = row.text(1),
                           .version = row.text(2),
                           .started_at = from_ms(row.integer(3))};
      auto& pulse = impl_->pulses[one.name];
      if (pulse.beats != row.integer(4)) pulse = {row.integer(4), now};
      const bool leads = lease && lease->holder == one.name;
      one.role = leads ? "leader" : now - pulse.since > kSilence ? "gone" : "standby";
      if (leads) one.epoch = lease->epoch;
      if (one.role == "standby")
        one.lag_events = std::max<std::int64_t>(0, newest - row.integer(5));
      found.push_back(std::move(one));
    }
    return ok();
  }));
  return found;
}

Result<std::string> Leadership::hand_over(const std::string& to) {
  const auto held = epoch();
  if (!held)
    return Error{Errc::conflict, "this controller does not lead", {}, {}, "ask the leader"};
  GALLEY_TRY(const auto all, controllers());
  const auto fits = [&](const ControllerRecord& one) {
    return one.role == "standby" && (to.empty() || one.name == to);
  };
  const auto chosen = std::ranges::find_if(all, fits);
  if (chosen == all.end())
    return to.empty() ? Error{Errc::conflict,
                              "no other controller stands by",
                              {},
                              {},
                              "start one: galley controller --database …"}
                      : Error{Errc::not_found,
                              "no controller \"" + to + "\" stands by",
                              "to",
                              {},
                              "`galley controllers` lists them"};
  GALLEY_TRY_STATUS(impl_->database.write([&](Transaction& transaction) {
    return store::name_successor(transaction, *held, chosen->name);
  }));
  return chosen->name;
}

}  // namespace galley::controller
