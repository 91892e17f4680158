#include "rotation_table.h"

#include <algorithm>
#include <cmath>

namespace galley::tensor {

void RotationTable::reserve(std::size_t rows) {
  spans_.reserve(rows);
  frequencies_.reserve(kMaxHeadDim / 2);
  table_.reserve(rows * kMaxHeadDim);
}

bool RotationTable::is_of(const Rope& rope, std::span<const StepSequence> sequences) const {
  return rope.rotated_dim == rotated_dim_ && rope.adjacent_pairs == adjacent_pairs_ &&
         rope.attention_scale == scale_ &&
         std::ranges::equal(rope.inverse_frequencies, frequencies_) &&
         std::ranges::equal(sequences, spans_, [](const StepSequence& a, const Span& b) {
           return Span{a.first_row, a.row_count, a.first_position} == b;
         });
}

void RotationTable::prepare(const Rope& rope, std::span<const StepSequence> sequences,
                            ThreadPool& pool) {
  if (is_of(rope, sequences)) return;
  const std::size_t pairs = rope.rotated_dim / 2;
  GALLEY_CHECK(rope.inverse_frequencies.size() == pairs, "a frequency for each rotated pair");
  rotated_dim_ = rope.rotated_dim;
  adjacent_pairs_ = rope.adjacent_pairs;
  scale_ = rope.attention_scale;
  frequencies_.assign(rope.inverse_frequencies.begin(), rope.inverse_frequencies.end());
  spans_.clear();
  std::size_t rows = 0;
  for (const StepSequence& sequence : sequences) {
    spans_.push_back({sequence.first_row, sequence.row_count, sequence.first_position});
    rows = std::max<std::size_t>(rows, sequence.first_row + sequence.row_count);
  }
  table_.resize(rows * rotated_dim_);
  if (rotated_dim_ == 0) return;
  pool.run(spans_.size(), [&](std::size_t index, std::uint32_t) {
    const Span& span = spans_[index];
    for (std::uint32_t i = 0; i < span.row_count; ++i) {
      float* cosines = table_.data() + (span.first_row + i) * rotated_dim_;
      const double position = span.first_position + i;
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        const double angle = position * double{frequencies_[pair]};
        cosines[pair] = static_cast<float>(std::cos(angle) * double{scale_});
        cosines[pairs + pair] = static_cast<float>(std::sin(angle) * double{scale_});
      }
    }
  });
}

Rotation RotationTable::at(std::size_t row) const {
  const float* cosines = table_.data() + row * rotated_dim_;
  return {rotated_dim_, adjacent_pairs_, cosines, cosines + rotated_dim_ / 2};
}

}  // namespace galley::tensor
