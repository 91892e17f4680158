#pragma once

#include <cstdint>

#include "base/result.h"
#include "report.h"

namespace galley::bench {

struct KernelsBenchOptions {
  std::uint32_t threads = 0;  // 0: the processors that this process may use
};

/// `galley bench kernels`: products of packed weights with 2048 columns and 1, 4, 16, 64 and 512
/// input rows, every format, every table of kernels that this machine can run; each thread has its
/// own share of the outputs. Shortest of many short runs, since other programs may share the
/// machine.
///
/// Figures: TABLE_FORMAT_INPUT_mROWS_ and gb_s (bytes of the weights as the file has them, by the
/// time), gop_s (two for each weight and row), bandwidth_fraction and roof_fraction (of the limits
/// below; operations are compared with what the best instructions of that table could do).
/// Limits, measured in the same run: limit_read_gb_s, limit_f32_gop_s, limit_int8_gop_s,
/// limit_int8_vnni_gop_s, limit_bf16_gop_s; 0 where the machine has no such instructions. Weights
/// of one row come from memory: 192 MB of them go by before any is read again.
Result<BenchReport> run_kernels_bench(const KernelsBenchOptions& options);

}  // namespace galley::bench
