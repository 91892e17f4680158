#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct LlmServerBenchOptions {
  std::filesystem::path programs;  // the folder of galley
  std::string target;              // "http://127.0.0.1:8080"; or
  std::filesystem::path model;     // a model that a `galley serve` of our own serves
  std::uint32_t threads = 0;       // of that server; 0: all processors
  std::string api_key;
  std::int64_t clients = 16;
  std::int64_t requests = 64;
  std::int64_t prompt_words = 96;
  std::int64_t max_tokens = 64;
  std::int64_t shared_prefix = 0;  // words that every prompt begins with
  bool mixed = true;               // lengths log-uniform in [1/8, 2] of those above; else all alike
  bool busy = false;  // a loop beside server and clients takes what it gets of the processors
  std::uint64_t seed = 1;
};

/// `galley bench llm-server`: streams completions from any server with OpenAI's API, as many at a
/// time as there are clients (closed loop). Prompts and lengths depend on the seed alone, so two
/// servers get the same work. Clients share the machine with the server and are not subtracted.
///
/// Figures: gen_tok_s and total_tok_s (with prompt tokens) over the whole run; ttft_p50_ms,
/// ttft_p90_ms, itl_p50_ms, itl_p99_ms; requests, errors, seconds, cached_prompt_tokens,
/// client_cpu_s. Tokens are those of the server's own usage, where it tells it.
/// Errors: invalid_argument (no target and no model), unavailable (nobody answers, or every request
/// failed: the first reason).
Result<BenchReport> run_llm_server_bench(const LlmServerBenchOptions& options);

}  // namespace galley::bench
