#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "protocol/agent_messages.h"
#include "protocol/samples.h"

/// What a controller and the agents on other machines say to each other under /internal/v1
/// (docs/formats/agent_protocol.md). Fields that the reader does not know are ignored, so both
/// sides may differ by a version.
namespace galley::protocol {

/// What this program speaks. Fields may be added without counting: those that a reader does not
/// know are ignored. What the other side must understand counts, and the other side may be one
/// version behind.
inline constexpr std::int64_t kFleetProtocol = 1;
/// The oldest that this program still serves.
inline constexpr std::int64_t kOldestFleetProtocol = 1;

/// An agent offers a one-time token for a credential of its own.
struct JoinRequest {
  std::string token;
  std::string name;
  std::string machine;  // what tells this state folder from a copy of it
};
template <>
struct Fields<JoinRequest> {
  static constexpr std::string_view kind = "join";
  using S = JoinRequest;
  static constexpr std::tuple table{
      Field<S, std::string>{"token", &S::token, "The one-time token.", true, 1, 256},
      Field<S, std::string>{"name", &S::name, "The node's name.", true, 1, 128},
      Field<S, std::string>{"machine", &S::machine, "Mark of the state folder.", true, 1, 128}};
};

struct JoinAnswer {
  NodeId node_id;
  std::string credential;
};
template <>
struct Fields<JoinAnswer> {
  static constexpr std::string_view kind = "joined";
  using S = JoinAnswer;
  static constexpr std::tuple table{
      Field<S, NodeId>{"node_id", &S::node_id, "The node's id.", true},
      Field<S, std::string>{"credential", &S::credential, "The agent's own token.", true, 1, 256}};
};

/// An agent that has joined begins a session.
struct AttachRequest {
  NodeRecord node;
  std::string machine;
  std::string version;           // of the agent's program
  std::int64_t protocol = 1;     // that it speaks; agents that tell none speak the first
  std::vector<AttemptId> held;   // what runs there
  std::vector<AttemptId> ended;  // what has ended and is still on its disk
  std::optional<WallTime> clock;
};
template <>
struct Fields<AttachRequest> {
  static constexpr std::string_view kind = "attach";
  using S = AttachRequest;
  static constexpr std::tuple table{
      Field<S, NodeRecord>{"node", &S::node, "The machine.", true},
      Field<S, std::string>{"machine", &S::machine, "Mark of the state folder.", true, 1, 128},
      Field<S, std::string>{"version", &S::version, "The agent's version.", false, 0, 64},
      Field<S, std::int64_t>{"protocol", &S::protocol, "What the agent speaks."},
      Field<S, std::vector<AttemptId>>{"held", &S::held, "Attempts that run there.", false, 0,
                                       100'000},
      Field<S, std::vector<AttemptId>>{"ended", &S::ended, "Attempts whose folders are kept.",
                                       false, 0, 100'000},
      Field<S, std::optional<WallTime>>{"clock", &S::clock, "The agent's wall time."}};
};

struct AttachAnswer {
  std::int64_t epoch = 0;
  std::string session;
  Millis heartbeat{1'000};
  Millis silence{10'000};
  WallTime clock{};
};
template <>
struct Fields<AttachAnswer> {
  static constexpr std::string_view kind = "attached";
  using S = AttachAnswer;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"epoch", &S::epoch, "Epoch of the leader.", true},
      Field<S, std::string>{"session", &S::session, "Names this session.", true, 1, 64},
      Field<S, Millis>{"heartbeat_s", &S::heartbeat, "How often to send a heartbeat."},
      Field<S, Millis>{"silence_s", &S::silence, "A node silent for so long is given up."},
      Field<S, WallTime>{"clock", &S::clock, "The controller's wall time."}};
};

struct AssignMessage {
  Assignment assignment;
  bool expected_running = false;
  std::int64_t progress_offset = 0;
  std::string job_token;  // GALLEY_TOKEN of the job
};
template <>
struct Fields<AssignMessage> {
  static constexpr std::string_view kind = "assign";
  using S = AssignMessage;
  static constexpr std::tuple table{
      Field<S, Assignment>{"assignment", &S::assignment, "What to run.", true},
      Field<S, bool>{"expected_running", &S::expected_running, "It was reported as running."},
      Field<S, std::int64_t>{"progress_offset", &S::progress_offset, "Progress that is stored."},
      Field<S, std::string>{"job_token", &S::job_token, "The job's own token."}};
};

template <>
struct Fields<SelfTestRequest> {
  static constexpr std::string_view kind = "self_test";
  using S = SelfTestRequest;
  static constexpr std::tuple table{
      Field<S, std::string>{"uuid", &S::uuid, "The GPU; empty: the node's driver.", false, 0, 256}};
};

/// One message to an agent: exactly one of its kinds; a kind that the agent does not know is passed
/// over.
struct AgentMessage {
  std::int64_t seq = 0;  // counts from 1 in each session
  std::optional<AssignMessage> assign;
  std::optional<AttemptId> cancel;
  std::optional<AttemptId> forget;
  std::optional<SelfTestRequest> self_test;
};
template <>
struct Fields<AgentMessage> {
  static constexpr std::string_view kind = "message";
  using S = AgentMessage;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"seq", &S::seq, "Place in its session, from 1.", true, 1},
      Field<S, std::optional<AssignMessage>>{"assign", &S::assign, "Run this."},
      Field<S, std::optional<AttemptId>>{"cancel", &S::cancel, "Ask for its end."},
      Field<S, std::optional<AttemptId>>{"forget", &S::forget, "Its end is stored."},
      Field<S, std::optional<SelfTestRequest>>{"self_test", &S::self_test, "Test this GPU."}};
};

/// What a poll answers: all that was not acknowledged yet.
struct AgentMessages {
  std::int64_t epoch = 0;
  std::vector<AgentMessage> messages;
};
template <>
struct Fields<AgentMessages> {
  static constexpr std::string_view kind = "messages";
  using S = AgentMessages;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"epoch", &S::epoch, "Epoch of the leader.", true},
      Field<S, std::vector<AgentMessage>>{"messages", &S::messages, "In their order."}};
};

