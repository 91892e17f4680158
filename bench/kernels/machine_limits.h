#pragma once

#include <cstddef>
#include <span>

#include "crew.h"

namespace galley::bench {

/// What this machine can do at most with all threads of a crew; 0 where it lacks the instructions.
struct MachineLimits {
  double read_gb_s = 0;  // of the fastest piece
  double f32_avx2_gop_s = 0;
  double f32_avx512_gop_s = 0;
  double int8_vnni_gop_s = 0;
  double bf16_avx512_gop_s = 0;
  double int8_amx_gop_s = 0;
  double bf16_amx_gop_s = 0;
};

/// `memory` is read, `piece_bytes` by each thread in each run; it should be larger than all caches
/// and resident. Moments when other programs leave memory alone are short: the fastest of small
/// pieces is a peak, that of each thread's share of all what a model's weights could be read at for
/// each token. `has_tiles`: AMX is there and this process may use it. Takes about half a second.
MachineLimits measure_limits(Crew& crew, std::span<const std::byte> memory, std::size_t piece_bytes,
                             bool has_tiles);

}  // namespace galley::bench
