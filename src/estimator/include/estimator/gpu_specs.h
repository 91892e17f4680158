#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::estimator {

/// In what numbers a job computes. On cards with tensor cores, frameworks run "fp32" matrix
/// products as tf32 unless they are told not to; fp32 here is what is left when they are.
enum class Precision { fp32, tf32, fp16, bf16, fp8 };

std::string_view to_string(Precision precision);
/// Accepts "amp", "mixed" and "half" for fp16. Errors: invalid_argument with the accepted names.
Result<Precision> parse_precision(std::string_view text);

/// One accelerator as its data sheet describes it: dense peaks, without sparsity. Of boards with
/// several dies (K80, M60, MI250) this is one die, which is what programs see as a device.
struct GpuSpec {
  std::string name;
  double fp32_tflops = 0;     // vector units; matrix units where they take fp32 (AMD)
  double tf32_tflops = 0;     // equal to fp32 where there is no such mode
  double fp16_tflops = 0;     // with fp32 accumulation; equal to fp32 where half is not faster
  double memory_gb = 0;       // 10^9 bytes, as sold
  double bandwidth_gbps = 0;  // GB/s of device memory
  double link_gbps = 0;   // GB/s to its peers in the node, all links, both directions; 0: only PCIe
  double pcie_gbps = 16;  // GB/s to the host, one direction
  double multiprocessors = 0;
  double l2_mb = 0;
  double watts = 0;
  int year = 0;       // of the architecture's release
  bool bf16 = false;  // bf16 at the speed of fp16; without it, bf16 runs as fp32
  bool fp8 = false;   // fp8 at twice the speed of fp16
};

/// Peak of the device in this precision, TFLOP/s.
double peak_tflops(const GpuSpec& gpu, Precision precision);

/// All devices that are known, by year.
std::span<const GpuSpec> known_gpus();

/// The device that a free-form name means: "A100-80GB", "NVIDIA A100-SXM4-40GB", "8x H100 SXM",
/// "Tesla_V100-PCIE-32GB", "RTX 6000 Ada", "tpu-v4-8". Where a name leaves the form or the memory
/// open, the most sold variant is taken. O(devices), without allocation of note.
/// Errors: not_found, naming the nearest known device; the hint says how to type one in.
Result<GpuSpec> find_gpu(std::string_view name);

/// Stands in for a device whose data sheet nobody knows, under its name: medians of those of
/// known_gpus that are not older than 2017.
GpuSpec typical_gpu(std::string name);

/// A typed-in device is usable when peak, memory and bandwidth are finite and above zero; fills in
/// what was left at 0 by the rules above. Errors: invalid_argument with the field.
Result<GpuSpec> complete_gpu(GpuSpec gpu);

}  // namespace galley::estimator
