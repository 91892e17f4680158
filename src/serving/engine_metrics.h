#pragma once

#include <array>
#include <mutex>

#include "base/clock.h"
#include "serving/text_engine.h"

namespace galley::serving {

/// The instants of one request, from which its histograms come.
struct RequestTimes {
  Instant arrived{};
  Instant started{};      // first in a step
  Instant first_token{};  // sampled
};

/// What TextEngine::metrics() gives. Thread-safe; the engine reports once a step.
class EngineMetrics {
 public:
  /// Buckets are vLLM's; lengths go up to `context`.
  EngineMetrics(std::size_t context, Instant now);

  struct Step {
    std::size_t rows = 0;
    std::size_t prompt_tokens = 0;
    std::size_t generated_tokens = 0;
    std::size_t drafted_tokens = 0, accepted_tokens = 0;
    std::size_t preemptions = 0;
    std::size_t sequences = 0;  // in the step
    std::size_t requests_running = 0, sequences_running = 0;
    double kv_cache_usage_ratio = 0;
  };
  void record_step(const Step& step, Instant now);
  void record_start(std::size_t prompt_tokens, std::size_t cached_tokens, double queue_s);
  void record_first_token(double since_arrival_s, double prefill_s);
  void record_token(double since_last_s);
  void record_end(FinishReason reason, const GenerationEvent::Usage& usage, double decode_s);

  TextEngine::Metrics snapshot(Instant now) const;
  /// All begins anew.
  void forget(Instant now);

 private:
  /// Tokens of each of the last seconds.
  struct Second {
    std::int64_t number = -1;
    std::uint64_t tokens = 0;
  };
  static constexpr std::int64_t kRateSeconds = 10;

  const TextEngine::Metrics fresh_;  // nothing counted
  mutable std::mutex mutex_;         // guards all below
  TextEngine::Metrics metrics_;
  std::array<std::uint64_t, 4> finished_{};  // by FinishReason
  std::array<Second, kRateSeconds + 1> seconds_{};
  std::int64_t first_second_ = 0;  // that was whole since all began
};

std::string_view name_of(FinishReason reason);
inline double seconds_between(Instant from, Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace galley::serving
