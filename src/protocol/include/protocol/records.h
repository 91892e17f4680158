#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"
#include "protocol/job_spec.h"

namespace galley::protocol {

/// The states of a job and of an attempt; the allowed moves between them are one table in
/// controller/job_states.h.
enum class JobState { queued, starting, running, cancelling, succeeded, failed, cancelled };
enum class AttemptState { starting, running, succeeded, failed, cancelled, lost, preempted };

template <>
struct Words<JobState> {
  static constexpr std::array<std::pair<std::string_view, JobState>, 7> words{
      {{"queued", JobState::queued},
       {"starting", JobState::starting},
       {"running", JobState::running},
       {"cancelling", JobState::cancelling},
       {"succeeded", JobState::succeeded},
       {"failed", JobState::failed},
       {"cancelled", JobState::cancelled}}};
};
template <>
struct Words<AttemptState> {
  static constexpr std::array<std::pair<std::string_view, AttemptState>, 7> words{
      {{"starting", AttemptState::starting},
       {"running", AttemptState::running},
       {"succeeded", AttemptState::succeeded},
       {"failed", AttemptState::failed},
       {"cancelled", AttemptState::cancelled},
       {"lost", AttemptState::lost},
       {"preempted", AttemptState::preempted}}};
};

constexpr bool is_final(JobState state) { return state >= JobState::succeeded; }
constexpr bool is_final(AttemptState state) { return state >= AttemptState::succeeded; }

/// A job as lists and pages show it.
struct JobRecord {
  JobId id;
  std::int64_t seq = 0;
  std::string name;
  std::string team;
  PriorityClass priority_class = PriorityClass::normal;
  JobState state = JobState::queued;
  std::string reason;
  std::string principal;
  RunId run_id;
  std::int64_t attempts = 0;
  std::optional<std::int64_t> exit_code;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
  JobSpec spec;
};

template <>
struct Fields<JobRecord> {
  static constexpr std::string_view kind = "job_record";
  using S = JobRecord;
  static constexpr std::tuple table{
      Field<S, JobId>{"id", &S::id, "Id of the job."},
      Field<S, std::int64_t>{"seq", &S::seq, "Place in the order of acceptance."},
      Field<S, std::string>{"name", &S::name, "Name given by its user."},
      Field<S, std::string>{"team", &S::team, "Who pays for it."},
      Field<S, PriorityClass>{"priority_class", &S::priority_class, "urgent, normal or idle."},
      Field<S, JobState>{"state", &S::state, "Where it is in its life."},
      Field<S, std::string>{"reason", &S::reason, "Why it waits, or how it ended."},
      Field<S, std::string>{"principal", &S::principal, "Who submitted it."},
      Field<S, RunId>{"run_id", &S::run_id, "The run that records its metrics."},
      Field<S, std::int64_t>{"attempts", &S::attempts, "How often it was started."},
      Field<S, std::optional<std::int64_t>>{"exit_code", &S::exit_code,
                                            "Exit code of the last attempt."},
      Field<S, WallTime>{"created_at", &S::created_at, "When it was accepted."},
      Field<S, std::optional<WallTime>>{"started_at", &S::started_at, "When it last began to run."},
      Field<S, std::optional<WallTime>>{"finished_at", &S::finished_at, "When it ended."},
      Field<S, JobSpec>{"spec", &S::spec, "What was asked for."}};
};

/// One try at running a job on one node.
struct AttemptRecord {
  AttemptId id;
  JobId job_id;
  std::int64_t number = 1;
  NodeId node_id;
  AttemptState state = AttemptState::starting;
  std::string reason;
  std::optional<std::int64_t> exit_code;
  std::optional<std::int64_t> signal;
  std::int64_t log_bytes = 0;
  std::vector<std::string> device_ids;
  WallTime created_at{};
  std::optional<WallTime> started_at;
  std::optional<WallTime> finished_at;
};

template <>
struct Fields<AttemptRecord> {
  static constexpr std::string_view kind = "attempt_record";
  using S = AttemptRecord;
  static constexpr std::tuple table{
      Field<S, AttemptId>{"id", &S::id, "Id of the attempt."},
      Field<S, JobId>{"job_id", &S::job_id, "The job it belongs to."},
      Field<S, std::int64_t>{"number", &S::number, "1 for the first try."},
      Field<S, NodeId>{"node_id", &S::node_id, "Where it runs."},
      Field<S, AttemptState>{"state", &S::state, "Where it is in its life."},
      Field<S, std::string>{"reason", &S::reason, "How it ended."},
      Field<S, std::optional<std::int64_t>>{"exit_code", &S::exit_code,
                                            "Exit code of the program."},
      Field<S, std::optional<std::int64_t>>{"signal", &S::signal, "Signal that ended the program."},
      Field<S, std::int64_t>{"log_bytes", &S::log_bytes, "Bytes written to its output."},
      Field<S, std::vector<std::string>>{"device_ids", &S::device_ids, "GPUs given to it."},
      Field<S, WallTime>{"created_at", &S::created_at, "When it was assigned."},
      Field<S, std::optional<WallTime>>{"started_at", &S::started_at, "When its program began."},
      Field<S, std::optional<WallTime>>{"finished_at", &S::finished_at, "When its program ended."}};
};

/// A group of GPUs that lie close together. GPUs are numbered by their place in the node's
/// `devices`, from 0, since the driver's own numbers may change while the node is up.
struct CellRecord {
  std::string level;  // pair, triple, quad, ..., node
  std::string link;   // the farthest inside it, in nvidia-smi's words: NV12, PIX, ..., SYS
  std::vector<std::int64_t> devices;
  bool operator==(const CellRecord&) const = default;
};

template <>
struct Fields<CellRecord> {
  static constexpr std::string_view kind = "cell_record";
  using S = CellRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"level", &S::level, "pair, triple, quad, ..., or node for all."},
      Field<S, std::string>{"link", &S::link,
                            "Its farthest link, as nvidia-smi names it; empty where unknown."},
      Field<S, std::vector<std::int64_t>>{"devices", &S::devices,
                                          "Places of its GPUs in the node's devices, from 0."}};
};

