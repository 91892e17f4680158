#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "simulation/trace.h"
#include "simulation/workload.h"

namespace galley::simulation {

/// What one member of a job gets.
struct Share {
  std::uint32_t node = 0;
  std::int32_t gpus = 0;
  bool operator==(const Share&) const = default;
};
using Grant = std::vector<Share>;  // in the order of Shape::members

struct Started {
  JobIndex job{};
  Grant grant;
};

/// When a waiting job was told to expect its start.
struct Promise {
  JobIndex job{};
  WallTime early{};
  WallTime typical{};
  WallTime late{};
};

/// Carried out in this order: preemptions, then starts.
struct Decision {
  std::vector<JobIndex> preemptions;  // wait again, at their old place in the queue
  std::vector<Started> starts;
  std::vector<Promise> promises;
  std::optional<WallTime> wake_at;  // decide again then, even if nothing happens
};

/// Decides who runs where. Deterministic; one replay owns one policy.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual void submit(JobIndex job, WallTime now) = 0;
  virtual void finish(JobIndex job, WallTime now) = 0;
  /// Called after all events of one instant, until it has nothing more to do.
  virtual Decision decide(WallTime now) = 0;
  /// How often a job saves its work: a preempted one goes on from the last save. Zero: it loses
  /// nothing; nothing: it begins anew.
  virtual std::optional<Millis> checkpoint_every() const { return std::nullopt; }
  /// Jobs it would never start.
  virtual bool admits(JobIndex) const { return true; }
};

struct PolicyKind {
  std::string_view name;
  std::string_view help;
};
/// All policies by their names, in the order in which they are shown.
std::span<const PolicyKind> policy_kinds();

struct PolicyOptions {
  std::uint64_t seed = 1;  // of the errors of easy-noisy's estimates
  std::size_t reservation_depth = 64;
  Millis checkpoint_every{std::chrono::hours(1)};  // of jobs that galley preempts; 0: no saves
};

/// Errors: invalid_argument for an unknown name, with the known ones.
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const Workload& workload,
                                            const PolicyOptions& options = {});

}  // namespace galley::simulation
