#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "estimator/eta_history.h"
#include "live_run.h"
#include "protocol/records.h"

namespace galley::controller {
class Controller;
}
namespace galley::tracking {
class Tracking;
}

namespace galley::estimates {

/// The earlier runs of one program.
struct LiveHistory {
  estimator::EtaHistory runs;
  std::optional<double> usual_total{};  // the middle one of their lengths
  std::vector<double> totals{};
};

/// Gives a run what its record holds, thinned where that is much. Errors: the store's.
Status replay_run(const tracking::Tracking& tracking, const RunId& id, LiveRun& run);

/// Earlier runs by program: jobs of one team with the same name and the same command, arguments
/// that begin with a dash and what follows them aside. Read once from the records of the newest
/// 16, then kept, for at most 256 programs. One thread.
class LiveHistories {
 public:
  LiveHistories(controller::Controller& controller, tracking::Tracking& tracking)
      : controller_(controller), tracking_(tracking) {}

  std::shared_ptr<const LiveHistory> of(const protocol::JobRecord& job);
  /// A run of the program has come to its end.
  void add(const protocol::JobRecord& job, const estimator::EtaProfile& profile);

 private:
  std::shared_ptr<LiveHistory> read(const protocol::JobRecord& job, const std::string& program);

  controller::Controller& controller_;
  tracking::Tracking& tracking_;
  std::map<std::string, std::shared_ptr<const LiveHistory>> programs_;
};

/// What tells programs apart. Pure.
std::string program_of(const protocol::JobRecord& job);

}  // namespace galley::estimates
