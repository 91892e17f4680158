#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "inference/constraint.h"
#include "inference/language_model.h"
#include "inference/sampling.h"
#include "serving/engine_options.h"
#include "text/tokenizer.h"

namespace galley::serving {

/// online requests come first; background (bulk) ones fill what is left and give way.
enum class RequestClass : std::uint8_t { online, background };

enum class FinishReason : std::uint8_t { stop, length, cancelled, failed };

/// One token of an answer or, where asked for, of a prompt.
struct TokenInfo {
  text::TokenId token = 0;
  float logprob = 0;  // natural, of the model's own distribution; 0 unless asked for
  std::vector<std::pair<text::TokenId, float>> top;  // logprobs most likely, if asked for
};

/// What happened to one choice of a request since the last event. Text is never part of a
/// character and never part of a stop string.
struct GenerationEvent {
  std::uint32_t choice = 0;
  std::string text;
  std::vector<TokenInfo> tokens;
  /// With prompt_logprobs, all at once before or with the first token of choice 0: each token of
  /// the prompt given those before it. The first stands behind nothing; its logprob is 0.
  std::vector<TokenInfo> prompt_tokens;
  bool finished = false;
  FinishReason reason = FinishReason::stop;
  std::string stop_sequence;  // the one that ended it; empty for end-of-text
  bool last = false;          // of the whole request: `usage` is filled
  struct Usage {
    std::uint32_t prompt_tokens = 0;
    std::uint32_t cached_tokens = 0;  // of the prompt, taken from the prefix cache
    std::uint32_t completion_tokens = 0;
    std::uint32_t drafted_tokens = 0, accepted_tokens = 0;  // speculation
    double queue_s = 0, first_token_s = 0, total_s = 0;
  } usage;
  std::string error;  // with reason failed
};

struct GenerationRequest {
  std::vector<text::TokenId> prompt;
  /// Whoever was given no seed draws one. Choice c > 0 uses random_bits(seed, c).
  inference::SamplingParams sampling;
  std::uint32_t max_tokens = 16;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool recompute =
      false;  // no KV is kept: every step runs the whole text again; the same text, slowly
  std::uint32_t n = 1;
  std::uint32_t best_of = 1;  // candidates; the n of highest mean logprob are given
  bool prompt_logprobs = false;
  std::shared_ptr<const inference::Constraint> constraint;  // none where null
  inference::AdapterIndex adapter = 0;
  std::int32_t priority = 0;  // smaller first, as vLLM's
  RequestClass request_class = RequestClass::online;
  std::string user;  // fairness is between users of one priority
  Speculation speculation = Speculation::none;
  bool speculation_is_default = true;  // the engine's own choice where the request says nothing
};

/// Answers requests to one language model: admits them by the memory that they need, puts them into
/// steps, shares the pages of equal prefixes, samples, and ends answers at stop strings.
///
/// The same request with the same seed gives the same tokens and logprobs whatever runs beside it,
/// whether its prefix was cached, whether it was preempted or speculated on.
///
/// One thread of its own runs the model; the methods may be called from any thread.
class TextEngine {
 public:
  /// `model`, `tokenizer`, `clock` and a draft must outlive it. Returns before the warm-up is done.
  static Result<std::unique_ptr<TextEngine>> start(inference::ForwardModel& model,
                                                   const text::Tokenizer& tokenizer,
                                                   const Clock& clock, EngineOptions options);
  /// Ends what runs as cancelled and joins the thread.
  ~TextEngine();

  /// KV and work space are reserved and each shape of kernel ran once (or warm-up is off).
  bool ready() const;

  using RequestNumber = std::uint64_t;
  /// `on_event` is called on the engine's thread, in order, and must not block or call back; after
  /// the event with `last` never again. Errors, before anything is called: invalid_argument naming
  /// the field (`prompt` empty, a token past the vocabulary, prompt + max_tokens over the context
  /// with the counts, a sampling value, an adapter that the model has not), too_large (a request
  /// that could never fit into KV memory), exhausted (the queue is full).
  Result<RequestNumber> generate(GenerationRequest request,
                                 std::function<void(const GenerationEvent&)> on_event);
  /// The answer ends with `cancelled` within a step; unknown numbers are ignored.
  void cancel(RequestNumber request);

  /// Mean over the tokens of the last hidden states, scaled to length 1. on_done once.
  Result<RequestNumber> embed(std::vector<text::TokenId> prompt,
                              std::function<void(Result<std::vector<float>>)> on_done);

  /// Requests that wait or run end now, with `cancelled`.
  void cancel_all();

  /// Since start; the names are vLLM's where it has one.
  struct Histogram {
    std::vector<double> bounds;         // upper, ascending; one more bucket above
    std::vector<std::uint64_t> counts;  // of each bucket
    double sum = 0;
    std::uint64_t count = 0;
  };
  struct Metrics {
    std::uint64_t requests_running = 0, requests_waiting = 0, sequences_running = 0;
    double kv_cache_usage_ratio = 0;
    std::uint64_t prefix_cache_queries = 0, prefix_cache_hits = 0;  // tokens
    std::uint64_t prompt_tokens = 0, generation_tokens = 0;
    std::uint64_t preemptions = 0;
    std::uint64_t drafted_tokens = 0, accepted_tokens = 0;
    std::vector<std::pair<std::string, std::uint64_t>> finished;  // by reason
    Histogram time_to_first_token_s, inter_token_latency_s, e2e_latency_s, queue_time_s,
        prefill_time_s, decode_time_s, prompt_length, generation_length, step_rows, batch_size;
    double tokens_per_s = 0;  // generated, over the last ten whole seconds, or those since start
  };
  Metrics metrics() const;
  /// Counters and histograms begin anew; waits for the step that runs, if any. Not to be called
  /// from a callback of the engine, which would wait for itself.
  void forget_metrics();

 private:
  struct Impl;
  explicit TextEngine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace galley::serving
