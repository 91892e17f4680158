#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/records.h"

namespace galley::protocol {

/// Controller to agent: run this. Carries the leader's epoch; an agent refuses older ones.
struct Assignment {
  std::int64_t epoch = 0;
  AttemptId attempt_id;
  std::int64_t attempt_number = 1;
  JobId job_id;
  RunId run_id;
  std::vector<std::string> device_ids;
  JobSpec spec;
  std::int64_t rank = 0;         // of this member of the gang
  std::vector<NodeId> node_ids;  // of all members by rank; empty when there is only one
  // Where the members of a gang find each other: on the node of rank 0. The port follows from the
  // attempt, so that two gangs never meet and a new attempt gets another one.
  std::string master_address{};
  std::int64_t master_port = 0;
  std::string user{};  // who submitted it; empty for the owner of the installation
};

template <>
struct Fields<Assignment> {
  static constexpr std::string_view kind = "assignment";
  using S = Assignment;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"epoch", &S::epoch, "Epoch of the leader that decided."},
      Field<S, AttemptId>{"attempt_id", &S::attempt_id, "Id of the attempt.", true},
      Field<S, std::int64_t>{"attempt_number", &S::attempt_number, "1 for the first try."},
      Field<S, JobId>{"job_id", &S::job_id, "The job.", true},
      Field<S, RunId>{"run_id", &S::run_id, "The run that records its metrics."},
      Field<S, std::vector<std::string>>{"device_ids", &S::device_ids, "GPUs that it may use."},
      Field<S, JobSpec>{"spec", &S::spec, "What was asked for.", true},
      Field<S, std::int64_t>{"rank", &S::rank, "This member's number in its gang, from 0."},
      Field<S, std::vector<NodeId>>{"node_ids", &S::node_ids,
                                    "Nodes of all members by rank; absent when there is one."},
      Field<S, std::string>{"master_address", &S::master_address, "Address of rank 0's node."},
      Field<S, std::int64_t>{"master_port", &S::master_port, "Port where its members meet."},
      Field<S, std::string>{"user", &S::user,
                            "User who submitted it; absent for the owner of the installation."}};
};

/// Agent to controller: how an attempt is doing. `running` once, then one final state.
struct AttemptReport {
  AttemptId attempt_id;
  std::int64_t rank = 0;  // of the member of the gang that this is about
  AttemptState state = AttemptState::running;
  std::string reason;
  std::optional<std::int64_t> exit_code;
  std::optional<std::int64_t> signal;
  std::int64_t log_bytes = 0;
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
};

/// Agent to controller: numbers and files that the program reported since `from_offset`.
/// Applied only when the attempt's stored offset is still from_offset, so nothing counts twice.
struct ProgressReport {
  struct Point {
    std::string key;
    std::int64_t step = 0;
    double value = 0;
    WallTime at{};
  };
  struct File {
    std::string path;  // as the program wrote it, made absolute
    bool checkpoint = false;
    std::optional<std::int64_t> step{};  // of the numbers that it belongs to, where that is known
  };
  AttemptId attempt_id;
  JobId job_id;
  RunId run_id;
  std::int64_t rank = 0;  // of the member of the gang whose progress this is
  std::int64_t from_offset = 0;
  std::int64_t to_offset = 0;
  std::vector<Point> points;
  std::vector<File> files;
  std::vector<std::pair<std::string, std::string>> texts;  // values that are no numbers: tags
};

}  // namespace galley::protocol
