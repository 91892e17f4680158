#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct LlmVsTorchOptions {
  std::filesystem::path programs;  // where galley-train-torch stands
  /// A GGUF file or Hugging Face folder in f32, f16 or bf16, of the Llama family; empty: random
  /// weights of 125 million parameters in bf16.
  std::filesystem::path model;
  std::uint32_t threads = 0;  // 0: every core
  std::int64_t rounds = 3;
};

/// `galley bench llm-vs-torch`: greedy generation of 64 tokens from prompts of 128 by our engine
/// and by libtorch's eager operations in f32 and in bf16, on the same weights and threads, one
/// after the other in each round; one sequence, and eight at once. Progress goes to stderr.
///
/// Figures, medians over the rounds, tokens of all sequences: ours_tok_s (generated ones over the
/// whole time, prompt included), torch_f32_tok_s, torch_bf16_tok_s, ours_q8_0_tok_s (the same
/// weights as 8-bit blocks), each also with _batch8; and for each pair of those endings
/// prefill_ratio and decode_ratio (ours to the better of the peer's). ratio is the smaller of the
/// two batches' ours_tok_s to the better of the peer's, ratio_q8_0 that of the 8-bit weights.
/// Errors: those of generate_with_torch and generate_with_engine.
Result<BenchReport> run_llm_vs_torch_bench(const LlmVsTorchOptions& options);

}  // namespace galley::bench
