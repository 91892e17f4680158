#include "simulation/trace.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "simulation/csv.h"
#include "trace_builder.h"

namespace galley::simulation {
namespace {

namespace fs = std::filesystem;

/// A year of jobs of a large site; more is a mistake.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;
constexpr double kLongestS = 10 * 366 * 86400.0;
constexpr std::int64_t kMostGpus = 1'000'000;
constexpr std::string_view kPhillyFile = "philly_jobs.csv";
constexpr std::string_view kPodsPrefix = "openb_pod_list_";

Millis from_seconds(double seconds) {
  return Millis{static_cast<std::int64_t>(seconds * 1000 + 0.5)};
}

/// "2017-09-04 10:30:41": the trace's own clock, whatever its zone.
Result<WallTime> philly_time(const CsvRow& row) {
  std::string text(row.text("timestamp"));
  if (text.size() == 19 && text[10] == ' ') {
    text[10] = 'T';
    if (auto time = parse_rfc3339(text + "Z")) return *time;
  }
  return row.wrong("timestamp", fmt::format("is \"{}\"", row.text("timestamp").substr(0, 40)),
                   "a time such as 2017-09-04 10:30:41");
}

Status add_philly(const CsvRow& row, TraceBuilder& builder) {
  Job job;
  GALLEY_TRY(job.submit, philly_time(row));
  GALLEY_TRY(const double seconds, row.real("duration", 0, kLongestS));
  job.duration = from_seconds(seconds);
  GALLEY_TRY(const std::int64_t gpus, row.number("num_gpus", 1, kMostGpus));
  job.gpus = static_cast<std::int32_t>(gpus);
  job.may_be_cut = true;
  const std::string_view team = row.text("cluster");
  if (team.empty()) return row.wrong("cluster", "is empty", "the name of a virtual cluster");
  return builder.add(job, team, row);
}

Status add_pod(const CsvRow& row, TraceBuilder& builder) {
  Job job;
  GALLEY_TRY(const double created, row.real("creation_time", 0, kLongestS));
  GALLEY_TRY(const double deleted, row.real("deletion_time", 0, kLongestS));
  if (deleted < created)
    return row.wrong("deletion_time", fmt::format("is {:.0f}, before creation_time", deleted),
                     fmt::format("{:.0f} or more", created));
  job.submit = WallTime{from_seconds(created)};
  job.duration = from_seconds(deleted - created);
  if (!row.text("scheduled_time").empty()) {
    GALLEY_TRY(const double scheduled, row.real("scheduled_time", 0, kLongestS));
    job.started = WallTime{from_seconds(scheduled)};
    if (scheduled >= created && scheduled <= deleted)
      job.duration = from_seconds(deleted - scheduled);
  }
  GALLEY_TRY(const std::int64_t gpus, row.number("num_gpu", 0, kMostGpus));
  GALLEY_TRY(const std::int64_t cpu_milli, row.number("cpu_milli", 0, 1'000'000'000));
  GALLEY_TRY(const std::int64_t memory_mib, row.number("memory_mib", 0, 1'000'000'000));
  job.gpus = static_cast<std::int32_t>(gpus);
  job.cpus = static_cast<std::int32_t>((cpu_milli + 999) / 1000);
  job.memory_bytes = memory_mib << 20;
  const std::string_view model = row.text("gpu_spec");
  if (model.find('|') != std::string_view::npos)
    return row.wrong("gpu_spec", fmt::format("allows several models ({})", model.substr(0, 40)),
                     "one model or none: a job file names one gpu_type");
  job.gpu_type = std::string(model);
  const std::string_view team = row.text("qos");
  return builder.add(job, team.empty() ? "default" : team, row);
}

Result<Trace> parse_csv(std::string_view file, std::string_view bytes, const CsvForm& form,
                        Status (*add)(const CsvRow&, TraceBuilder&)) {
  TraceBuilder builder(file);
  GALLEY_TRY_STATUS(
      read_csv(file, bytes, form, [&](const CsvRow& row) { return add(row, builder); }));
  return builder.finish();
}

bool is_history(std::string_view extension) {
  return extension == ".json" || extension == ".jsonl" || extension == ".ndjson";
}

Result<Trace> read_one(const fs::path& path) {
  GALLEY_TRY(const std::string bytes, read_file(path, kMostBytes));
  if (is_history(path.extension().string())) return parse_history(path.string(), bytes);
  const std::string_view header = std::string_view(bytes).substr(0, bytes.find('\n'));
  if (header.find("creation_time") != std::string_view::npos)
    return parse_openb(path.string(), bytes);
  return parse_philly(path.string(), bytes);
}

/// The one trace that a folder holds.
Result<fs::path> find_trace(const fs::path& folder) {
  if (fs::exists(folder / kPhillyFile)) return folder / kPhillyFile;
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (is_history(entry.path().extension().string()) || name.starts_with(kPodsPrefix))
      found.push_back(name);
  }
  std::ranges::sort(found);
  if (found.size() == 1) return folder / found.front();
  if (found.empty())
    return Error{Errc::not_found, fmt::format("no trace in the folder {}", folder.string()), "jobs",
                 fmt::format("{}, one {}*.csv, or one .json or .jsonl file of jobs", kPhillyFile,
                             kPodsPrefix)};
  return Error{Errc::invalid_argument,
               fmt::format("the folder {} holds several traces: {}", folder.string(),
                           fmt::join(found, ", ")),
               "jobs", "one trace, or the path of one file"};
}

}  // namespace

Result<Trace> parse_philly(std::string_view file, std::string_view bytes) {
  return parse_csv(file, bytes, {{"timestamp", "duration", "num_gpus", "cluster"}}, add_philly);
}

Result<Trace> parse_openb(std::string_view file, std::string_view bytes) {
  return parse_csv(file, bytes,
                   {{"num_gpu", "cpu_milli", "memory_mib", "creation_time", "deletion_time"}},
                   add_pod);
}

Result<Trace> cut(Trace trace, const Window& window) {
  std::erase_if(trace.jobs,
                [&](const Job& job) { return job.submit < window.from || job.submit > window.to; });
  if (trace.jobs.empty())
    return Error{Errc::invalid_argument,
                 fmt::format("no job of {} was submitted in the window", trace.name)};
  return trace;
}

Result<Trace> read_trace(const fs::path& path, const Window& window) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    return Error{Errc::not_found, fmt::format("there is no file or folder {}", path.string()),
                 "jobs", "a folder or file with a trace of jobs"};
  fs::path file = path;
  if (fs::is_directory(path, ignored)) {
    GALLEY_TRY(file, find_trace(path));
  }
  GALLEY_TRY(Trace trace, read_one(file));
  trace.name = file.filename().string();
  return cut(std::move(trace), window);
}

}  // namespace galley::simulation
