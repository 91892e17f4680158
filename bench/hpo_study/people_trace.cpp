#include "hpo_study/people_trace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "hpo/random.h"

namespace galley::bench {
namespace {

constexpr double kDay_s = 86'400;
constexpr double kBurst_s = 600;
constexpr double kBurstMean = 4;
constexpr double kMedian_s = 3600;
constexpr double kSigma = 1.2;
constexpr double kShortest_s = 120;  // so that a window of a minute sees no job begin and end

struct SizeShare {
  std::int64_t gpus;
  double up_to;
};
constexpr SizeShare kSizes[] = {{1, 0.6}, {2, 0.75}, {4, 0.9}, {8, 1}};

double exponential(hpo::Rng& rng, double mean) { return -mean * std::log(1 - rng.uniform()); }

}  // namespace

std::vector<PeopleJob> people_trace(std::uint64_t seed, const PeopleTraceOptions& options) {
  hpo::Rng rng(seed, 41);
  const double end_s = options.days * kDay_s;
  const double mean_gpus = 0.6 + 2 * 0.15 + 4 * 0.15 + 8 * 0.1;
  const double mean_s = kMedian_s * std::exp(kSigma * kSigma / 2);
  // Bursts a second that make the load on average.
  const double rate =
      options.load * static_cast<double>(options.gpus) / (mean_gpus * mean_s * kBurstMean);
  std::vector<PeopleJob> jobs;
  for (double at = 0; at < end_s;) {
    // Nights have a fifth of the noon's rate; thinning keeps the mean.
    at += exponential(rng, 1 / (rate * 5.0 / 3));
    const double day = 0.6 - 0.4 * std::cos(2 * std::numbers::pi * at / kDay_s);
    if (rng.uniform() > day) continue;
    do {
      const double size = rng.uniform();
      const auto gpus =
          std::ranges::find_if(kSizes, [&](const SizeShare& s) { return size < s.up_to; });
      jobs.push_back({.arrives_s = at + kBurst_s * rng.uniform(),
                      .runs_s = std::max(kShortest_s, kMedian_s * std::exp(kSigma * rng.normal())),
                      .gpus = gpus->gpus});
    } while (rng.uniform() > 1 / kBurstMean);
  }
  std::ranges::sort(jobs, {}, &PeopleJob::arrives_s);
  return jobs;
}

double PeopleQueue::next_s() const {
  double next = std::numeric_limits<double>::infinity();
  if (arrived_ < jobs_.size()) next = jobs_[arrived_].arrives_s;
  if (!ends_.empty()) next = std::min(next, ends_.top().at_s);
  return next;
}

double PeopleQueue::used_gpu_s(double now_s) {
  used_gpu_s_ += static_cast<double>(use_) * (now_s - counted_to_s_);
  counted_to_s_ = now_s;
  return used_gpu_s_;
}

void PeopleQueue::pass(double now_s) {
  used_gpu_s(now_s);
  while (!ends_.empty() && ends_.top().at_s <= now_s) {
    const auto job = ends_.top().job;
    ends_.pop();
    use_ -= jobs_[job].gpus;
    if (on_end) on_end(job, now_s);
  }
  for (; arrived_ < jobs_.size() && jobs_[arrived_].arrives_s <= now_s; ++arrived_) {
    waiting_.push_back(arrived_);
    waiting_gpus_ += jobs_[arrived_].gpus;
  }
}

void PeopleQueue::start_waiting(double now_s, std::int64_t held_by_others) {
  used_gpu_s(now_s);
  while (!waiting_.empty()) {
    const auto job = waiting_.front();
    if (jobs_[job].gpus > free_ - use_ - held_by_others) return;
    waiting_.pop_front();
    waiting_gpus_ -= jobs_[job].gpus;
    use_ += jobs_[job].gpus;
    began_s_[job] = now_s;
    ends_.push({now_s + jobs_[job].runs_s, job});
  }
}

}  // namespace galley::bench
