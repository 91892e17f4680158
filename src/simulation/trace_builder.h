#pragma once

#include <map>
#include <string>
#include <string_view>

#include "simulation/csv.h"
#include "simulation/trace.h"

namespace galley::simulation {

/// Collects jobs in the order of a file; at the end they are in the order of submission.
class TraceBuilder {
 public:
  explicit TraceBuilder(std::string_view name) { trace_.name = name; }

  /// Errors: invalid_argument when there are more teams than a site has.
  Status add(Job job, std::string_view team);
  /// The same; the error names the row.
  Status add(const Job& job, std::string_view team, const CsvRow& row);
  bool empty() const { return trace_.jobs.empty(); }
  Trace finish();

 private:
  Trace trace_;
  std::map<std::string, TeamIndex, std::less<>> teams_;
};

}  // namespace galley::simulation
