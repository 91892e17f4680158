#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decoder.h"
#include "training/decoder_layout.h"
#include "training/token_windows.h"

/// All workers of a training: the parameters that they share, a gradient for each. Given the same
/// calls and number of threads it computes the same bits. One thread calls.
class LmWorkers {
 public:
  LmWorkers(const galley::training::DecoderLayout& layout, std::vector<float> parameters,
            std::uint32_t threads, double dropout);

  /// Mean loss of the next `batch` windows; their mean gradient is in gradient() afterwards.
  double learn(galley::training::TokenWindows& windows, std::uint32_t batch, std::uint64_t seed);

  /// Nats and tokens of a stream that has not been trained on.
  struct Measured {
    double nats = 0;
    std::int64_t tokens = 0;
    double mean() const { return nats / static_cast<double>(tokens); }
  };
  /// Every token but the first is predicted once, from at least half a context where the stream has
  /// so many before it. Streams shorter than a context are measured whole.
  Measured measure(std::span<const galley::text::TokenId> stream);

  std::span<float> parameters() { return parameters_; }
  std::span<const float> parameters() const { return parameters_; }
  std::span<const float> gradient() const { return gradients_.front(); }
  std::uint32_t threads() const { return static_cast<std::uint32_t>(workers_.size()); }

 private:
  std::size_t context_;
  std::vector<float> parameters_;
  std::vector<std::vector<float>> gradients_;
  std::vector<DecoderWorker> workers_;
};
