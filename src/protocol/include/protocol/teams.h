#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"
#include "protocol/job_spec.h"

namespace galley::protocol {

/// Cells that a team owns wherever they are: `count` times `gpus` GPUs that lie together.
struct GuaranteeSpec {
  std::optional<std::string> gpu_type;
  std::int64_t gpus = 1;
  std::int64_t count = 1;
  bool operator==(const GuaranteeSpec&) const = default;
};

template <>
struct Fields<GuaranteeSpec> {
  static constexpr std::string_view kind = "guarantee";
  using S = GuaranteeSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::string>>{"gpu_type", &S::gpu_type,
                                           "Words that the GPU's name must contain; any GPU when "
                                           "absent.",
                                           false, 1, 64},
      Field<S, std::int64_t>{"gpus", &S::gpus, "GPUs of one cell: 1, 2, 4, up to a node.", true, 1,
                             64},
      Field<S, std::int64_t>{"count", &S::count, "How many such cells.", true, 1, 100'000}};
};

struct TeamSpec {
  std::string name;
  double weight = 1;
  std::vector<GuaranteeSpec> guarantees;
  bool operator==(const TeamSpec&) const = default;
};

template <>
struct Fields<TeamSpec> {
  static constexpr std::string_view kind = "team";
  using S = TeamSpec;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Name of the team.", false, 1, 64},
      Field<S, double>{"weight", &S::weight,
                       "Of its share of what nobody is guaranteed, 0.001 to 1000."},
      Field<S, std::vector<GuaranteeSpec>>{"guarantees", &S::guarantees,
                                           "GPUs that it gets whenever it asks.", false, 0, 64}};
};

/// A team, what it owns and what it uses.
struct TeamRecord {
  std::string name;
  double weight = 1;
  std::vector<GuaranteeSpec> guarantees;
  double used_gpu_s = 0;  // decayed
  std::int64_t running_gpus = 0;
  bool operator==(const TeamRecord&) const = default;
};

template <>
struct Fields<TeamRecord> {
  static constexpr std::string_view kind = "team_record";
  using S = TeamRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Name of the team."},
      Field<S, double>{"weight", &S::weight, "Of its share of what nobody is guaranteed."},
      Field<S, std::vector<GuaranteeSpec>>{"guarantees", &S::guarantees,
                                           "GPUs that it gets whenever it asks."},
      Field<S, double>{"used_gpu_s", &S::used_gpu_s,
                       "GPU-seconds used, older ones counting less: the fair share's measure."},
      Field<S, std::int64_t>{"running_gpus", &S::running_gpus, "GPUs that its jobs hold now."}};
};

/// GPUs set aside for a team from a time on; its jobs that name the booking run there.
struct ReservationSpec {
  std::string team = "default";
  Resources resources;
  WallTime start_at{};
  Millis duration{0};
  bool operator==(const ReservationSpec&) const = default;
};

template <>
struct Fields<ReservationSpec> {
  static constexpr std::string_view kind = "reservation";
  using S = ReservationSpec;
  static constexpr std::tuple table{
      Field<S, std::string>{"team", &S::team, "Whose jobs may run there.", false, 1, 64},
      Field<S, Resources>{"resources", &S::resources, "What is set aside.", true},
      Field<S, WallTime>{"start_at", &S::start_at, "From when on, such as 2026-12-01T09:00+09:00.",
                         true},
      Field<S, Millis>{"duration", &S::duration, "For how long, such as 6h.", true}};
};

enum class ReservationState { upcoming, active, ended };

template <>
struct Words<ReservationState> {
  static constexpr std::array<std::pair<std::string_view, ReservationState>, 3> words{
      {{"upcoming", ReservationState::upcoming},
       {"active", ReservationState::active},
       {"ended", ReservationState::ended}}};
};

struct ReservationRecord {
  ReservationId id;
  std::string team;
  Resources resources;
  WallTime start_at{};
  Millis duration{0};
  std::string principal;
  ReservationState state = ReservationState::upcoming;
  bool operator==(const ReservationRecord&) const = default;
};

template <>
struct Fields<ReservationRecord> {
  static constexpr std::string_view kind = "reservation_record";
  using S = ReservationRecord;
  static constexpr std::tuple table{
      Field<S, ReservationId>{"id", &S::id, "Id of the booking; jobs name it."},
      Field<S, std::string>{"team", &S::team, "Whose jobs may run there."},
      Field<S, Resources>{"resources", &S::resources, "What is set aside."},
      Field<S, WallTime>{"start_at", &S::start_at, "From when on."},
      Field<S, Millis>{"duration", &S::duration, "For how long, in seconds."},
      Field<S, std::string>{"principal", &S::principal, "Who booked it."},
      Field<S, ReservationState>{"state", &S::state, "upcoming, active or ended."}};
};

/// Reads a team: a name of letters, digits, '.', '_' and '-', a weight from 0.001 to 1000.
/// Errors: invalid_argument.
Result<TeamSpec> parse_team_spec(const Json& json);

/// Reads a booking of 1 minute to 366 days; its resources as a job's. Errors: invalid_argument.
Result<ReservationSpec> parse_reservation_spec(const Json& json);

}  // namespace galley::protocol
