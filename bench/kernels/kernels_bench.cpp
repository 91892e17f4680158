#include "kernels_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/processors.h"
#include "crew.h"
#include "machine_limits.h"
#include "matmul_select.h"
#include "pages.h"
#include "tensor/device.h"

namespace galley::bench {
namespace {

using tensor::Activation;
using tensor::Format;
using tensor::MatmulKernels;
using tensor::PackedMatrix;
using tensor::Preparation;

constexpr std::size_t kColumns = 2048;
constexpr std::size_t kShareOutputs = 2816;  // at most, of one thread in one run
constexpr std::size_t kMostRows = 512;
constexpr std::array<std::size_t, 5> kRows{1, 4, 16, 64, 512};

/// Larger than the caches of the machines that we know, in part: enough that little of it is left
/// in them when it is read again.
constexpr std::size_t kMemoryBytes = 192 << 20;
constexpr std::size_t kReadPieceBytes = 4 << 20;
constexpr double kSecondsEach = 0.06;

/// Weights multiplied by one thread in one run: short enough that most runs are not interrupted.
constexpr double kOperationsEach = 3e8;
constexpr double kBytesEach = 4e6;

struct Combination {
  Format format;
  Activation activation;
  const char* name;
};
constexpr std::array<Combination, 14> kCombinations{{
    {Format::q8_0, Activation::int8, "q8_0_int8"},
    {Format::q4_0, Activation::int8, "q4_0_int8"},
    {Format::q4_1, Activation::int8, "q4_1_int8"},
    {Format::q5_0, Activation::int8, "q5_0_int8"},
    {Format::q4_k, Activation::int8, "q4_k_int8"},
    {Format::q5_k, Activation::int8, "q5_k_int8"},
    {Format::q6_k, Activation::int8, "q6_k_int8"},
    {Format::i8, Activation::int8, "i8_int8"},
    {Format::f32, Activation::f32, "f32_f32"},
    {Format::f16, Activation::f32, "f16_f32"},
    {Format::bf16, Activation::f32, "bf16_f32"},
    {Format::bf16, Activation::bf16, "bf16_bf16"},
    {Format::q8_0, Activation::bf16, "q8_0_bf16"},
    {Format::q4_k, Activation::f32, "q4_k_f32"},
}};

std::vector<float> random_values(std::size_t n, float deviation) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  return values;
}

/// What the best instructions of a table could do with such inputs; 0 where nothing is known.
double roof_gop_s(const MachineLimits& limits, const MatmulKernels& kernels,
                  Preparation preparation) {
  const std::string_view used = kernels.instructions(preparation);
  const bool bytes =
      preparation == Preparation::int8_blocks || preparation == Preparation::int8_row;
  if (used == "amx") return bytes ? limits.int8_amx_gop_s : limits.bf16_amx_gop_s;
  if (used == "avx512_vnni") return limits.int8_vnni_gop_s;
  if (used == "avx512_bf16") return limits.bf16_avx512_gop_s;
  // 16-bit products: twice as many in a register as f32 ones.
  const double wider = bytes ? 2 : 1;
  if (used == "avx512") return wider * limits.f32_avx512_gop_s;
  return used == "avx2" ? wider * limits.f32_avx2_gop_s : 0;
}

void raise(double& limit, double found) { limit = std::max(limit, found); }

void raise(MachineLimits& limits, const MachineLimits& found) {
  raise(limits.read_gb_s, found.read_gb_s);
  raise(limits.f32_avx2_gop_s, found.f32_avx2_gop_s);
  raise(limits.f32_avx512_gop_s, found.f32_avx512_gop_s);
  raise(limits.int8_vnni_gop_s, found.int8_vnni_gop_s);
  raise(limits.bf16_avx512_gop_s, found.bf16_avx512_gop_s);
  raise(limits.int8_amx_gop_s, found.int8_amx_gop_s);
  raise(limits.bf16_amx_gop_s, found.bf16_amx_gop_s);
}

struct Measured {
  std::string name;
  double gb_s;
  double gop_s;
  const MatmulKernels* kernels;
  Preparation preparation;
};

class KernelsBench {
 public:
  explicit KernelsBench(std::uint32_t threads)
      : crew_(threads),
        memory_(kMemoryBytes),
        room_(kMostRows * tensor::prepared_row_bytes(Preparation::f32, kColumns) * 2),
        scratch_(threads * tensor::kMatmulScratchBytes),
        values_(random_values(tensor::kPanelRows * kColumns, 0.02F)),
        inputs_(random_values(kMostRows * kColumns, 1)),
        out_(threads * kMostRows * kShareOutputs) {}

  BenchReport run() {
    const auto tables = tensor::supported_matmul_kernels();
    const bool has_tiles = std::string_view(tables.back()->isa) == "amx";
    for (const Combination& combination : kCombinations) {
      // Again and again: what else runs on the machine changes what a limit is found to be.
      raise(limits_, measure_limits(crew_, memory_.all(), kReadPieceBytes, has_tiles));
      pack(combination);
      for (const MatmulKernels* kernels : tables) measure(*kernels, combination);
      fmt::print(stderr, "kernels: {} done\n", combination.name);
    }
    report_.name = "kernels";
    report_.figures["threads"] = crew_.threads();
    report_.figures["limit_read_gb_s"] = limits_.read_gb_s;
    report_.figures["limit_f32_gop_s"] = std::max(limits_.f32_avx2_gop_s, limits_.f32_avx512_gop_s);
    report_.figures["limit_int8_gop_s"] =
        std::max({2 * limits_.f32_avx2_gop_s, limits_.int8_vnni_gop_s, limits_.int8_amx_gop_s});
    report_.figures["limit_int8_vnni_gop_s"] = limits_.int8_vnni_gop_s;
    report_.figures["limit_bf16_gop_s"] =
        std::max(limits_.bf16_avx512_gop_s, limits_.bf16_amx_gop_s);
    for (const Measured& measured : measured_) add_figures(measured);
    return std::move(report_);
  }

