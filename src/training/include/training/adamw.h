#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "training/decoder_layout.h"

namespace galley::training {

/// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) over the one array of a decoder.
class AdamW {
 public:
  struct Options {
    float beta1 = 0.9F;
    float beta2 = 0.98F;  // short memory: a training of minutes has a few thousand steps
    float epsilon = 1e-8F;
    float weight_decay = 0.1F;
    float clip = 1.0F;  // the gradient's norm is cut to this
  };
  struct State {
    std::vector<float> mean;    // of the gradients
    std::vector<float> square;  // of their squares
    std::int64_t steps = 0;
  };

  AdamW(const DecoderLayout& layout, const Options& options);

  /// One step. `gradient` is scaled by the clipping. Returns its norm before that; when it is not
  /// finite nothing changes. Runs on `threads` threads; the result does not depend on how many.
  double step(std::span<float> parameters, std::span<const float> gradient, double rate,
              std::uint32_t threads);

  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }

 private:
  struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool decays = false;
  };

  Options options_;
  std::vector<Part> parts_;  // small pieces, shared out over the threads
  State state_;
};

}  // namespace galley::training
