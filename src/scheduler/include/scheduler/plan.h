#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scheduler/events.h"
#include "scheduler/placer.h"

namespace galley::scheduler {

// What the scheduler answers.

struct Start {
  JobId job;
  Placement placement;
  Standing standing = Standing::borrowed;
  Terms terms;  // of the whole gang
  bool operator==(const Start&) const = default;
};

/// Stop this job so that another can have its place; it goes back to the queue with its old seq.
struct Preemption {
  JobId victim;
  JobId beneficiary;  // the victim itself when it moves to the cells that its team is guaranteed
  std::string reason;
  bool operator==(const Preemption&) const = default;
};

/// When a blocked job is expected to start and where; later jobs may use the place only until then.
struct Reservation {
  JobId job;
  WallTime at{};
  std::vector<NodeId> nodes;
  bool operator==(const Reservation&) const = default;
};

struct Plan {
  std::vector<Start> starts;
  std::vector<Preemption> preemptions;
  std::vector<Reservation> reservations;
  std::optional<WallTime> wake_at;  // decide again then, even if nothing happens
  bool operator==(const Plan&) const = default;
};

/// A node that was looked at for a job.
struct Candidate {
  NodeId node;
  std::string node_name;
  bool fits = false;
  std::string obstacle;  // why it does not fit; empty when it does
  Terms terms;           // when it fits
};

struct StartEstimate {
  WallTime typical{};
  WallTime early{};  // p10
  WallTime late{};   // p90
};

/// Why a job waits or where it runs. `lines` are sentences for people.
struct Explanation {
  std::string summary;
  std::vector<std::string> lines;
  std::vector<Candidate> candidates;  // best first, at most 16
  std::optional<StartEstimate> start;
  std::optional<std::int64_t> jobs_ahead;
};

/// What stands between a job and its start; exactly one binds at a time.
enum class Binding {
  none,              // it starts at once
  impossible,        // no node, or not enough nodes, of the fleet could ever hold it
  no_node,           // no node is up
  not_before,        // it was booked for later
  resources_in_use,  // enough exists, too little is free
  fragmentation,     // enough is free in all, but not together where it is needed
  set_aside,         // room is free but kept for jobs before it, a booking or a team's guarantee
  quota,             // its user's other jobs have all the GPUs that the user may have at once
};

/// One change to the request, planned by the same planner that will place the job.
struct Alternative {
  std::string change;  // "4 GPUs instead of 8"
  std::string kind;    // fewer_gpus, other_gpu_type, split_over_nodes, idle_class, other_team,
                       // less_memory, later_slot
  protocol::Resources resources;
  protocol::PriorityClass priority_class = protocol::PriorityClass::normal;
  std::string team;
  std::optional<WallTime> start_at;
  bool starts_now = false;
  StartEstimate start;
  /// The fields to change, as path and JSON value, so that a program can resubmit with one click.
  std::vector<std::pair<std::string, std::string>> edits;
};

struct Guide {
  Binding binding = Binding::none;
  std::string reason;                     // one sentence: what binds, with numbers
  std::string field;                      // of the job file, where one is to blame
  std::optional<StartEstimate> start;     // as asked for; absent when impossible
  std::vector<Alternative> alternatives;  // at most 5, soonest first
};

}  // namespace galley::scheduler
