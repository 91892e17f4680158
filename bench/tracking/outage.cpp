#include "outage.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "api_client.h"
#include "base/file.h"
#include "scratch_folder.h"
#include "server_process.h"

namespace galley::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct StepTime {
  std::int64_t began_ns = 0;
  std::int64_t took_ns = 0;
};

std::int64_t steady_ns() {
  return std::chrono::duration_cast<nanoseconds>(SteadyClock::now().time_since_epoch()).count();
}

std::string stop_file_of(const std::filesystem::path& record) { return record.string() + ".stop"; }

/// Some five milliseconds of arithmetic, always the same.
double one_step(double seed) {
  constexpr int kOperations = 2'000'000;
  double value = seed;
  for (int i = 0; i < kOperations; ++i) value = value * 0.999'999 + 1e-6;
  return value;
}

Result<std::vector<StepTime>> read_steps(const std::filesystem::path& record) {
  std::ifstream file(record);
  std::vector<StepTime> steps;
  for (StepTime one; file >> one.began_ns >> one.took_ns;) steps.push_back(one);
  if (steps.empty()) return Error{Errc::internal, "the job has left no record of its steps"};
  return steps;
}

/// Median milliseconds of the steps that began between the two times.
Result<double> median_ms(const std::vector<StepTime>& steps, std::int64_t from_ns,
                         std::int64_t to_ns) {
  std::vector<double> took;
  for (const StepTime& one : steps)
    if (one.began_ns >= from_ns && one.began_ns < to_ns)
      took.push_back(static_cast<double>(one.took_ns) / 1e6);
  constexpr std::size_t kFewest = 20;
  if (took.size() < kFewest) return Error{Errc::internal, "too few steps were done to compare"};
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::ranges::nth_element(took, middle);
  return *middle;
}

/// Points of the run's loss that the server has.
Result<double> count_points(support::ApiClient& client, const std::string& run) {
  const auto record = client.get("/api/v1/runs/" + run);
  if (!record && record.error().code == Errc::not_found) return 0.0;  // its job has not begun
  if (!record) return record.error();
  for (const Json& one : record->value("series", Json::array()))
    if (one.value("key", "") == "loss") return one.value("point_count", 0.0);
  return 0.0;
}

struct OutageTimes {
  std::int64_t begin_ns = 0, gone_ns = 0, back_ns = 0;
};

Status wait_for_points(support::ApiClient& client, const std::string& run, double least) {
  constexpr std::chrono::seconds kPatience{120};
  const auto until = SteadyClock::now() + kPatience;
  for (;;) {
    GALLEY_TRY(const double there, count_points(client, run));
    if (there >= least) return ok();
    if (SteadyClock::now() > until)
      return Error{Errc::timeout, fmt::format("{:.0f} of {:.0f} points came", there, least)};
    std::this_thread::sleep_for(Millis{20});
  }
}

}  // namespace

Result<BenchReport> run_steps(const std::filesystem::path& record) {
  std::vector<StepTime> steps;
  double value = 0.5;
  const std::string stop = stop_file_of(record);
  constexpr std::size_t kMostSteps = 4'000'000;
  while (steps.size() < kMostSteps) {
    const std::int64_t began = steady_ns();
    value = one_step(value);
    fmt::print("galley:: step={} loss={:.6f}\n", steps.size(), value);
    std::fflush(stdout);
    steps.push_back({began, steady_ns() - began});
    std::error_code error;
    if (steps.size() % 16 == 0 && std::filesystem::exists(stop, error)) break;
  }
  std::string text;
  for (const StepTime& one : steps) text += fmt::format("{} {}\n", one.began_ns, one.took_ns);
  GALLEY_TRY_STATUS(write_file_atomic(record, text, Durability::memory));
  return BenchReport{.name = "tracking-steps",
                     .figures = {{"steps", static_cast<double>(steps.size())}}};
}

Result<std::map<std::string, double>> measure_outage(const std::filesystem::path& programs,
                                                     Millis span) {
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  const support::ServerOptions options{.program = programs / "galley", .data = scratch / "data"};
  struct Leftovers {
    std::filesystem::path data;
    ~Leftovers() { support::end_supervisors(data); }
  } const leftovers{options.data};
  GALLEY_TRY(auto server, support::ServerProcess::start(options));
  GALLEY_TRY(auto client, support::ApiClient::open(server.url(), server.token()));
  const auto record = scratch / "steps";
  GALLEY_TRY(const Json job, client.post("/api/v1/jobs", {{"command",
                                                           {(programs / "galley-bench").string(),
                                                            "tracking-steps", record.string()}}}));
  const std::string run = job.at("run_id");
  constexpr double kWarmUpSteps = 50;
  GALLEY_TRY_STATUS(wait_for_points(client, run, kWarmUpSteps));

  OutageTimes times;
  times.begin_ns = steady_ns();
  std::this_thread::sleep_for(span);
  server.kill();
  times.gone_ns = steady_ns();
  std::this_thread::sleep_for(span);
  times.back_ns = steady_ns();
  GALLEY_TRY(server, support::ServerProcess::start(options));
  GALLEY_TRY(client, support::ApiClient::open(server.url(), server.token()));
  std::this_thread::sleep_for(span);
  GALLEY_TRY_STATUS(write_file_atomic(stop_file_of(record), "", Durability::memory));
  GALLEY_TRY(const Json end, client.wait_for_job(job.at("id"), Millis{60'000}));
  if (end.at("state") != "succeeded")
    return Error{Errc::internal, "the job " + end.at("state").get<std::string>()};
  GALLEY_TRY(const auto steps, read_steps(record));
  GALLEY_TRY(const double there, count_points(client, run));
  GALLEY_TRY(const double before_ms, median_ms(steps, times.begin_ns, times.gone_ns));
  GALLEY_TRY(const double during_ms, median_ms(steps, times.gone_ns, times.back_ns));
  return std::map<std::string, double>{
      {"outage_s", static_cast<double>(span.count()) / 1e3},
      {"outage_slowdown_pct", 100 * (during_ms / before_ms - 1)},
      {"outage_points_lost", static_cast<double>(steps.size()) - there}};
}

}  // namespace galley::bench
