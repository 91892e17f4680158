#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "protocol/field_table.h"
#include "protocol/ids.h"

namespace galley::protocol {

/// The HTTP header in which a controller that stands by names the leader's URL.
inline constexpr const char* kLeaderHeader = "Galley-Leader";

/// A controller of an installation.
struct ControllerRecord {
  std::string name;
  std::string url;
  std::string version;
  std::string role;  // leader, standby, or gone: it has not been heard of for a while
  WallTime started_at{};
  std::int64_t epoch = 0;
  std::int64_t lag_events = 0;
};

template <>
struct Fields<ControllerRecord> {
  static constexpr std::string_view kind = "controller";
  using S = ControllerRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"name", &S::name, "Its name, unique in the installation."},
      Field<S, std::string>{"url", &S::url, "Where people and agents reach it."},
      Field<S, std::string>{"version", &S::version, "Of its program."},
      Field<S, std::string>{"role", &S::role, "leader, standby, or gone: not heard of for 10 s."},
      Field<S, WallTime>{"started_at", &S::started_at, "When its process started."},
      Field<S, std::int64_t>{"epoch", &S::epoch, "Of the leader; 0 for others."},
      Field<S, std::int64_t>{"lag_events", &S::lag_events,
                             "Events of the store that a standby had not heard of."}};
};

/// To whom the leader hands over.
struct HandoverSpec {
  std::string to;
};

template <>
struct Fields<HandoverSpec> {
  static constexpr std::string_view kind = "handover";
  using S = HandoverSpec;
  static constexpr std::tuple table{Field<S, std::string>{
      "to", &S::to, "A controller that stands by; any when empty.", false, 0, 128}};
};

}  // namespace galley::protocol
