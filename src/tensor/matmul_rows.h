// Rows of an input cut into tiles.
#pragma once

#include <cstddef>
#include <utility>

namespace galley::tensor {
namespace {

/// Calls tile<n>() with tiles of at most kMost rows, as few and as even as can be.
template <std::size_t kMost, class Tile>
void split_rows(std::size_t count, Tile tile) {
  while (count > 0) {
    const std::size_t tiles = (count + kMost - 1) / kMost;
    const std::size_t rows = (count + tiles - 1) / tiles;
    [&]<std::size_t... kLess>(std::index_sequence<kLess...>) {
      (void)((rows == kLess + 1 ? (tile.template operator()<kLess + 1>(), true) : false) || ...);
    }(std::make_index_sequence<kMost>());
    count -= rows;
  }
}

}  // namespace
}  // namespace galley::tensor
