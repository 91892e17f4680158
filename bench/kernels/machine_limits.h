#pragma once

#include <cstddef>
#include <span>

#include "crew.h"

namespace galley::bench {

/// What this machine can do at most with all threads of a crew; 0 where it lacks the instructions.
struct MachineLimits {
  double read_gb_s = 0;  // of the fastest four mebibytes a thread
  double f32_avx2_gop_s = 0;
  double f32_avx512_gop_s = 0;
  double int8_vnni_gop_s = 0;
  double bf16_avx512_gop_s = 0;
  double int8_amx_gop_s = 0;
  double bf16_amx_gop_s = 0;
};

/// `memory` is read; it should be larger than all caches and resident. `has_tiles`: AMX is there
/// and this process may use it. Takes about half a second.
MachineLimits measure_limits(Crew& crew, std::span<const std::byte> memory, bool has_tiles);

/// All of `memory` read once, each thread a share of its own: what reading a model's weights for
/// each token could come to, since moments when other programs leave memory alone are short. The
/// fastest of at least three passes.
double sustained_read_gb_s(Crew& crew, std::span<const std::byte> memory);

}  // namespace galley::bench
