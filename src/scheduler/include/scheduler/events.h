#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "protocol/ids.h"
#include "protocol/job_spec.h"

namespace galley::scheduler {

// What the scheduler hears: values, in the order in which they were committed.

/// A GPU that may be given away.
struct Device {
  std::string id;
  std::string model;
  std::int64_t memory_bytes = 0;
  bool shareable = false;  // an operator allows parts of it to be given
  bool in_service = true;  // false: known, counted as lost, never given
  bool operator==(const Device&) const = default;
};

/// All that a node can give.
struct NodeOffer {
  NodeId id;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<Device> devices;
  /// Buddy cells above one GPU (pairs, quads, the node), as sets of positions in `devices`.
  std::vector<std::uint64_t> cells;
  std::vector<std::string> zone;  // outermost first
  std::string name;               // for people; the id where it is empty
  bool open = true;               // false: given nothing, what is held there stays held
  bool runs_images = false;       // a container engine answers there
  bool builds_images = false;     // and it can make images
  bool is_door = false;           // to a batch system that places jobs itself; not for a scheduler
  bool operator==(const NodeOffer&) const = default;
};

/// What a job holds on one node.
struct NodeShare {
  NodeId node;
  std::vector<std::string> device_ids;
  bool operator==(const NodeShare&) const = default;
};
/// Where a job runs: one share for each member of the gang, rank 0 first.
struct Placement {
  std::vector<NodeShare> shares;
  bool operator==(const Placement&) const = default;
};

/// Something a job needs on a node before it can begin: an image or a data set.
struct Content {
  std::string name;
  std::int64_t bytes = 0;
  bool for_build = false;  // needed only where the image, which comes first, has to be built
  bool operator==(const Content&) const = default;
};

/// Whether a job runs in a container, and whether the image for it has to be made.
enum class Container { none, run, build };

/// How long a job is expected to run. Where nothing better is known both are the stated maximum.
struct Runtime {
  Millis typical{0};   // p50
  Millis long_one{0};  // p90
  bool operator==(const Runtime&) const = default;
};

struct QueuedJob {
  JobId id;
  std::int64_t seq = 0;  // order of acceptance; a job that was preempted keeps it
  protocol::PriorityClass priority_class = protocol::PriorityClass::normal;
  protocol::Resources resources;
  std::optional<WallTime> start_at;  // not before; with a runtime it is a booking of that slot
  std::string team = "default";
  std::string user{};              // whose quota it counts against
  WallTime queued_at{};            // acceptance; waits and ages are counted from it
  std::optional<Runtime> runtime;  // absent: nothing is known
  Millis done{0};                  // of its runtime, saved before it was preempted
  /// How often it saves its work; absent: when it is asked to stop, or never.
  std::optional<Millis> checkpoint_every;
  std::vector<Content> contents;  // image first
  Container container = Container::none;
  std::string booking;        // runs inside this one; empty: none
  bool goes_outside = false;  // placed by a batch system behind a door; not for a scheduler
  /// Members of different sizes, when the request is not `resources.nodes` equal ones: GPUs of each
  /// member, largest first. Traces have such jobs (12 GPUs on nodes of 8).
  std::vector<std::int64_t> uneven_gpus;
};

/// Whether a job runs on its team's own cells, or on what others leave idle (then it may be
/// preempted for a job that is guaranteed).
enum class Standing { guaranteed, borrowed };

/// Cells that a team owns wherever they are: `count` cells of `gpus` GPUs each of one model.
struct Guarantee {
  std::string gpu_type;   // words that the GPU's name contains; empty: any
  std::int64_t gpus = 8;  // of one cell: 1, 2, 4, ... up to a node
  std::int64_t count = 0;
  bool operator==(const Guarantee&) const = default;
};
struct Team {
  std::string name;
  double weight = 1;  // of its fair share of what nobody is guaranteed
  std::vector<Guarantee> guarantees;
  bool operator==(const Team&) const = default;
};

struct NodeUp {
  NodeOffer offer;  // replaces an earlier offer; what jobs hold there stays held
};
struct NodeDown {
  NodeId node;
};
struct JobQueued {
  QueuedJob job;
};
/// The job holds its place from now on; also for jobs known from the store after a restart.
struct JobPlaced {
  QueuedJob job;
  Placement placement;
  WallTime at{};
};
/// A preemption or cancellation was asked for: what it holds will soon be free.
struct JobStopping {
  JobId job;
};
/// It ended, was cancelled or went back to the queue (then JobQueued follows): it holds nothing.
struct JobGone {
  JobId job;
  WallTime at{};
};
/// How long a job that waits or runs is expected to take in all, better than what it came with.
struct RuntimeExpected {
  JobId job;
  Runtime runtime;
  bool operator==(const RuntimeExpected&) const = default;
};
/// When a job that runs will have ended, by its own progress: better than any runtime from before.
struct EndExpected {
  JobId job;
  WallTime at{};
  bool operator==(const EndExpected&) const = default;
};
struct TeamChanged {
  Team team;
};
/// GPUs that the jobs of a user may hold at once; absent: no bound.
struct QuotaChanged {
  std::string user;
  std::optional<std::int64_t> max_gpus;
};
/// GPU time of the past, for the fair share after a restart.
struct UsageSeen {
  std::string team;
  double gpu_seconds = 0;
  WallTime at{};
};
/// What a node holds on its disk (replaces what was known), and how fast it fetches.
struct ContentsSeen {
  NodeId node;
  std::vector<std::string> names;
};
struct TransferSeen {
  NodeId node;
  std::int64_t bytes = 0;
  Millis took{0};
};
/// How large something is, known wherever it lies, and how long an image took to build.
struct ContentMeasured {
  Content content;
  Millis built{0};  // 0: it is fetched, not built
};
/// GPUs set aside for a team from a time on, for a while; jobs of the team that name it run there.
struct Booking {
  std::string id;
  std::string team;
  protocol::Resources resources;
  WallTime start_at{};
  Millis duration{0};
  bool operator==(const Booking&) const = default;
};
struct Booked {
  Booking booking;
};
struct Unbooked {
  std::string id;
};

using ClusterEvent = std::variant<NodeUp, NodeDown, JobQueued, JobPlaced, JobStopping, JobGone,
                                  TeamChanged, QuotaChanged, UsageSeen, ContentsSeen, TransferSeen,
                                  ContentMeasured, Booked, Unbooked, RuntimeExpected, EndExpected>;

}  // namespace galley::scheduler
