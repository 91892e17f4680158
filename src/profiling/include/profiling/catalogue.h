#pragma once

#include <span>
#include <string_view>

/// Which experiments a study has and what each one's table holds. Who measures fills these columns,
/// who reads may rely on them; a profile of an older version may lack some.
///
/// Common meanings: latency_ms from sending a request to its last token; first_token_ms to its
/// first; batch: requests that run at once; memory bytes are of keys and values in use unless
/// resident_bytes says otherwise; refused: how much was needed and what would fit, in words.
namespace galley::profiling {

struct ExperimentKind {
  std::string_view id;
  std::string_view title;
  std::span<const std::string_view> columns;
};

namespace columns {
// One row a request, one after another at batch 1.
inline constexpr std::string_view kRequests[] = {
    "request",        "prompt_tokens", "output_tokens",
    "first_token_ms", "latency_ms",    "finish",  // "stop", "eos", "length"
    "kv_bytes",       "resident_bytes"};
// One row a batch of equal requests.
inline constexpr std::string_view kBatches[] = {"batch",         "repetition",     "prompt_tokens",
                                                "output_tokens", "first_token_ms", "latency_ms",
                                                "kv_bytes",      "resident_bytes", "refused"};
inline constexpr std::string_view kLength[] = {
    "repetition",    "words",         "ignore_eos",  // 0 or 1
    "prompt_tokens", "output_tokens", "latency_ms"};
inline constexpr std::string_view kBudget[] = {"budget_bytes", "batch",      "prompt_tokens",
                                               "needed_bytes", "latency_ms", "refused"};
inline constexpr std::string_view kBatching[] = {
    "policy",  // "static", "length_sorted", "continuous"
    "batch",          "repetition",    "requests",      "seconds",
    "output_tokens",  "tokens_per_s",  "wasted_tokens",  // computed past a row's own end
    "p50_latency_ms", "p99_latency_ms"};
inline constexpr std::string_view kWarmUp[] = {"warm_up",  // 0 or 1
                                               "request", "first_token_ms", "latency_ms"};
// The same work under several settings; setting is "avx2", "4", "q4_0", "off", "34M".
inline constexpr std::string_view kSettings[] = {
    "setting",      "repetition", "parameters",     "weight_bytes",  "prompt_tok_s",
    "decode_tok_s", "latency_ms", "resident_bytes", "nats_per_token"};
// How outputs under a setting differ from those under the reference one.
inline constexpr std::string_view kDifferences[] = {
    "what",  // "batch", "kernel", "format"
    "setting", "reference", "outputs", "different", "nats_per_token", "reference_nats_per_token",
    // Standard error of the mean difference, token by token on the same text: without it nobody can
    // say whether quality differs.
    "nats_error"};
// Of two or more models on an evaluation set: a row each question.
inline constexpr std::string_view kQuality[] = {"model",      "question",      "correct",  // 0 or 1
                                                "latency_ms", "output_tokens", "peak_bytes"};
// How fast the machine itself was, looked at between measurements.
inline constexpr std::string_view kMachine[] = {"during",  // the experiment
                                                "at_s", "beat_ms", "waited_share",
                                                "any_waited_share"};
// Users that ask again as soon as they are answered.
inline constexpr std::string_view kCapacity[] = {
    "users", "repetition", "requests", "tokens_per_s", "p50_latency_ms", "p99_latency_ms"};
}  // namespace columns

inline constexpr ExperimentKind kExperiments[] = {
    {"narrow", "Short answers to prompts of one length", columns::kRequests},
    {"wide-greedy", "Answers to prompts of many lengths, greedy", columns::kRequests},
    {"wide-sampled", "Answers to prompts of many lengths, sampled", columns::kRequests},
    {"one-shot", "Batches of short prompts with long answers", columns::kBatches},
    {"few-shot", "Batches of long prompts with short answers", columns::kBatches},
    {"length", "Answers of 8 to 1,024 words", columns::kLength},
    {"budget", "What fits into a memory budget", columns::kBudget},
    {"batching", "Static, length-sorted and continuous batches", columns::kBatching},
    {"warm-up", "The first requests, with and without warm-up", columns::kWarmUp},
    {"doubled", "The model, half and twice as large", columns::kSettings},
    {"instruction-sets", "Instruction sets", columns::kSettings},
    {"threads", "Threads", columns::kSettings},
    {"formats", "Formats of the weights", columns::kSettings},
    {"cache", "With and without the cache of keys and values", columns::kSettings},
    {"training-framework", "The engine against libtorch", columns::kSettings},
    {"differences", "Whether outputs differ, and whether quality does", columns::kDifferences},
    {"quality", "Answers to an evaluation set", columns::kQuality},
    {"capacity", "Users at once", columns::kCapacity},
    {"machine", "How steady the machine was", columns::kMachine},
};

}  // namespace galley::profiling
