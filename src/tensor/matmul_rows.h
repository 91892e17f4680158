// Rows of an input cut into tiles.
#pragma once

#include <cstddef>

namespace galley::tensor {
namespace {

/// Calls tile<n>() with tiles of at most kMost rows, as few and as even as can be.
template <std::size_t kMost, class Tile>
void split_rows(std::size_t count, Tile tile) {
  static_assert(kMost <= 8);
  while (count > 0) {
    const std::size_t tiles = (count + kMost - 1) / kMost;
    const std::size_t rows = (count + tiles - 1) / tiles;
    const auto take = [&]<std::size_t kRows>() {
      if constexpr (kRows <= kMost) {
        if (rows == kRows) tile.template operator()<kRows>();
      }
    };
    take.template operator()<8>();
    take.template operator()<7>();
    take.template operator()<6>();
    take.template operator()<5>();
    take.template operator()<4>();
    take.template operator()<3>();
    take.template operator()<2>();
    take.template operator()<1>();
    count -= rows;
  }
}

}  // namespace
}  // namespace galley::tensor
