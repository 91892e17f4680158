#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"

namespace galley::protocol {

/// ok and suspect give; the others are out of service. draining: jobs that run there may finish.
enum class HealthState { ok, suspect, draining, excluded, probing };
template <>
struct Words<HealthState> {
  static constexpr std::array<std::pair<std::string_view, HealthState>, 5> words{
      {{"ok", HealthState::ok},
       {"suspect", HealthState::suspect},
       {"draining", HealthState::draining},
       {"excluded", HealthState::excluded},
       {"probing", HealthState::probing}}};
};
constexpr bool is_out(HealthState state) { return state >= HealthState::draining; }

/// Why. The last two never change a state: they are faults of programs.
enum class FaultReason {
  none,
  drained,  // by a person
  gpu_lost,
  gpu_missing,
  driver_hang,
  driver_failed,
  hardware_xid,
  ecc_uncorrected,
  ecc_corrected,
  row_remap_failed,
  row_remap_pending,
  pages_pending,
  nvlink_down,
  nvlink_errors,
  thermal_slowdown,
  power_brake,
  unreadable,
  self_test_failed,
  user_xid,
  unknown_process
};
template <>
struct Words<FaultReason> {
  static constexpr std::array<std::pair<std::string_view, FaultReason>, 20> words{
      {{"none", FaultReason::none},
       {"drained", FaultReason::drained},
       {"gpu_lost", FaultReason::gpu_lost},
       {"gpu_missing", FaultReason::gpu_missing},
       {"driver_hang", FaultReason::driver_hang},
       {"driver_failed", FaultReason::driver_failed},
       {"hardware_xid", FaultReason::hardware_xid},
       {"ecc_uncorrected", FaultReason::ecc_uncorrected},
       {"ecc_corrected", FaultReason::ecc_corrected},
       {"row_remap_failed", FaultReason::row_remap_failed},
       {"row_remap_pending", FaultReason::row_remap_pending},
       {"pages_pending", FaultReason::pages_pending},
       {"nvlink_down", FaultReason::nvlink_down},
       {"nvlink_errors", FaultReason::nvlink_errors},
       {"thermal_slowdown", FaultReason::thermal_slowdown},
       {"power_brake", FaultReason::power_brake},
       {"unreadable", FaultReason::unreadable},
       {"self_test_failed", FaultReason::self_test_failed},
       {"user_xid", FaultReason::user_xid},
       {"unknown_process", FaultReason::unknown_process}}};
};

/// What is known of the health of a GPU, or of a node (then gpu is absent).
struct HealthRecord {
  NodeId node_id;
  std::string node;
  std::optional<std::string> gpu;
  std::optional<std::int64_t> index;
  HealthState state = HealthState::ok;
  FaultReason reason = FaultReason::none;
  std::string evidence;
  std::string owner;
  std::optional<WallTime> since;
  std::optional<WallTime> expires_at;
  std::optional<WallTime> next_test_at;
  std::int64_t exclusions_24h = 0;
  bool quarantined = false;
  bool held_by_cap = false;
  std::string next;
  std::int64_t notes = 0;
  std::string last_note;
};

template <>
struct Fields<HealthRecord> {
  static constexpr std::string_view kind = "health_record";
  using S = HealthRecord;
  static constexpr std::tuple table{
      Field<S, NodeId>{"node_id", &S::node_id, "The machine."},
      Field<S, std::string>{"node", &S::node, "Its name."},
      Field<S, std::optional<std::string>>{"gpu", &S::gpu,
                                           "UUID of the GPU; absent: the machine itself."},
      Field<S, std::optional<std::int64_t>>{"index", &S::index, "The driver's number of the GPU."},
      Field<S, HealthState>{"state", &S::state, "ok, suspect, draining, excluded or probing."},
      Field<S, FaultReason>{"reason", &S::reason, "Why it is in that state."},
      Field<S, std::string>{"evidence", &S::evidence, "What was seen."},
      Field<S, std::string>{"owner", &S::owner, "automatic, or the person who drained it."},
      Field<S, std::optional<WallTime>>{"since", &S::since, "When it came into that state."},
      Field<S, std::optional<WallTime>>{"expires_at", &S::expires_at,
                                        "When a person's drain ends by itself."},
      Field<S, std::optional<WallTime>>{"next_test_at", &S::next_test_at,
                                        "When it is tested, at the earliest."},
      Field<S, std::int64_t>{"exclusions_24h", &S::exclusions_24h,
                             "How often it was taken out in the last day."},
      Field<S, bool>{"quarantined", &S::quarantined,
                     "Whether it failed so often that it waits for hours."},
      Field<S, bool>{"held_by_cap", &S::held_by_cap,
                     "Whether it still works only because too many others are out."},
      Field<S, std::string>{"next", &S::next, "What happens next, and when."},
      Field<S, std::int64_t>{"notes", &S::notes, "Faults of programs that were seen on it."},
      Field<S, std::string>{"last_note", &S::last_note, "The last of those."}};
};

/// What a person asks for: no new work on a node or on one of its GPUs.
struct DrainSpec {
  std::optional<std::int64_t> gpu;
  std::string reason;
  std::optional<Millis> duration;
};

template <>
struct Fields<DrainSpec> {
  static constexpr std::string_view kind = "drain";
  using S = DrainSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::int64_t>>{
          "gpu", &S::gpu, "The driver's number of the GPU; absent: all.", false, 0, 1023},
      Field<S, std::string>{"reason", &S::reason, "Why, for whoever asks.", true, 1, 500},
      Field<S, std::optional<Millis>>{"duration_s", &S::duration,
                                      "It ends by itself after this; absent: when resumed."}};
};

struct ResumeSpec {
  std::optional<std::int64_t> gpu;
  bool force = false;
};

template <>
struct Fields<ResumeSpec> {
  static constexpr std::string_view kind = "resume";
  using S = ResumeSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::int64_t>>{
          "gpu", &S::gpu, "The driver's number of the GPU; absent: all.", false, 0, 1023},
      Field<S, bool>{"force", &S::force, "Back to work without the self-test of a faulty one."}};
};

}  // namespace galley::protocol
