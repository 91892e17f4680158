#include "sobol.h"

#include <array>
#include <bit>

#include "hpo/random.h"

namespace galley::hpo {
namespace {

struct SobolAxis {
  int degree;
  std::uint32_t polynomial;  // its inner coefficients
  std::array<std::uint32_t, 8> first;
};

/// Axes 2 to 32 (the first needs none): S. Joe and F. Y. Kuo, "Constructing Sobol sequences with
/// better two-dimensional projections", SIAM J. Sci. Comput. 30 (2008), file new-joe-kuo-6.
// clang-format off
constexpr SobolAxis kSobolAxes[] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
    {7, 7, {1, 1, 3, 13, 7, 35, 63}},
    {7, 8, {1, 3, 5, 9, 1, 25, 53}},
    {7, 14, {1, 3, 1, 13, 9, 35, 107}},
    {7, 19, {1, 3, 1, 5, 27, 61, 31}},
    {7, 21, {1, 1, 5, 11, 19, 41, 61}},
    {7, 28, {1, 3, 5, 3, 3, 13, 69}},
    {7, 31, {1, 1, 7, 13, 1, 19, 1}},
    {7, 32, {1, 3, 7, 5, 13, 19, 59}},
    {7, 37, {1, 1, 3, 9, 25, 29, 41}},
    {7, 41, {1, 3, 5, 13, 23, 1, 55}},
    {7, 42, {1, 3, 7, 3, 13, 59, 17}}};
// clang-format on

constexpr std::size_t kKnownAxes = std::size(kSobolAxes) + 1;

}  // namespace

Sobol::Sobol(std::size_t dims, std::uint64_t seed) : dims_(dims), seed_(seed) {
  Rng rng(seed, 0x50B01);
  for (std::size_t axis = 0; axis < dims && axis < kKnownAxes; ++axis) {
    std::array<std::uint32_t, kBits> column{};
    if (axis == 0) {
      for (int bit = 0; bit < kBits; ++bit)
        column[static_cast<std::size_t>(bit)] = 1U << (31 - bit);
    } else {
      const SobolAxis& known = kSobolAxes[axis - 1];
      const auto degree = static_cast<std::size_t>(known.degree);
      for (std::size_t bit = 0; bit < kBits; ++bit) {
        if (bit < degree) {
          column[bit] = known.first[bit] << (31 - bit);
          continue;
        }
        column[bit] = column[bit - degree] ^ (column[bit - degree] >> degree);
        for (std::size_t k = 1; k < degree; ++k)
          if (((known.polynomial >> (degree - 1 - k)) & 1U) != 0) column[bit] ^= column[bit - k];
      }
    }
    // A random lower triangular matrix with ones on the diagonal, applied to every column.
    std::array<std::uint32_t, kBits> rows{};
    for (int bit = 0; bit < kBits; ++bit) {
      const std::uint32_t above = bit == 0 ? 0 : ~((1U << (32 - bit)) - 1);
      rows[static_cast<std::size_t>(bit)] =
          (static_cast<std::uint32_t>(rng.next()) & above) | (1U << (31 - bit));
    }
    for (const std::uint32_t word : column) {
      std::uint32_t scrambled = 0;
      for (int bit = 0; bit < kBits; ++bit)
        if ((std::popcount(rows[static_cast<std::size_t>(bit)] & word) & 1) != 0)
          scrambled |= 1U << (31 - bit);
      columns_.push_back(scrambled);
    }
    shifts_.push_back(static_cast<std::uint32_t>(rng.next()));
  }
}

std::vector<double> Sobol::point(std::uint64_t index) const {
  std::vector<double> result(dims_);
  Rng rng(seed_, index ^ 0x50B010000);
  const auto gray = static_cast<std::uint32_t>(index ^ (index >> 1U));
  for (std::size_t axis = 0; axis < dims_; ++axis) {
    if (axis >= kKnownAxes) {
      result[axis] = rng.uniform();
      continue;
    }
    std::uint32_t word = shifts_[axis];
    for (std::size_t bit = 0; bit < kBits; ++bit)
      if (((gray >> bit) & 1U) != 0) word ^= columns_[axis * kBits + bit];
    result[axis] = (static_cast<double>(word) + 0.5) * 0x1.0p-32;
  }
  return result;
}

Point spread_point(const Space& space, const Sobol& sobol, std::uint64_t index, Rng& rng) {
  const auto unit = sobol.point(index);
  Point point(space.size());
  for (std::size_t i = 0; i < point.size(); ++i) point[i] = space.from_unit(i, unit[i]);
  space.repair(point, rng);
  return point;
}

}  // namespace galley::hpo
