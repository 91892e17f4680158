#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/field_table.h"

namespace galley::protocol {

/// How a job's metrics are found where its program prints no line of ours.
struct MetricsSpec {
  std::optional<std::string> pattern;      // PCRE2; its named groups are the keys of metrics
  std::optional<std::string> tensorboard;  // folder of event files, below the one it runs in
  std::optional<std::string> target;       // "accuracy >= 0.93"
  bool operator==(const MetricsSpec&) const = default;
};

template <>
struct Fields<MetricsSpec> {
  static constexpr std::string_view kind = "metrics";
  using S = MetricsSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::string>>{
          "pattern", &S::pattern,
          "Regular expression (PCRE2) that is looked for in each line of output; its named groups "
          "are metrics, but for step, epoch, total_steps and total_epochs, which are progress.",
          false, 1, 1024},
      Field<S, std::optional<std::string>>{
          "tensorboard", &S::tensorboard,
          "Folder below the one the job runs in; scalars of the event files in it are metrics.",
          false, 1, 1024},
      Field<S, std::optional<std::string>>{
          "target", &S::target,
          "Wanted value of a metric, such as accuracy >= 0.93; when it is reached is estimated.",
          false, 1, 300}};
};

/// A wanted value of a metric.
struct MetricGoal {
  std::string metric;
  double value = 0;
  bool lower_is_better = true;
  bool operator==(const MetricGoal&) const = default;
};

/// Reads NAME <= VALUE or NAME >= VALUE; < and > mean the same. Errors: invalid_argument.
Result<MetricGoal> parse_metric_goal(std::string_view text, std::string_view field);

/// The state of the code that a job was submitted from; what is not known is absent.
struct CodeSpec {
  std::optional<std::string> repository;
  std::optional<std::string> commit;
  std::optional<std::string> branch;
  std::optional<bool> dirty;
  bool operator==(const CodeSpec&) const = default;
};

template <>
struct Fields<CodeSpec> {
  static constexpr std::string_view kind = "code";
  using S = CodeSpec;
  static constexpr std::tuple table{
      Field<S, std::optional<std::string>>{"repository", &S::repository,
                                           "Address of the repository.", false, 1, 1024},
      Field<S, std::optional<std::string>>{"commit", &S::commit, "Name of the commit.", false, 1,
                                           64},
      Field<S, std::optional<std::string>>{"branch", &S::branch, "The branch.", false, 1, 255},
      Field<S, std::optional<bool>>{"dirty", &S::dirty,
                                    "Whether there were changes that no commit holds."}};
};

/// UTF and tolerance of binary noise, as PCRE2's numbers for PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
/// PCRE2_NEVER_BACKSLASH_C: all who compile a job's pattern take these.
inline constexpr unsigned kMetricPatternOptions = 0x00080000U | 0x04000000U | 0x00100000U;

/// Compiles; has a named group, and at most 64 groups. Errors: invalid_argument with `field`.
Status check_metric_pattern(std::string_view pattern, std::string_view field);

/// What the table cannot say: one of the three is there, the pattern is one, and the folder is
/// inside the job's. Errors: invalid_argument.
Status check_metrics(const MetricsSpec& metrics);

}  // namespace galley::protocol
