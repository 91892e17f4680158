#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/device.h"
#include "tensor/forward_kernels.h"
#include "tensor/thread_pool.h"

namespace galley::tensor {

/// cos and sin of the rows of a step, which all heads and layers share: made anew only when rows,
/// positions or frequencies differ from the last call's. Angles are computed in double.
class RotationTable {
 public:
  /// Afterwards steps of so many rows allocate nothing.
  void reserve(std::size_t rows);
  void prepare(const Rope& rope, std::span<const StepSequence> sequences, ThreadPool& pool);
  /// Of a row of the step.
  Rotation at(std::size_t row) const;

 private:
  struct Span {
    std::uint32_t first_row;
    std::uint32_t row_count;
    std::uint32_t first_position;
    bool operator==(const Span&) const = default;
  };
  bool is_of(const Rope& rope, std::span<const StepSequence> sequences) const;

  std::vector<Span> spans_;
  std::vector<float> frequencies_;
  std::size_t rotated_dim_ = 0;
  bool adjacent_pairs_ = false;
  float scale_ = 1;
  std::vector<float> table_;  // [rows][rotated_dim]: cosines, then sines
};

}  // namespace galley::tensor
