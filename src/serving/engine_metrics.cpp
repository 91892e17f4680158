#include "engine_metrics.h"

#include <algorithm>

namespace galley::serving {
namespace {

using Histogram = TextEngine::Histogram;

Histogram histogram(std::vector<double> bounds) {
  Histogram made;
  made.counts.assign(bounds.size() + 1, 0);
  made.bounds = std::move(bounds);
  return made;
}

Histogram request_seconds() {
  return histogram({0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                    30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680});
}

/// 1, 2, 5, 10, 20, 50, ... up to `most`.
Histogram lengths(std::size_t most) {
  std::vector<double> bounds;
  for (double decade = 1; decade <= static_cast<double>(most); decade *= 10)
    for (const double step : {1.0, 2.0, 5.0})
      if (step * decade <= static_cast<double>(most)) bounds.push_back(step * decade);
  return histogram(std::move(bounds));
}

void observe(Histogram& histogram, double value) {
  const auto bucket = std::ranges::lower_bound(histogram.bounds, value);
  ++histogram.counts[static_cast<std::size_t>(bucket - histogram.bounds.begin())];
  histogram.sum += value;
  ++histogram.count;
}

std::int64_t second_of(Instant now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

TextEngine::Metrics empty_metrics(std::size_t context) {
  TextEngine::Metrics metrics;
  metrics.time_to_first_token_s =
      histogram({0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                 1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560});
  metrics.inter_token_latency_s = histogram({0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4,
                                             0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80});
  metrics.e2e_latency_s = metrics.queue_time_s = metrics.prefill_time_s = metrics.decode_time_s =
      request_seconds();
  metrics.prompt_length = metrics.generation_length = lengths(context);
  metrics.step_rows = histogram({1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384});
  metrics.batch_size = histogram({1, 2, 4, 8, 16, 32, 64, 128, 256});
  return metrics;
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::failed:
      return "failed";
  }
  return "failed";
}

EngineMetrics::EngineMetrics(std::size_t context, Instant now) : fresh_(empty_metrics(context)) {
  forget(now);
}

void EngineMetrics::forget(Instant now) {
  const std::lock_guard lock(mutex_);
  metrics_ = fresh_;
  finished_ = {};
  seconds_ = {};
  first_second_ = second_of(now) + 1;
}

void EngineMetrics::record_step(const Step& step, Instant now) {
  const std::lock_guard lock(mutex_);
  metrics_.prompt_tokens += step.prompt_tokens;
  metrics_.generation_tokens += step.generated_tokens;
  metrics_.drafted_tokens += step.drafted_tokens;
  metrics_.accepted_tokens += step.accepted_tokens;
  metrics_.preemptions += step.preemptions;
  metrics_.requests_running = step.requests_running;
  metrics_.sequences_running = step.sequences_running;
  metrics_.kv_cache_usage_ratio = step.kv_cache_usage_ratio;
  if (step.rows > 0) observe(metrics_.step_rows, static_cast<double>(step.rows));
  if (step.sequences > 0) observe(metrics_.batch_size, static_cast<double>(step.sequences));
  const auto number = second_of(now);
  auto& second = seconds_[static_cast<std::size_t>(number) % seconds_.size()];
  if (second.number != number) second = {number, 0};
  second.tokens += step.generated_tokens;
}

void EngineMetrics::record_start(std::size_t prompt_tokens, std::size_t cached_tokens,
                                 double queue_s) {
  const std::lock_guard lock(mutex_);
  metrics_.prefix_cache_queries += prompt_tokens;
  metrics_.prefix_cache_hits += cached_tokens;
  observe(metrics_.queue_time_s, queue_s);
}

void EngineMetrics::record_first_token(double since_arrival_s, double prefill_s) {
  const std::lock_guard lock(mutex_);
  observe(metrics_.time_to_first_token_s, since_arrival_s);
  observe(metrics_.prefill_time_s, prefill_s);
}

void EngineMetrics::record_token(double since_last_s) {
  const std::lock_guard lock(mutex_);
  observe(metrics_.inter_token_latency_s, since_last_s);
}

void EngineMetrics::record_end(FinishReason reason, const GenerationEvent::Usage& usage,
                               double decode_s) {
  const std::lock_guard lock(mutex_);
  ++finished_[static_cast<std::size_t>(reason)];
  observe(metrics_.e2e_latency_s, usage.total_s);
  observe(metrics_.decode_time_s, decode_s);
  observe(metrics_.prompt_length, usage.prompt_tokens);
  observe(metrics_.generation_length, usage.completion_tokens);
}

TextEngine::Metrics EngineMetrics::snapshot(Instant now) const {
  const std::lock_guard lock(mutex_);
  auto copy = metrics_;
  for (std::size_t i = 0; i < finished_.size(); ++i)
    copy.finished.emplace_back(name_of(static_cast<FinishReason>(i)), finished_[i]);
  // Whole seconds alone: one that is still running, or that was when all began, would make the rate
  // too low.
  const auto end = second_of(now);
  const auto begin = std::max(first_second_, end - kRateSeconds);
  std::uint64_t tokens = 0;
  for (const auto& second : seconds_)
    if (second.number >= begin && second.number < end) tokens += second.tokens;
  if (end > begin)
    copy.tokens_per_s = static_cast<double>(tokens) / static_cast<double>(end - begin);
  return copy;
}

}  // namespace galley::serving
