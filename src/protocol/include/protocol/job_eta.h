#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "protocol/field_table.h"

namespace galley::protocol {

/// What a running job's remaining time rests on.
enum class EtaBasis { progress, before };

template <>
struct Words<EtaBasis> {
  static constexpr std::array<std::pair<std::string_view, EtaBasis>, 2> words{
      {{"progress", EtaBasis::progress}, {"before", EtaBasis::before}}};
};

/// How the number of steps or epochs to the end is known.
enum class EtaTotal { given, predicted };

template <>
struct Words<EtaTotal> {
  static constexpr std::array<std::pair<std::string_view, EtaTotal>, 2> words{
      {{"given", EtaTotal::given}, {"predicted", EtaTotal::predicted}}};
};

enum class EtaUnit { step, epoch };

template <>
struct Words<EtaUnit> {
  static constexpr std::array<std::pair<std::string_view, EtaUnit>, 2> words{
      {{"step", EtaUnit::step}, {"epoch", EtaUnit::epoch}}};
};

/// Whether the speed stays as it is, by the augmented Dickey-Fuller test.
enum class EtaStationary { yes, no, too_short_to_tell };

template <>
struct Words<EtaStationary> {
  static constexpr std::array<std::pair<std::string_view, EtaStationary>, 3> words{
      {{"yes", EtaStationary::yes},
       {"no", EtaStationary::no},
       {"too short to tell", EtaStationary::too_short_to_tell}}};
};

enum class TargetOutlook { expected, reached, out_of_reach, cannot_tell };

template <>
struct Words<TargetOutlook> {
  static constexpr std::array<std::pair<std::string_view, TargetOutlook>, 4> words{
      {{"expected", TargetOutlook::expected},
       {"reached", TargetOutlook::reached},
       {"out of reach", TargetOutlook::out_of_reach},
       {"cannot tell", TargetOutlook::cannot_tell}}};
};

/// Percentiles: one of ten is below p10, one of ten above p90.
struct SpreadRecord {
  double p10 = 0;
  double p50 = 0;
  double p90 = 0;
  bool operator==(const SpreadRecord&) const = default;
};

template <>
struct Fields<SpreadRecord> {
  static constexpr std::string_view kind = "spread_record";
  using S = SpreadRecord;
  static constexpr std::tuple table{Field<S, double>{"p10", &S::p10, "One of ten is lower."},
                                    Field<S, double>{"p50", &S::p50, "Half are lower."},
                                    Field<S, double>{"p90", &S::p90, "One of ten is higher."}};
};

/// When a metric will have a wanted value.
struct TargetEta {
  std::string metric;
  double value = 0;
  TargetOutlook outlook = TargetOutlook::cannot_tell;
  std::optional<SpreadRecord> remaining_s;
  std::optional<WallTime> finish_at;
  std::optional<SpreadRecord> step;
  bool operator==(const TargetEta&) const = default;
};

template <>
struct Fields<TargetEta> {
  static constexpr std::string_view kind = "target_eta";
  using S = TargetEta;
  static constexpr std::tuple table{
      Field<S, std::string>{"metric", &S::metric, "The metric."},
      Field<S, double>{"value", &S::value, "Its wanted value."},
      Field<S, TargetOutlook>{"outlook", &S::outlook,
                              "expected, reached, out of reach, or cannot tell."},
      Field<S, std::optional<SpreadRecord>>{"remaining_s", &S::remaining_s, "Seconds until then."},
      Field<S, std::optional<WallTime>>{"finish_at", &S::finish_at, "When, most likely."},
      Field<S, std::optional<SpreadRecord>>{"step", &S::step, "At which step or epoch."}};
};

/// When a job that runs will be done, and how far it is.
struct JobEta {
  std::optional<SpreadRecord> remaining_s;
  std::optional<WallTime> finish_at;
  std::optional<double> progress_ratio;
  std::optional<double> step;
  std::optional<double> total_steps;
  EtaUnit unit = EtaUnit::step;
  std::optional<EtaTotal> total_from;
  EtaBasis from = EtaBasis::progress;
  std::optional<double> step_s;
  std::optional<double> variation_ratio;
  EtaStationary stationary = EtaStationary::too_short_to_tell;
  std::optional<double> p_value;
  std::optional<std::int64_t> speed_changes;
  std::optional<std::int64_t> earlier_runs;
  std::optional<SpreadRecord> cost_remaining_usd;
  std::int64_t gpus = 0;
  std::optional<TargetEta> to_target;
  bool operator==(const JobEta&) const = default;
};

template <>
struct Fields<JobEta> {
  static constexpr std::string_view kind = "job_eta";
  using S = JobEta;
  static constexpr std::tuple table{
      Field<S, std::optional<SpreadRecord>>{"remaining_s", &S::remaining_s,
                                            "Seconds to the last step; absent while unknown."},
      Field<S, std::optional<WallTime>>{"finish_at", &S::finish_at, "When that is, most likely."},
      Field<S, std::optional<double>>{"progress_ratio", &S::progress_ratio,
                                      "Done of all, 0 to 1; absent while the end is unknown."},
      Field<S, std::optional<double>>{"step", &S::step, "Steps, or epochs, that are done."},
      Field<S, std::optional<double>>{"total_steps", &S::total_steps, "Of so many."},
      Field<S, EtaUnit>{"unit", &S::unit, "What is counted: step, or epoch where no step is told."},
      Field<S, std::optional<EtaTotal>>{
          "total_from", &S::total_from,
          "given by the program, or predicted from earlier runs of the same job."},
      Field<S, EtaBasis>{"from", &S::from,
                         "progress of this run, or what was estimated before it."},
      Field<S, std::optional<double>>{"step_s", &S::step_s,
                                      "Seconds of a usual step, pauses aside."},
      Field<S, std::optional<double>>{"variation_ratio", &S::variation_ratio,
                                      "Standard deviation of the step times over their mean."},
      Field<S, EtaStationary>{"stationary", &S::stationary,
                              "Whether the speed stays as it is (augmented Dickey-Fuller)."},
      Field<S, std::optional<double>>{"p_value", &S::p_value,
                                      "Of that test; below 0.05 is stationary."},
      Field<S, std::optional<std::int64_t>>{"speed_changes", &S::speed_changes,
                                            "How often the speed has changed for good."},
      Field<S, std::optional<std::int64_t>>{"earlier_runs", &S::earlier_runs,
                                            "Earlier runs of the job that it was corrected by."},
      Field<S, std::optional<SpreadRecord>>{"cost_remaining_usd", &S::cost_remaining_usd,
                                            "Dollars until then; absent without a price."},
      Field<S, std::int64_t>{"gpus", &S::gpus, "GPUs of the job, over all nodes."},
      Field<S, std::optional<TargetEta>>{"to_target", &S::to_target,
                                         "When the wanted value of a metric is reached."}};
};

}  // namespace galley::protocol
