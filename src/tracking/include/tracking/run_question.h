#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/filter.h"
#include "tracking/records.h"

namespace galley::tracking {

inline constexpr std::array kRunFields{
    store::FilterField{"id", "runs.id"},
    store::FilterField{"name", "runs.name"},
    store::FilterField{"experiment", "runs.experiment"},
    store::FilterField{"job_id", "runs.job_id"},
    store::FilterField{"state", "runs.state"},
    store::FilterField{"created_at", "runs.created_ms", store::FilterType::time},
    store::FilterField{"ended_at", "runs.ended_ms", store::FilterType::time}};

inline constexpr std::int64_t kMaxRunOffset = 10'000'000;

/// Which runs, in which order, from where.
struct RunQuestion {
  std::string filter{};  // over kRunFields, metrics.NAME (newest value), params.NAME, tags.NAME
  std::string order{};   // one of these or `duration`, "-" before it for descending; empty: newest
  std::int64_t limit = 50;
  std::string cursor{};                  // of the page before; or
  std::optional<std::int64_t> offset{};  // how many to pass over, for a scroll bar
  bool with_total = false;
};

struct RunAnswer {
  std::vector<Run> runs;
  std::string next_cursor;              // empty at the end
  std::optional<std::int64_t> total{};  // of all pages
};

}  // namespace galley::tracking