 private:
  /// One panel of random weights, as often as the memory holds it: values do not change the time.
  void pack(const Combination& combination) {
    const std::size_t bytes = tensor::row_bytes(combination.format, kColumns);
    std::vector<std::byte> file(tensor::kPanelRows * bytes);
    std::vector<float> scales;
    for (std::size_t n = 0; n < tensor::kPanelRows; ++n)
      scales.push_back(tensor::quantize_row(
          combination.format, {values_.data() + n * kColumns, kColumns}, file.data() + n * bytes));
    const tensor::MatrixSource source{.format = combination.format,
                                      .bytes = file.data(),
                                      .row_stride = bytes,
                                      .scales = scales.data(),
                                      .rows = tensor::kPanelRows,
                                      .columns = kColumns};
    matrix_ = tensor::packed_matrix(source, combination.activation, memory_.data());
    tensor::pack_panels(source, matrix_, 0, 1);
    for (std::size_t p = 1; p < memory_panels(); ++p)
      std::copy_n(memory_.data(), matrix_.panel_bytes, memory_.data() + p * matrix_.panel_bytes);
    matrix_.rows = kShareOutputs;
    file_panel_bytes_ = static_cast<double>(file.size());
  }

  std::size_t memory_panels() const {
    return kMemoryBytes / matrix_.panel_bytes / tensor::kPanelStep * tensor::kPanelStep;
  }

  void measure(const MatmulKernels& kernels, const Combination& combination) {
    const Preparation preparation =
        tensor::preparation_of(combination.format, combination.activation);
    const std::size_t stride = tensor::prepared_row_bytes(preparation, kColumns);
    for (std::size_t r = 0; r < kMostRows; ++r)
      kernels.prepare(preparation, inputs_.data() + r * kColumns, kColumns,
                      room_.data() + r * stride);
    const double roof = roof_gop_s(limits_, kernels, preparation);
    for (const std::size_t rows : kRows) {
      // The scalar table is the specification; of its speed a glance is enough.
      if (roof == 0 && rows > 4) continue;
      const tensor::PreparedRows input{preparation, rows, kColumns, room_.data(), stride};
      const double panel_operations =
          2.0 * tensor::kPanelRows * kColumns * static_cast<double>(rows);
      const double seconds = panel_seconds(kernels, input, panel_operations);
      measured_.push_back({fmt::format("{}_{}_m{}", kernels.isa, combination.name, rows),
                           file_panel_bytes_ / seconds * 1e-9, panel_operations / seconds * 1e-9,
                           &kernels, preparation});
    }
  }

  void add_figures(const Measured& measured) {
    const double roof = roof_gop_s(limits_, *measured.kernels, measured.preparation);
    auto& figures = report_.figures;
    figures[measured.name + "_gb_s"] = measured.gb_s;
    figures[measured.name + "_gop_s"] = measured.gop_s;
    figures[measured.name + "_bandwidth_fraction"] = measured.gb_s / limits_.read_gb_s;
    if (roof > 0) figures[measured.name + "_roof_fraction"] = measured.gop_s / roof;
  }

  /// Seconds for one panel, with all threads at work on panels of their own.
  double panel_seconds(const MatmulKernels& kernels, const tensor::PreparedRows& input,
                       double panel_operations) {
    const std::size_t each = round_to_steps(std::min(
        kOperationsEach / panel_operations, kBytesEach / static_cast<double>(matrix_.panel_bytes)));
    const std::size_t threads = crew_.threads();
    const std::size_t windows = memory_panels() / (each * threads);
    // Each thread goes round its own part of the memory.
    std::vector<std::size_t> window(threads);
    const double seconds = crew_.shortest(kSecondsEach, [&](std::uint32_t thread) {
      PackedMatrix share = matrix_;
      share.data += (thread * windows + window[thread]) * each * matrix_.panel_bytes;
      window[thread] = (window[thread] + 1) % windows;
      const tensor::MatmulCall call{.matrix = &share,
                                    .input = &input,
                                    .out = out_.data() + thread * kMostRows * kShareOutputs,
                                    .out_stride = kShareOutputs};
      kernels.multiply(call, 0, each, scratch_.data() + thread * tensor::kMatmulScratchBytes);
    });
    return seconds / static_cast<double>(each * threads);
  }

  static std::size_t round_to_steps(double panels) {
    constexpr std::size_t kMost = kShareOutputs / tensor::kPanelRows;
    const auto whole = static_cast<std::size_t>(panels) / tensor::kPanelStep * tensor::kPanelStep;
    return std::clamp(whole, tensor::kPanelStep, kMost);
  }

  Crew crew_;
  Pages memory_, room_, scratch_;
  std::vector<float> values_, inputs_, out_;
  MachineLimits limits_;
  PackedMatrix matrix_;
  double file_panel_bytes_ = 0;
  std::vector<Measured> measured_;
  BenchReport report_;
};

}  // namespace

Result<BenchReport> run_kernels_bench(const KernelsBenchOptions& options) {
  const std::uint32_t threads = options.threads != 0 ? options.threads : usable_processors();
  return KernelsBench(threads).run();
}

}  // namespace galley::bench
