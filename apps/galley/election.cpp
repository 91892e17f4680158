#include "election.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "controller/leadership.h"
#include "process_signals.h"
#include "role_watch.h"
#include "service_watch.h"
#include "site.h"
#include "standby_server.h"
#include "store/database.h"

namespace galley::app {
namespace {

using controller::Leadership;

constexpr Millis kWarmDelay{3'000};
constexpr std::chrono::milliseconds kRetry{200};

class Turns {
 public:
  Turns(const SiteOptions& options, store::Database& database, RoleWatch& watch)
      : options_(options), database_(database), watch_(watch) {}

  /// Learns the addresses, which the later servers take again.
  Status begin();
  /// True: this process leads. False: a signal asked it to stop.
  Result<bool> stand_by();
  /// True: another leads. False: a signal asked it to stop.
  Result<bool> lead();

 private:
  Status open_standby();

  SiteOptions options_;
  store::Database& database_;
  RoleWatch& watch_;
  std::unique_ptr<Leadership> leadership_;
  std::unique_ptr<StandbyServer> standby_;  // asks leadership_
  std::optional<ServiceWatch> service_;
};

Status Turns::open_standby() {
  GALLEY_TRY(standby_, StandbyServer::start(options_, [this]() -> std::optional<std::string> {
               return leadership_ ? leadership_->leader_url() : std::nullopt;
             }));
  return ok();
}

Status Turns::begin() {
  GALLEY_TRY_STATUS(open_standby());
  options_.listen = standby_->addresses();
  const std::string& address = options_.listen.front();
  if (options_.name.empty()) {
    const std::string port = address.substr(address.rfind(':') + 1);
    options_.name = host_name() + "-" + port;
  }
  const std::string scheme = options_.tls_certificate.empty() ? "http://" : "https://";
  // What a wildcard listens on is no address for others.
  const bool is_wildcard = address.starts_with("0.0.0.0:") || address.starts_with("[::]:");
  const std::string host = !options_.hosts.empty() ? options_.hosts.front() : host_name();
  const std::string url =
      scheme + (is_wildcard ? host + address.substr(address.rfind(':')) : address);
  standby_.reset();  // it must not ask a leadership that is being made
  leadership_ = Leadership::start(database_, system_clock(),
                                  {.name = options_.name,
                                   .url = url,
                                   .version = std::string(kVersion),
                                   .delay = options_.warm ? kWarmDelay : Millis{0}},
                                  [this] { watch_.changed(); });
  service_.emplace(database_, options_.name, ServiceWatch::Among::several);
  fmt::print("galley {} controller {} at {}\n", kVersion, options_.name, url);
  std::fflush(stdout);
  return ok();
}

Result<bool> Turns::stand_by() {
  if (leadership_->epoch()) return true;
  if (!standby_) GALLEY_TRY_STATUS(open_standby());
  while (!leadership_->epoch())
    if (watch_.wait() == RoleWatch::Woken::stop) return false;
  return true;
}

Result<bool> Turns::lead() {
  const auto epoch = leadership_->epoch();
  if (!epoch) return true;
  // Whoever asks meanwhile is told to try again, which is better than to find nobody.
  auto site =
      Site::open_as_leader(options_, database_, *epoch, *leadership_, [this] { standby_.reset(); });
  if (!site) {
    // The database may be away, or another may have been faster: its turn may come again.
    if (site.error().code != Errc::unavailable) return std::move(site).error();
    log::warn("controller", "cannot take the lead yet", {{"reason", describe(site.error())}});
    std::this_thread::sleep_for(kRetry);
    return true;
  }
  service_->serves((*site)->database());
  (*site)->print_welcome();
  while (leadership_->epoch() == epoch)
    if (watch_.wait() == RoleWatch::Woken::stop) {
      fmt::print(stderr, "stopping: requests finish, running jobs go on\n");
      service_->stands_by();
      (*site)->stop();
      return false;
    }
  fmt::print(stderr, "another controller leads now; this one stands by\n");
  service_->stands_by();
  (*site)->stop();
  return true;
}

}  // namespace

Status serve_in_turn(SiteOptions options, const sigset_t& signals) {
  GALLEY_TRY(auto watch, RoleWatch::open(signals));
  GALLEY_TRY(auto database, store::open(options.database));
  Turns turns(options, *database, watch);
  GALLEY_TRY_STATUS(turns.begin());
  for (bool goes_on = true; goes_on;) {
    GALLEY_TRY(goes_on, turns.stand_by());
    if (!goes_on) break;
    GALLEY_TRY(goes_on, turns.lead());
  }
  return ok();
}

}  // namespace galley::app
