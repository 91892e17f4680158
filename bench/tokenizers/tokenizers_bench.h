#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct TokenizersBenchOptions {
  std::filesystem::path data;  // vocabularies with expected ids: see data/tokenizers/README.md
  std::filesystem::path text;  // *.txt and *.txt.zst to measure the speed on
  std::int64_t rounds = 3;
};

/// `galley bench tokenizers`: ids of every text with every vocabulary of a folder, and how fast
/// real text is encoded on one core. Progress goes to stderr, as do the texts that are wrong.
///
/// Figures: cases, wrong, vocabularies, mb_per_s (all texts with all vocabularies, bytes over CPU
/// seconds of the best round; 10^6 bytes), slowest_mb_per_s, and mb_per_s_VOCABULARY_TEXT for each.
/// Without a text the cases' own are repeated. Errors: those of read_tokenizer_vectors.
Result<BenchReport> run_tokenizers_bench(const TokenizersBenchOptions& options);

}  // namespace galley::bench
