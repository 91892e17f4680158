#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "text/tokenizer.h"
#include "training/decoder_layout.h"

/// Windows of tokens, one after the other: rows of length + 1 ids, of which the last `length` are
/// what should follow the first `length`.
struct TokenBatch {
  std::vector<std::int64_t> ids;  // as libtorch wants them
  std::int64_t rows = 0;
  std::int64_t length = 0;

  void add(std::span<const galley::text::TokenId> window);
};

/// One worker's forward and backward pass of a decoder on libtorch, over parameters that all
/// workers share and a gradient of its own. Each call uses one core, the calling thread's: two
/// workers on two cores are faster than one whose operations are split over both. One thread at a
/// time.
class DecoderWorker {
 public:
  /// Views both arrays, each layout.size() long, which must outlive it.
  DecoderWorker(const galley::training::DecoderLayout& layout, std::span<float> parameters,
                std::span<float> gradient, double dropout);
  ~DecoderWorker();
  DecoderWorker(DecoderWorker&&) noexcept;

  /// Mean loss over the batch, in nats a token, and its gradient. `seed` is that of the dropout.
  double learn(const TokenBatch& batch, std::uint64_t seed);
  /// Sum of the losses of the tokens from `first` on in every row.
  double loss_sum(const TokenBatch& batch, std::int64_t first);
  /// [tokens, vocabulary]: what should follow each.
  std::vector<float> logits(std::span<const galley::text::TokenId> tokens);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
