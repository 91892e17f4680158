#include "eta_logs.h"

#include <algorithm>
#include <ctime>

#include "estimator/log_progress.h"
#include "log_samples.h"

namespace galley::bench {
namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

Result<std::map<std::string, double>> measure_logs() {
  constexpr std::int64_t kLines = 20'000;
  constexpr std::size_t kBytes = 20'000'000;
  constexpr std::size_t kChunk = 64 << 10;  // as a pipe gives them
  std::map<std::string, double> figures;
  double all_bytes = 0, all_seconds = 0, found = 0, lines = 0;
  for (const LogSample& sample : make_log_samples(kLines, 1)) {
    estimator::LogReader reader;
    if (!sample.pattern.empty()) GALLEY_TRY_STATUS(reader.add_pattern(sample.pattern));
    std::size_t heard = 0;
    const auto sink = [&](const estimator::LogProgress& line) { heard += line.metrics.size() + 1; };
    const double begin = processor_seconds();
    std::size_t bytes = 0;
    std::uint64_t found_once = 0;
    while (bytes < kBytes) {
      for (std::size_t at = 0; at < sample.text.size(); at += kChunk)
        reader.feed(std::string_view(sample.text).substr(at, kChunk), sink);
      reader.finish(sink);
      bytes += sample.text.size();
      if (found_once == 0) found_once = reader.lines();
    }
    const double seconds = processor_seconds() - begin;
    figures["log_" + sample.name + "_mb_per_s"] = static_cast<double>(bytes) / 1e6 / seconds;
    figures["log_" + sample.name + "_found_pct"] =
        100 * static_cast<double>(found_once) / static_cast<double>(sample.progress_lines);
    all_bytes += static_cast<double>(bytes);
    all_seconds += seconds;
    found += static_cast<double>(found_once);
    lines += static_cast<double>(sample.progress_lines);
  }
  figures["log_mb_per_s"] = all_bytes / 1e6 / all_seconds;
  figures["log_found_pct"] = 100 * found / lines;
  return figures;
}

}  // namespace galley::bench
