#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tracking/records.h"

namespace galley::tracking {

/// What of a run is compared or ordered by.
enum class RunField : std::uint8_t {
  created,  // milliseconds since 1970
  ended,    // likewise; absent while the run goes on
  name,
  state,
  job_id,
  user,
  id,
  metric,          // the value reported last, by key
  param,           // by key
  tag,             // by key
  dataset,         // the name of one that the run has read
  dataset_digest,  // likewise
  dataset_tag,     // in which role: the value of its tag `context`
};

enum class RunComparison : std::uint8_t {
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  like,  // % stands for any text, _ for any character
  like_in_any_case,
  among,  // one of several texts
  not_among,
};

/// One condition. An absent metric, parameter or tag fulfils none, and neither does a value that is
/// not a number.
struct RunCondition {
  RunField field = RunField::created;
  std::string key{};  // of a metric, parameter or tag
  RunComparison comparison = RunComparison::equal;
  double number = 0;                 // for created, ended and metrics
  std::string text{};                // for the others
  std::vector<std::string> texts{};  // for among and not_among
};

/// By anything but data sets. Runs that lack it come last. By creation or by a metric a page costs
/// what it holds; by others all runs that fulfil the conditions are looked at.
struct RunOrder {
  RunField field = RunField::created;
  std::string key{};
  bool descending = true;
};

/// Runs that fulfil all conditions.
struct RunSearch {
  std::vector<std::string> experiments{};  // any of them; none: all
  std::vector<RunCondition> conditions{};
  RunOrder order{};
  std::vector<RunOrder> then{};  // among equals; at last the newest first
  enum class View : std::uint8_t { active, deleted, all } view = View::active;
  std::string owner{};  // only this run, and those that its job has made; empty: all
  std::int64_t limit = 100;
  std::string cursor{};
};

inline constexpr std::size_t kMaxConditions = 64;
inline constexpr std::size_t kMaxOrders = 8;
inline constexpr std::size_t kMaxTexts = 1000;  // of one condition
inline constexpr std::size_t kMaxSearchedExperiments = 200;

}  // namespace galley::tracking
