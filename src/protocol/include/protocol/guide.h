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

// What people are told about a job that waits or was refused. The meaning of each is the
// scheduler's (scheduler/plan.h); here they cross a wire.

/// What stands between a job and its start; exactly one binds at a time.
enum class Binding {
  none,
  impossible,
  no_node,
  not_before,
  resources_in_use,
  fragmentation,
  set_aside,
  quota
};

template <>
struct Words<Binding> {
  static constexpr std::array<std::pair<std::string_view, Binding>, 8> words{
      {{"none", Binding::none},
       {"impossible", Binding::impossible},
       {"no_node", Binding::no_node},
       {"not_before", Binding::not_before},
       {"resources_in_use", Binding::resources_in_use},
       {"fragmentation", Binding::fragmentation},
       {"set_aside", Binding::set_aside},
       {"quota", Binding::quota}}};
};

/// Four of five starts lie between early_at and late_at.
struct StartEstimateRecord {
  WallTime typical_at{};
  WallTime early_at{};
  WallTime late_at{};
  bool operator==(const StartEstimateRecord&) const = default;
};

template <>
struct Fields<StartEstimateRecord> {
  static constexpr std::string_view kind = "start_estimate_record";
  using S = StartEstimateRecord;
  static constexpr std::tuple table{
      Field<S, WallTime>{"typical_at", &S::typical_at, "When it is expected to start."},
      Field<S, WallTime>{"early_at", &S::early_at, "One of ten starts is earlier."},
      Field<S, WallTime>{"late_at", &S::late_at, "One of ten starts is later."}};
};

/// A changed request, planned by the planner that would place it.
struct AlternativeRecord {
  std::string change;
  std::string kind;
  Resources resources;
  PriorityClass priority_class = PriorityClass::normal;
  std::string team;
  std::optional<WallTime> start_at;
  bool starts_now = false;
  StartEstimateRecord start;
  std::map<std::string, std::string> edits;
  bool operator==(const AlternativeRecord&) const = default;
};

template <>
struct Fields<AlternativeRecord> {
  static constexpr std::string_view kind = "alternative_record";
  using S = AlternativeRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"change", &S::change, "What is changed, for people."},
      Field<S, std::string>{"kind", &S::kind,
                            "fewer_gpus, other_gpu_type, split_over_nodes, idle_class, other_team, "
                            "less_memory or later_slot."},
      Field<S, Resources>{"resources", &S::resources, "What the changed job needs at once."},
      Field<S, PriorityClass>{"priority_class", &S::priority_class, "Of the changed job."},
      Field<S, std::string>{"team", &S::team, "Of the changed job."},
      Field<S, std::optional<WallTime>>{"start_at", &S::start_at, "Of the changed job."},
      Field<S, bool>{"starts_now", &S::starts_now, "Whether it would start at once."},
      Field<S, StartEstimateRecord>{"start", &S::start, "When it would start."},
      Field<S, std::map<std::string, std::string>>{
          "edits", &S::edits, "Fields of the job to change: path to JSON value, as text."}};
};

struct GuideRecord {
  Binding binding = Binding::none;
  std::string reason;
  std::string field;
  bool starts_now = false;
  std::optional<StartEstimateRecord> start;
  std::vector<AlternativeRecord> alternatives;
  bool operator==(const GuideRecord&) const = default;
};

template <>
struct Fields<GuideRecord> {
  static constexpr std::string_view kind = "guide_record";
  using S = GuideRecord;
  static constexpr std::tuple table{
      Field<S, Binding>{"binding", &S::binding, "What stands between the job and its start."},
      Field<S, std::string>{"reason", &S::reason, "The same in a sentence with numbers."},
      Field<S, std::string>{"field", &S::field, "Field of the job to blame; empty where none is."},
      Field<S, bool>{"starts_now", &S::starts_now, "Whether the job starts at once as it is."},
      Field<S, std::optional<StartEstimateRecord>>{
          "start", &S::start, "When it is expected to start; absent when it never can."},
      Field<S, std::vector<AlternativeRecord>>{"alternatives", &S::alternatives,
                                               "Changes that help, soonest start first."}};
};

/// A node that was looked at for a job. Terms are seconds and mean something where it fits.
struct CandidateRecord {
  NodeId node_id;
  std::string node_name;
  bool fits = false;
  std::string obstacle;
  double start_delay_s = 0;
  double fragmentation_s = 0;
  double spread_s = 0;
  double total_s = 0;
  bool operator==(const CandidateRecord&) const = default;
};

template <>
struct Fields<CandidateRecord> {
  static constexpr std::string_view kind = "candidate_record";
  using S = CandidateRecord;
  static constexpr std::tuple table{
      Field<S, NodeId>{"node_id", &S::node_id, "Id of the node."},
      Field<S, std::string>{"node_name", &S::node_name, "Its host name."},
      Field<S, bool>{"fits", &S::fits, "Whether the job could start there now."},
      Field<S, std::string>{"obstacle", &S::obstacle, "Why it could not; empty where it fits."},
      Field<S, double>{"start_delay_s", &S::start_delay_s,
                       "Seconds until image and data would be there."},
      Field<S, double>{"fragmentation_s", &S::fragmentation_s,
                       "Price of the GPUs that others could no longer use."},
      Field<S, double>{"spread_s", &S::spread_s, "Price of the links that the job would cross."},
      Field<S, double>{"total_s", &S::total_s, "Their sum; the lowest wins."}};
};

struct WhyRecord {
  std::string summary;
  std::vector<std::string> lines;
  std::vector<CandidateRecord> candidates;
  std::optional<StartEstimateRecord> start;
  std::optional<std::int64_t> jobs_ahead;
  std::optional<GuideRecord> guide;
  bool operator==(const WhyRecord&) const = default;
};

template <>
struct Fields<WhyRecord> {
  static constexpr std::string_view kind = "why_record";
  using S = WhyRecord;
  static constexpr std::tuple table{
      Field<S, std::string>{"summary", &S::summary, "Why it is where it is, in a sentence."},
      Field<S, std::vector<std::string>>{"lines", &S::lines, "The facts behind it."},
      Field<S, std::vector<CandidateRecord>>{"candidates", &S::candidates,
                                             "Nodes that were looked at, best first."},
      Field<S, std::optional<StartEstimateRecord>>{"start", &S::start,
                                                   "When a waiting job is expected to start."},
      Field<S, std::optional<std::int64_t>>{"jobs_ahead", &S::jobs_ahead,
                                            "Waiting jobs that are served before it."},
      Field<S, std::optional<GuideRecord>>{"guide", &S::guide, "What would help a waiting job."}};
};

}  // namespace galley::protocol
