#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "inference/model_file.h"

enum class EagerType { f32, bf16 };

/// A decoder of the Llama family as libtorch runs it operation by operation, with keys and values
/// kept between calls: what the engine is compared with, in speed and in logits.
///
/// Made as fast as that allows without leaving the framework: q, k and v in one product, gate and
/// up in another, cache and masks laid out beforehand, logits of the last token only.
class EagerDecoder {
 public:
  /// Copies the weights. Errors: unsupported (another family, biases, quantised weights), naming
  /// what it is; these comparisons are of equal weights.
  static galley::Result<EagerDecoder> load(const galley::inference::ModelFile& file, EagerType type,
                                           std::int64_t batch, std::int64_t context, int threads);
  ~EagerDecoder();
  EagerDecoder(EagerDecoder&&) noexcept;

  /// Runs `rows` equally long sequences from where the cache ends; ids is [rows, tokens]. Answers
  /// the logits of the last token of each row, or of all: [rows, 1 or tokens, vocabulary] in f32.
  std::vector<float> forward(const std::vector<std::int64_t>& ids, bool all_logits);
  /// The same, but answers only the most probable next token of each row.
  std::vector<std::int64_t> next_tokens(const std::vector<std::int64_t>& ids);
  /// Forgets what is in the cache.
  void clear();

 private:
  struct Impl;
  explicit EagerDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};
