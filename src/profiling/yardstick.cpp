#include "yardstick.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <vector>

namespace galley::profiling {
namespace {

constexpr std::size_t kBeats = 9;
constexpr int kPasses = 6;                    // over its numbers, in a beat
constexpr std::size_t kNumbers = 256 * 1024;  // more than the caches nearest to a processor
constexpr double kLooks = 200;                // in a study
constexpr double kLeastIntervalS = 0.4;
constexpr double kPause = 25;  // between two looks at least, in times of what a look takes
constexpr double kMostWaited = 0.98;

float work(const std::vector<float>& numbers) {
  constexpr std::size_t kLanes = 16;
  std::array<float, kLanes> sums{};
  for (int pass = 0; pass < kPasses; ++pass) {
    const float factor = 1.0F + static_cast<float>(pass);
    for (std::size_t i = 0; i + kLanes <= numbers.size(); i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += numbers[i + lane] * factor;
  }
  float sum = 0;
  for (const float one : sums) sum += one;
  return sum;
}

double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The second figure of a thread's schedstat: nanoseconds on a queue of the scheduler.
std::optional<std::uint64_t> waited_ns(const std::filesystem::path& task) {
  std::ifstream file(task / "schedstat");
  std::uint64_t ran = 0, waited = 0;
  if (!(file >> ran >> waited)) return std::nullopt;
  return waited;
}

}  // namespace

double beat_ms() {
  static const std::vector<float> numbers(kNumbers, 0.5F);
  static std::atomic<float> sink;  // or a compiler would see that nobody wants the sums
  std::array<double, kBeats> times_ms{};
  for (double& ms : times_ms) {
    const Instant began = std::chrono::steady_clock::now();
    sink.store(work(numbers), std::memory_order_relaxed);
    ms = 1e3 * seconds_between(began, std::chrono::steady_clock::now());
  }
  std::ranges::nth_element(times_ms, times_ms.begin() + kBeats / 2);
  return times_ms[kBeats / 2];
}

std::vector<double> ThreadWaits::since_last() {
  std::vector<double> waits_s;
  std::map<int, std::uint64_t> now_ns;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end; task.increment(error)) {
    const std::string name = task->path().filename().string();
    int id = 0;
    std::from_chars(name.data(), name.data() + name.size(), id);
    const auto waited = waited_ns(task->path());
    if (!waited) continue;
    now_ns[id] = *waited;
    const auto before = seen_ns_.find(id);
    const std::uint64_t seen =
        before == seen_ns_.end() || before->second > *waited ? 0 : before->second;
    waits_s.push_back(static_cast<double>(*waited - seen) / 1e9);
  }
  seen_ns_ = std::move(now_ns);
  return waits_s;
}

WaitedShares waited_shares(const std::vector<double>& waits_s, double window_s) {
  double longest = 0, none = 1;
  for (const double wait_s : waits_s) {
    const double share = window_s > 0 ? std::clamp(wait_s / window_s, 0.0, kMostWaited) : 0;
    longest = std::max(longest, share);
    none *= 1 - share;
  }
  return {.longest = longest, .any = std::min(1 - none, kMostWaited)};
}

Yardstick::Yardstick(const Clock& clock, double study_s, bool counts_waits, Beat beat)
    : clock_(clock),
      beat_(std::move(beat)),
      counts_waits_(counts_waits),
      began_(clock.steady()),
      last_(began_),
      interval_s_(std::max(kLeastIntervalS, study_s / kLooks)),
      table_("machine") {}

void Yardstick::mark(std::string_view experiment) {
  read();
  during_ = experiment;
}

void Yardstick::look(bool always) {
  if (always || seconds_between(last_, clock_.steady()) >= interval_s_) read();
}

void Yardstick::read() {
  if (!beat_) return;
  const Instant now = clock_.steady();
  // What goes by before the first experiment is nobody's.
  if (during_.empty()) {
    if (counts_waits_) waits_.since_last();
    last_ = now;
    return;
  }
  const double window_s = seconds_between(last_, now);
  const auto waits_s = counts_waits_ ? waits_.since_last() : std::vector<double>{};
  const auto beat = beat_();
  // The beat's own waits are none of the measurements'.
  if (counts_waits_) waits_.since_last();
  last_ = clock_.steady();
  interval_s_ = std::max(interval_s_, kPause * seconds_between(now, last_));
  if (!beat) {
    beat_ = {};
    table_.note("The machine was looked at no further: a look failed.");
    return;
  }
  const WaitedShares waited = waited_shares(waits_s, window_s);
  table_.add({Cell{during_}, number(seconds_between(began_, now)), number(*beat),
              waits_s.empty() ? Cell{} : number(waited.longest),
              waits_s.empty() ? Cell{} : number(waited.any)});
}

}  // namespace galley::profiling
