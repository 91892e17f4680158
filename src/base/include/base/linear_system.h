#pragma once

#include <array>
#include <cstddef>

namespace galley {

/// The solution of a small linear system with a symmetric positive definite matrix (a ridge makes
/// any matrix of squares so), by elimination without pivoting. Pure; O(N^3).
template <std::size_t N>
std::array<double, N> solve_positive_definite(std::array<std::array<double, N>, N> matrix,
                                              std::array<double, N> right) {
  for (std::size_t pivot = 0; pivot < N; ++pivot)
    for (std::size_t row = pivot + 1; row < N; ++row) {
      const double factor = matrix[row][pivot] / matrix[pivot][pivot];
      for (std::size_t column = pivot; column < N; ++column)
        matrix[row][column] -= factor * matrix[pivot][column];
      right[row] -= factor * right[pivot];
    }
  for (std::size_t row = N; row-- > 0;) {
    for (std::size_t column = row + 1; column < N; ++column)
      right[row] -= matrix[row][column] * right[column];
    right[row] /= matrix[row][row];
  }
  return right;
}

}  // namespace galley
