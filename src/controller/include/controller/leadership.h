#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/controllers.h"
#include "store/database.h"

namespace galley::controller {

/// The part of this process in the election of a leader among the controllers of one database.
///
/// One row is the lease (store/lease.h). The leader renews it; a standby takes it when it has not
/// moved for `patience`, when it was given up, or when the leader named it as successor. A leader
/// that was paused finds out at its next renewal; until then the epoch that fences its writes
/// (fenced_database.h) keeps it from doing harm. A database that is away deposes nobody.
///
/// Thread-safe. One thread of its own. The database, unfenced, must outlive it.
class Leadership {
 public:
  struct Options {
    std::string name;  // unique among the controllers of the database
    std::string url;   // where people and agents reach this one
    std::string version;
    Millis patience{2'000};
    Millis renew_every{500};
    Millis look_every{200};  // of a standby
    Millis delay{0};         // patience of a warm standby beyond that of the others
  };
  /// `changed` is called on the thread of this after each change of epoch(); it must be quick.
  static std::unique_ptr<Leadership> start(store::Database& database, const Clock& clock,
                                           Options options, std::function<void()> changed);
  /// Gives the lead up, so that another may take it at once.
  ~Leadership();

  /// While this process leads.
  std::optional<std::int64_t> epoch() const;
  /// A write was refused because another leads: look now.
  void look();

  /// Where the leader is reached, as this standby saw it last; nothing while nobody leads or the
  /// lease has stood still for two renewals. Never blocks.
  std::optional<std::string> leader_url() const;

  /// All that have a row. Blocks for a read. Errors: the store's.
  Result<std::vector<protocol::ControllerRecord>> controllers() const;
  /// Asks another to take over; answers its name. It leads a moment later.
  /// Errors: conflict (this process does not lead; nobody else is there), not_found (no such
  /// controller, or it is gone), the store's.
  Result<std::string> hand_over(const std::string& to);

 private:
  struct Impl;
  explicit Leadership(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::controller
