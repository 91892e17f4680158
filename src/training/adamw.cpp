#include "training/adamw.h"

#include <algorithm>
#include <cmath>

#include "workers.h"

namespace galley::training {
namespace {

/// Floats a thread takes at a time: the five arrays of a piece fit the second-level cache.
constexpr std::size_t kPiece = 16'384;

struct Factors {
  float mean_keep, mean_add, square_keep, square_add;
  float mean_scale, square_scale;  // corrections of the bias towards zero of the first steps
  float gradient_scale;
  float rate, decay, epsilon;
};

/// Separate from step() so that the compiler sees plain arrays that it can vectorise.
void update(std::size_t count, const Factors& f, float* __restrict parameters,
            const float* __restrict gradient, float* __restrict mean, float* __restrict square) {
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient[i] * f.gradient_scale;
    mean[i] = f.mean_keep * mean[i] + f.mean_add * g;
    square[i] = f.square_keep * square[i] + f.square_add * g * g;
    const float move = mean[i] * f.mean_scale / (std::sqrt(square[i] * f.square_scale) + f.epsilon);
    parameters[i] -= f.rate * move + f.decay * parameters[i];
  }
}

double norm_of(std::span<const float> gradient) {
  double total = 0;
  for (std::size_t at = 0; at < gradient.size(); at += kPiece) {
    const std::size_t end = std::min(at + kPiece, gradient.size());
    // Eight sums side by side: what one sum would do to speed, and in f32 to precision.
    float sums[8] = {};
    std::size_t i = at;
    for (; i + 8 <= end; i += 8)
      for (std::size_t lane = 0; lane < 8; ++lane)
        sums[lane] += gradient[i + lane] * gradient[i + lane];
    for (; i < end; ++i) sums[0] += gradient[i] * gradient[i];
    for (const float sum : sums) total += static_cast<double>(sum);
  }
  return std::sqrt(total);
}

}  // namespace

AdamW::AdamW(const DecoderLayout& layout, const Options& options) : options_(options) {
  state_.mean.resize(layout.size());
  state_.square.resize(layout.size());
  for (const ParameterSlot& slot : layout.slots())
    for (std::size_t at = 0; at < slot.count; at += kPiece)
      parts_.push_back(
          {slot.offset + at, slot.offset + std::min(at + kPiece, slot.count), slot.decays});
}

double AdamW::step(std::span<float> parameters, std::span<const float> gradient, double rate,
                   std::uint32_t threads) {
  const double norm = norm_of(gradient);
  if (!std::isfinite(norm)) return norm;
  ++state_.steps;
  const auto steps = static_cast<float>(state_.steps);
  const double clip = static_cast<double>(options_.clip);
  const Factors decaying{
      .mean_keep = options_.beta1,
      .mean_add = 1 - options_.beta1,
      .square_keep = options_.beta2,
      .square_add = 1 - options_.beta2,
      .mean_scale = 1 / (1 - std::pow(options_.beta1, steps)),
      .square_scale = 1 / (1 - std::pow(options_.beta2, steps)),
      .gradient_scale = norm > clip ? static_cast<float>(clip / norm) : 1.0F,
      .rate = static_cast<float>(rate),
      .decay = static_cast<float>(rate) * options_.weight_decay,
      .epsilon = options_.epsilon,
  };
  Factors plain = decaying;
  plain.decay = 0;
  ChunkCounter counter(parts_.size(), 1);
  run_workers(threads, [&](std::uint32_t) {
    ChunkCounter::Chunk chunk;
    while (counter.next(chunk)) {
      const Part& part = parts_[chunk.begin];
      update(part.end - part.begin, part.decays ? decaying : plain, parameters.data() + part.begin,
             gradient.data() + part.begin, state_.mean.data() + part.begin,
             state_.square.data() + part.begin);
    }
  });
  return norm;
}

}  // namespace galley::training
