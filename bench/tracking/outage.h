#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "report.h"

namespace galley::bench {

/// What a training notices of a server that is away. A job does steps of equal work and prints a
/// line with its loss after each; the server is killed (SIGKILL) for `span` and started again, and
/// the job goes on as long again. Figures:
///   outage_s              for how long it was away
///   outage_slowdown_pct   of the median step during the outage, over that before it
///   outage_points_lost    of all points that were logged, when the job has ended
/// Errors: those of the server; internal when the job does not do its steps.
Result<std::map<std::string, double>> measure_outage(const std::filesystem::path& programs,
                                                     Millis span);

/// The job: steps until the file `record`.stop is there. Then leaves in `record` for each step when
/// it began and what it took with its line, in nanoseconds of the steady clock, as text.
Result<BenchReport> run_steps(const std::filesystem::path& record);

}  // namespace galley::bench