/// The buddy cells of a node, smallest first; nested or disjoint.
struct TopologyRecord {
  std::string source = "forged";
  std::vector<CellRecord> cells;
  bool operator==(const TopologyRecord&) const = default;
};

template <>
struct Fields<TopologyRecord> {
  static constexpr std::string_view kind = "topology_record";
  using S = TopologyRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"source", &S::source,
                            "discovered (nvidia-smi), stated (a file) or forged (by halving)."},
      Field<S, std::vector<CellRecord>>{"cells", &S::cells, "Cells of two GPUs and more."}};
};

/// A GPU of a node, as inventoried.
struct DeviceRecord {
  std::string id;  // nvidia-smi's UUID
  std::int64_t index = 0;
  std::string model;
  std::int64_t memory_bytes = 0;
  std::string state = "in_service";
  std::string reason;
  std::optional<JobId> job_id;  // who holds it now
  bool shareable = false;       // an operator lets several jobs have parts of it
};

template <>
struct Fields<DeviceRecord> {
  static constexpr std::string_view kind = "device_record";
  using S = DeviceRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"id", &S::id, "UUID of the GPU."},
      Field<S, std::int64_t>{"index", &S::index, "Index on its node."},
      Field<S, std::string>{"model", &S::model, "Name of the model."},
      Field<S, std::int64_t>{"memory_bytes", &S::memory_bytes, "Its memory."},
      Field<S, std::string>{"state", &S::state, "in_service or out_of_service."},
      Field<S, std::string>{"reason", &S::reason, "Why it is out of service."},
      Field<S, std::optional<JobId>>{"job_id", &S::job_id, "The job that holds it."},
      Field<S, bool>{"shareable", &S::shareable, "Whether several jobs may have parts of it."}};
};

/// Something that jobs need and a node has on its disk: a data set (NAME@VERSION) or an image.
struct ContentRecord {
  std::string name;  // of an image: image_content()
  std::int64_t bytes = 0;
  std::optional<Millis> fetched;  // how long it took to bring it here
  std::optional<Millis> built;    // likewise, for an image that was made here
  bool operator==(const ContentRecord&) const = default;
};

template <>
struct Fields<ContentRecord> {
  static constexpr std::string_view kind = "content_record";
  using S = ContentRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "NAME@VERSION of a data set, or image:NAME.", true},
      Field<S, std::int64_t>{"bytes", &S::bytes, "Its size on the disk."},
      Field<S, std::optional<Millis>>{"fetch_s", &S::fetched, "Seconds that fetching it took."},
      Field<S, std::optional<Millis>>{"build_s", &S::built, "Seconds that building it took."}};
};

/// The container engine of a node.
struct EngineRecord {
  std::string name;  // podman, docker or apptainer
  std::string version;
  bool rootless = false;
  bool builds = false;  // it makes images, too
  bool operator==(const EngineRecord&) const = default;
};