/// The node's load as it changes; the whole record only when something else of it did.
struct Heartbeat {
  std::string session;
  double load_1m = 0;
  double cpu_used_ratio = 0;
  std::int64_t memory_used_bytes = 0;
  std::int64_t disk_free_bytes = 0;
  std::vector<std::string> notes;
  std::optional<NodeRecord> node;
  std::optional<WallTime> clock;
};
template <>
struct Fields<Heartbeat> {
  static constexpr std::string_view kind = "heartbeat";
  using S = Heartbeat;
  static constexpr std::tuple table{
      Field<S, std::string>{"session", &S::session, "The session.", true, 1, 64},
      Field<S, double>{"load_1m", &S::load_1m, "Load average of the last minute."},
      Field<S, double>{"cpu_used_ratio", &S::cpu_used_ratio, "Processor time in use, 0 to 1."},
      Field<S, std::int64_t>{"memory_used_bytes", &S::memory_used_bytes, "Memory in use."},
      Field<S, std::int64_t>{"disk_free_bytes", &S::disk_free_bytes, "Free disk space."},
      Field<S, std::vector<std::string>>{"notes", &S::notes, "What an operator should know.", false,
                                         0, 1'000},
      Field<S, std::optional<NodeRecord>>{"node", &S::node, "The node, when it has changed."},
      Field<S, std::optional<WallTime>>{"clock", &S::clock, "The agent's wall time."}};
};

template <>
struct Fields<AttemptReport> {
  static constexpr std::string_view kind = "report";
  using S = AttemptReport;
  static constexpr std::tuple table{
      Field<S, AttemptId>{"attempt_id", &S::attempt_id, "The attempt.", true},
      Field<S, std::int64_t>{"rank", &S::rank, "The member of its gang."},
      Field<S, AttemptState>{"state", &S::state, "running, or how it ended.", true},
      Field<S, std::string>{"reason", &S::reason, "Why it ended so.", false, 0, 65'536},
      Field<S, std::optional<std::int64_t>>{"exit_code", &S::exit_code, "Its exit code.", false,
                                            -4096, 4096},
      Field<S, std::optional<std::int64_t>>{"signal", &S::signal, "The signal that ended it."},
      Field<S, std::int64_t>{"log_bytes", &S::log_bytes, "What it printed."},
      Field<S, std::optional<WallTime>>{"started_at", &S::started_at, "When it began."},
      Field<S, std::optional<WallTime>>{"finished_at", &S::finished_at, "When it ended."}};
};

/// One number that a program reported. JSON has no infinities and no NaN: they travel as words.
struct ProgressPoint {
  std::string key;
  std::int64_t step = 0;
  std::optional<double> value;
  std::optional<std::string> word;  // nan, inf or -inf, where there is no value
  std::int64_t at_ms = 0;
};
template <>
struct Fields<ProgressPoint> {
  static constexpr std::string_view kind = "point";
  using S = ProgressPoint;
  static constexpr std::int64_t kLeast = -(std::int64_t{1} << 60);
  static constexpr std::tuple table{
      Field<S, std::string>{"key", &S::key, "Name of the metric.", true, 0, 4096},
      Field<S, std::int64_t>{"step", &S::step, "Its step.", false, kLeast},
      Field<S, std::optional<double>>{"value", &S::value, "The number."},
      Field<S, std::optional<std::string>>{"word", &S::word, "nan, inf or -inf."},
      Field<S, std::int64_t>{"at_ms", &S::at_ms, "When, in milliseconds since 1970 UTC.", false,
                             kLeast}};
};

struct ProgressFile {
  std::string path;
  std::string file_kind;  // file, folder or checkpoint
  std::string manifest_sha256;
  std::int64_t size_bytes = 0;
  std::optional<std::int64_t> step{};
};
template <>
struct Fields<ProgressFile> {
  static constexpr std::string_view kind = "file";
  using S = ProgressFile;
  static constexpr std::tuple table{
      Field<S, std::string>{"path", &S::path, "As the job named it.", true, 1, 8192},
      Field<S, std::string>{"kind", &S::file_kind, "file, folder or checkpoint.", true, 1, 32},
      Field<S, std::string>{"manifest_sha256", &S::manifest_sha256, "Its content.", true, 64, 64},
      Field<S, std::int64_t>{"size_bytes", &S::size_bytes, "Its size."},
      Field<S, std::optional<std::int64_t>>{"step", &S::step,
                                            "Step of the numbers that it belongs to."}};
};

struct ProgressText {
  std::string key;
  std::string value;
};
template <>
struct Fields<ProgressText> {
  static constexpr std::string_view kind = "text";
  using S = ProgressText;
  static constexpr std::tuple table{
      Field<S, std::string>{"key", &S::key, "Name of the tag.", true, 0, 4096},
      Field<S, std::string>{"value", &S::value, "Its value.", true, 0, 65'536}};
};

/// A ProgressReport and its frozen files, whose content has been uploaded before.
struct ProgressMessage {
  AttemptId attempt_id;
  JobId job_id;
  RunId run_id;
  std::int64_t rank = 0;
  std::int64_t from_offset = 0;
  std::int64_t to_offset = 0;
  std::vector<ProgressPoint> points;
  std::vector<ProgressFile> files;
  std::vector<ProgressText> texts;
};
template <>
struct Fields<ProgressMessage> {
  static constexpr std::string_view kind = "progress";
  using S = ProgressMessage;
  static constexpr std::tuple table{
      Field<S, AttemptId>{"attempt_id", &S::attempt_id, "The attempt.", true},
      Field<S, JobId>{"job_id", &S::job_id, "Its job.", true},
      Field<S, RunId>{"run_id", &S::run_id, "Its run.", true},
      Field<S, std::int64_t>{"rank", &S::rank, "The member of its gang."},
      Field<S, std::int64_t>{"from_offset", &S::from_offset, "Where it goes on.", true},
      Field<S, std::int64_t>{"to_offset", &S::to_offset, "What is told with it.", true},
      Field<S, std::vector<ProgressPoint>>{"points", &S::points, "Numbers.", false, 0, 10'000},
      Field<S, std::vector<ProgressFile>>{"files", &S::files, "Files.", false, 0, 1'000},
      Field<S, std::vector<ProgressText>>{"texts", &S::texts, "Tags.", false, 0, 10'000}};
};

/// How much of a log the controller has: the last of its files and that file's length.
struct LogPlace {
  std::int64_t segment = 0;  // position of the file's first byte in the log
  std::int64_t length = 0;
};
template <>
struct Fields<LogPlace> {
  static constexpr std::string_view kind = "log_place";
  using S = LogPlace;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"segment", &S::segment, "Where the file begins.", true},
      Field<S, std::int64_t>{"length", &S::length, "Bytes of it that are stored.", true}};
};

ProgressMessage to_message(const ProgressReport& report, std::vector<ProgressFile> files);
/// The report without its files. Errors: invalid_argument (a point without a number).
Result<ProgressReport> from_message(const ProgressMessage& message);

/// Reads the body of a message; fields that we do not know are ignored.
/// Errors: invalid_argument with the place of the fault.
template <HasFields T>
Result<T> read_message(std::string_view body) {
  GALLEY_TRY(const Json json, parse_json(body));
  return parse_struct<T>(json, Unknown::ignore);
}
template <HasFields T>
std::string print_message(const T& message) {
  return dump_json(print_struct(message));
}

}  // namespace galley::protocol
