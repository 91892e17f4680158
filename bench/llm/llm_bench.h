#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct LlmBenchOptions {
  std::filesystem::path programs;  // the folder of galley
  std::filesystem::path model;     // a GGUF file or a Hugging Face folder
  std::uint32_t threads = 0;       // 0: the processors that this process may use
  std::int64_t rounds = 3;
  std::filesystem::path peer;  // a folder with llama.cpp's benchmark programs; empty: no peer
};

/// `galley bench llm`: the engine alone on one model, in rounds; with --peer, llama.cpp on the same
/// file in the same rounds, in turn.
///
/// Figures (medians over the rounds): prefill_512_tok_s, decode_tok_s (one sequence from an empty
/// context), batch16_tok_s (16 sequences behind prompts of 128 tokens); read_gb_s (512 MiB in huge
/// pages read once) and int8_gop_s, the machine's limits in the same rounds; bandwidth_fraction
/// (weights and KV that a decoded token needs, as bytes of the file, by the former),
/// prefill_roof_fraction (two operations a weight of the layers, by the latter; by f32 products for
/// weights without blocks); rss_ratio (resident memory of `galley serve` by file and KV in use),
/// first_token_s (from its start). Peer llama.cpp: the same three speeds, and ours over its as
/// prefill_ratio, decode_ratio, batch16_ratio.
/// Errors: those of the model file; invalid_argument (no model); those of the peer's programs.
Result<BenchReport> run_llm_bench(const LlmBenchOptions& options);

}  // namespace galley::bench
