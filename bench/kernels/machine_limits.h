#pragma once

#include <cstddef>
#include <span>

#include "crew.h"

namespace galley::bench {

/// What this machine can do at most with all threads of a crew; 0 where it lacks the instructions.
struct MachineLimits {
  double read_gb_s = 0;  // of memory far larger than the caches
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

}  // namespace galley::bench
