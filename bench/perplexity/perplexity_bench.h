#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct PerplexityBenchOptions {
  std::filesystem::path model;  // best in f32: what the others are compared with
  std::filesystem::path text;   // a file or a folder of *.txt and *.txt.zst
  std::uint32_t threads = 0;
};

/// `galley bench perplexity`: the model as it is, with f32 activations, beside its weights rounded
/// to each format with the activations that serve it. Measured on the last twentieth of each text's
/// lines, which `galley-train lm` never trains on. Progress goes to stderr.
///
/// Figures: tokens; nats_per_token and perplexity of the reference; for each format
/// nats_per_token_FORMAT and perplexity_loss_FORMAT, perplexity over the reference's minus 1.
/// Errors: those of measure_nats, quantize and read_language_text.
Result<BenchReport> run_perplexity_bench(const PerplexityBenchOptions& options);

}  // namespace galley::bench
