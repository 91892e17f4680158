#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "protocol/health.h"

namespace galley::cluster {

using protocol::FaultReason;
using protocol::HealthState;

/// A GPU, or with an empty gpu a node: its driver, and what a person says of the whole machine.
struct Subject {
  NodeId node;
  std::string gpu{};  // UUID
  auto operator<=>(const Subject&) const = default;
};

/// What a piece of evidence asks for.
enum class Severity {
  note,     // a program's fault: counted, never more
  doubt,    // alone nothing; when it lasts, drain
  drain,    // no new work; what runs may finish
  exclude,  // no new work; what runs is stopped and goes back to the queue
  gone,     // it does not exist any more: exclude, whatever the cap says
};

// What the core hears.

struct Evidence {
  Subject subject;
  FaultReason reason = FaultReason::none;
  Severity severity = Severity::note;
  std::string text;  // as the driver or the kernel said it
};
/// A look at it found nothing wrong.
struct SeenWell {
  Subject subject;
};
struct UseChanged {
  Subject subject;
  bool busy = false;  // whether a job holds it
};
struct SelfTestEnded {
  Subject subject;
  bool passed = false;
  std::string text{};
};
/// By a person, whose word no automatism overrides.
struct DrainAsked {
  Subject subject;
  std::string owner;
  std::string reason;
  std::optional<WallTime> until{};
};
struct ResumeAsked {
  Subject subject;
  std::string owner;
  bool force = false;  // without a self-test
};
struct TimePassed {};
using HealthEvent = std::variant<Evidence, SeenWell, UseChanged, SelfTestEnded, DrainAsked,
                                 ResumeAsked, TimePassed>;

inline constexpr std::string_view kAutomatic = "automatic";

/// What is remembered of one subject.
struct Health {
  HealthState state = HealthState::ok;
  FaultReason reason = FaultReason::none;
  std::string evidence;
  std::string owner;  // kAutomatic, or who drained it; empty while ok
  WallTime since{};
  std::optional<WallTime> expires_at;
  std::optional<WallTime> next_test_at;
  std::vector<WallTime> exclusions;  // automatic ones, of the last day
  int failed_tests = 0;              // in a row
  bool gone = false;                 // was excluded past the cap
  bool counted = false;              // counts against the cap
  bool faulty = false;               // while a person holds it: it must pass a test to return
  bool quarantined = false;
  FaultReason fault = FaultReason::none;  // the last that was our judgement
  std::optional<FaultReason> waived;      // a person put it back in spite of this, until it ceases
  bool operator==(const Health&) const = default;

  // Not stored: a new leader learns these from the next samples.
  bool busy = false;
  bool present = false;
  int doubts = 0;
  int clean_looks = 0;
  std::optional<Severity> held;  // the cap is reached: what it would get
  std::optional<WallTime> test_deadline;
  std::int64_t notes = 0;
  std::string last_note;
};

/// One change of state: what is stored, and told.
struct Transition {
  Subject subject;
  HealthState from = HealthState::ok;
  Health now;
};

struct HealthOutcome {
  std::vector<Transition> transitions;
  std::vector<Subject> evictions;   // jobs there cannot go on
  std::vector<Subject> self_tests;  // to be asked of the agents
  std::vector<std::string> alarms;  // for people, once for each cause
};

struct HealthOptions {
  int doubts_to_drain = 12;  // looks in a row, a minute at a look every 5 s
  int clean_to_clear = 3;    // looks in a row that end a doubt, and that precede a test
  Millis first_test_after{60'000};
  Millis longest_test_wait{3'600'000};  // between failing tests
  Millis test_patience{600'000};
  Millis flap_window{86'400'000};
  int flap_limit = 3;  // exclusions within the window
  Millis quarantine{6 * 3'600'000};
  Millis longest_quarantine{48 * 3'600'000};
  double cap_ratio = 0.1;  // of the GPUs, and of the nodes, may be out at once by our own judgement
  int cap_least = 1;
};

/// The state machine of every GPU and node of a fleet:
///
///   ok -> suspect -> draining -> excluded -> probing -> ok
///
/// Hardware evidence leads out of service, at once or when what runs has ended; notes never do.
/// After a wait that grows with every return to the fault, and looks that find nothing wrong, a
/// self-test leads back. What is out by our own judgement is bounded: past the cap a subject stays
/// suspect, with an alarm, until there is room; only what is gone is gone. What a person drained
/// stays so until they say otherwise or their time is over.
///
/// Pure: no clock, no I/O; not thread-safe. Equal events give equal outcomes. An event costs
/// O(log subjects); TimePassed, and a change of room under the cap, O(subjects).
class HealthCore {
 public:
  explicit HealthCore(HealthOptions options = {}) : options_(options) {}

  HealthOutcome apply(const HealthEvent& event, WallTime now);

  /// From the store, before anything is applied.
  void restore(const Subject& subject, Health health);
  /// A node that was taken away for good; its GPUs go with it.
  void forget(const NodeId& node);

  /// Absent: never heard of.
  const Health* find(const Subject& subject) const;
  const std::map<Subject, Health>& all() const { return subjects_; }
  /// Whether a GPU may be given away, its node's driver considered.
  bool may_give(const NodeId& node, const std::string& gpu) const;
  /// Whether a person took the whole machine out.
  bool is_drained(const NodeId& node) const;
  /// GPUs (or nodes) out by our own judgement, and how many may be.
  std::int64_t counted(bool gpus) const;
  std::int64_t cap(bool gpus) const;
  /// When TimePassed should come, at the latest.
  std::optional<WallTime> wake_at() const;

 private:
  void on(const Evidence& event, WallTime now, HealthOutcome& outcome);
  void on(const SeenWell& event, WallTime now, HealthOutcome& outcome);
  void on(const UseChanged& event, WallTime now, HealthOutcome& outcome);
  void on(const SelfTestEnded& event, WallTime now, HealthOutcome& outcome);
  void on(const DrainAsked& event, WallTime now, HealthOutcome& outcome);
  void on(const ResumeAsked& event, WallTime now, HealthOutcome& outcome);
  void on(const TimePassed& event, WallTime now, HealthOutcome& outcome);

  Health& know(const Subject& subject);
  bool has_room(const Subject& subject) const;
  void move(const Subject& subject, Health& health, HealthState to, WallTime now,
            HealthOutcome& outcome);
  void take_out(const Subject& subject, Health& health, Severity severity, WallTime now,
                HealthOutcome& outcome);
  void give_back(const Subject& subject, Health& health, WallTime now, HealthOutcome& outcome);
  void begin_test(const Subject& subject, Health& health, WallTime now, HealthOutcome& outcome);
  void fail_test(const Subject& subject, Health& health, WallTime now, HealthOutcome& outcome);
  void release(const Subject& subject, Health& health, bool force, WallTime now,
               HealthOutcome& outcome);
  void test_when_due(const Subject& subject, Health& health, WallTime now, HealthOutcome& outcome);
  void fill_room(WallTime now, HealthOutcome& outcome);

  const HealthOptions options_;
  std::map<Subject, Health> subjects_;
  std::int64_t known_[2] = {0, 0};    // nodes, GPUs
  std::int64_t counted_[2] = {0, 0};  // of them, out by our own judgement
  std::int64_t held_ = 0;
};

/// What happens next with it, in a sentence for people.
std::string next_step(const Health& health, WallTime now);

}  // namespace galley::cluster
