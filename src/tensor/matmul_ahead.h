// Memory asked for before it is needed.
#pragma once

#include "panel_layout.h"

namespace galley::tensor {
namespace {

using std::size_t;
using std::uint8_t;

/// Asks for a line of memory in the L2 cache. g++ 12 drops __builtin_prefetch where a loop holds
/// nothing else, hence the instruction itself.
inline void fetch_line(const uint8_t* p) {
#if defined(__x86_64__)
  __asm__ volatile("prefetcht1 %0" : : "m"(*p));
#else
  __builtin_prefetch(p, 0, 2);
#endif
}

/// Asks for a line in the L1 cache.
inline void fetch_near(const uint8_t* p) {
#if defined(__x86_64__)
  __asm__ volatile("prefetcht0 %0" : : "m"(*p));
#else
  __builtin_prefetch(p, 0, 3);
#endif
}

/// The packed bytes that the thread unpacks next, fetched bit by bit by the tiles of all rows, so
/// that memory works while they are multiplied: 16 rows are a third to a half faster for it, and
/// slower again when the first tile fetches all of it (`galley bench kernels`).
struct Ahead {
  const uint8_t* panels[kPanelStep];
  size_t unit_bytes;  // of a panel
  size_t begin = 0;   // of each unit's bytes, what the present tile fetches
  size_t end = 0;

  /// The next tile's share: it has rows [first, last) of `all`.
  void take(size_t first, size_t last, size_t all) {
    const auto line = [&](size_t row) {
      return row == all ? unit_bytes : unit_bytes * row / all / 64 * 64;
    };
    begin = line(first);
    end = line(last);
  }
  template <class V>
  void fetch(size_t unit) const {
    for (size_t i = begin; i < end; i += 64)
      for (size_t p = 0; p < V::kPanels; ++p) fetch_line(panels[p] + unit * unit_bytes + i);
  }
};

}  // namespace
}  // namespace galley::tensor
