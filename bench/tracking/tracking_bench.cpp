#include "tracking_bench.h"

#include <fmt/format.h>

#include "ingest_rate.h"
#include "outage.h"
#include "search_rate.h"
#include "tensorboard_rate.h"

namespace galley::bench {

Result<BenchReport> run_tracking_bench(const TrackingBenchOptions& options) {
  BenchReport report{.name = "tracking"};
  fmt::print(stderr, "server away for {:g} s of {:g}; the bar is meant for 600 (--outage 600)\n",
             options.outage_s, 3 * options.outage_s);
  const Millis away{static_cast<std::int64_t>(1e3 * options.outage_s)};
  GALLEY_TRY(auto outage, measure_outage(options.programs, away));
  report.figures.merge(outage);
  if (options.outage_only) return report;
  fmt::print(stderr, "event files   ");
  GALLEY_TRY(report.figures["tensorboard_mb_per_s"], tensorboard_read_rate());
  fmt::print(stderr, "\r{:40}\r", "");
  GALLEY_TRY(auto ingest, measure_ingest());
  report.figures.merge(ingest);
  GALLEY_TRY(auto reads, measure_reads(options.runs));
  report.figures.merge(reads);
  return report;
}

}  // namespace galley::bench