template <>
struct Fields<EngineRecord> {
  static constexpr std::string_view kind = "engine_record";
  using S = EngineRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "podman, docker or apptainer.", true},
      Field<S, std::string>{"version", &S::version, "Its version."},
      Field<S, bool>{"rootless", &S::rootless, "Whether it runs without being root."},
      Field<S, bool>{"builds", &S::builds, "Whether it can build images."}};
};

/// A machine: what it offers, what is given away, and its load as last seen.
struct NodeRecord {
  NodeId id;
  std::string name;
  std::string state = "up";
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t cpus_allocated = 0;
  std::int64_t memory_allocated_bytes = 0;
  std::vector<DeviceRecord> devices;
  double load_1m = 0;
  double cpu_used_ratio = 0;
  std::int64_t memory_used_bytes = 0;
  std::int64_t disk_free_bytes = 0;
  std::vector<std::string> notes;          // what an operator should know: "nvidia-smi timed out"
  std::optional<TopologyRecord> topology;  // absent: no GPUs, or more than cells can name
  std::vector<std::string> zone;           // outermost first: building, rack, island
  bool accepts_jobs = true;                // false: a person drained it
  std::string address;                     // where other nodes reach it; empty: by its name
  Executor executor = Executor::native;    // slurm: the door to a partition of the site's Slurm
  std::optional<EngineRecord> engine;      // absent: jobs with an image do not run here
  /// What it holds, all of it; absent from an agent that does not tell.
  std::optional<std::vector<ContentRecord>> contents;
};

template <>
struct Fields<NodeRecord> {
  static constexpr std::string_view kind = "node_record";
  using S = NodeRecord;
  static constexpr std::tuple table{
      Field<S, NodeId>{"id", &S::id, "Id of the node."},
      Field<S, std::string>{"name", &S::name, "Its host name."},
      Field<S, std::string>{"state", &S::state, "up or down."},
      Field<S, std::int64_t>{"cpus", &S::cpus, "Processors it offers."},
      Field<S, std::int64_t>{"memory_bytes", &S::memory_bytes, "Memory it offers."},
      Field<S, std::int64_t>{"cpus_allocated", &S::cpus_allocated, "Processors given to jobs."},
      Field<S, std::int64_t>{"memory_allocated_bytes", &S::memory_allocated_bytes,
                             "Memory given to jobs."},
      Field<S, std::vector<DeviceRecord>>{"devices", &S::devices, "Its GPUs."},
      Field<S, double>{"load_1m", &S::load_1m, "Load average of the last minute."},
      Field<S, double>{"cpu_used_ratio", &S::cpu_used_ratio,
                       "Share of processor time in use, 0 to 1."},
      Field<S, std::int64_t>{"memory_used_bytes", &S::memory_used_bytes,
                             "Memory in use on the machine."},
      Field<S, std::int64_t>{"disk_free_bytes", &S::disk_free_bytes,
                             "Free space of the data folder."},
      Field<S, std::vector<std::string>>{"notes", &S::notes, "What an operator should know."},
      Field<S, std::optional<TopologyRecord>>{"topology", &S::topology,
                                              "Which of its GPUs lie close together."},
      Field<S, std::vector<std::string>>{"zone", &S::zone,
                                         "Where it stands, outermost first: rack, island."},
      Field<S, bool>{"accepts_jobs", &S::accepts_jobs, "Whether it is given new work."},
      Field<S, std::string>{"address", &S::address, "Where other nodes reach it."},
      Field<S, Executor>{"executor", &S::executor,
                         "native, or slurm for a partition of the site's Slurm."},
      Field<S, std::optional<EngineRecord>>{"engine", &S::engine,
                                            "What runs container images there; absent: nothing."},
      Field<S, std::optional<std::vector<ContentRecord>>>{
          "contents", &S::contents, "Images and data sets that it holds.", false, 0, 10'000}};
};

/// One entry of the stream of changes.
struct EventRecord {
  std::int64_t seq = 0;
  WallTime at{};
  std::string kind;     // job, node, run, snapshot, channel, …
  std::string subject;  // id or name of what changed
  Json data;
};

template <>
struct Fields<EventRecord> {
  static constexpr std::string_view kind = "event_record";
  using S = EventRecord;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"seq", &S::seq, "Place in the order of changes."},
      Field<S, WallTime>{"at", &S::at, "When it happened."},
      Field<S, std::string>{"kind", &S::kind, "What kind of thing changed."},
      Field<S, std::string>{"subject", &S::subject, "Id or name of what changed."},
      Field<S, Json>{"data", &S::data, "What it is now."}};
};

}  // namespace galley::protocol
