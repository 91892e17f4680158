#include "estimator/gpu_specs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/text.h"

namespace galley::estimator {
namespace {

constexpr bool kYes = true;

// name, fp32, tf32, fp16, memory, bandwidth, link, pcie, multiprocessors, L2, watts, year, bf16,
// fp8. Of several variants the first is what an open name means. TPUs multiply fp32 in six bf16
// passes. Consumer cards halve half-precision products that accumulate in fp32, which is the number
// here, since trainings need it.
const std::vector<GpuSpec>& gpu_table() {
  static const std::vector<GpuSpec> table{
      {"K40", 4.29, 4.29, 4.29, 12, 288, 0, 16, 15, 1.5, 235, 2013},
      {"K80", 4.37, 4.37, 4.37, 12, 240, 0, 16, 13, 1.5, 150, 2014},
      {"M40", 6.84, 6.84, 6.84, 24, 288, 0, 16, 24, 3, 250, 2015},
      {"M60", 4.82, 4.82, 4.82, 8, 160, 0, 16, 16, 2, 150, 2015},
      {"P100 PCIe 16GB", 9.53, 9.53, 19.05, 16, 732, 0, 16, 56, 4, 250, 2016},
      {"P100 SXM2 16GB", 10.6, 10.6, 21.2, 16, 732, 160, 16, 56, 4, 300, 2016},
      {"P4", 5.7, 5.7, 5.7, 8, 192, 0, 16, 20, 2, 75, 2016},
      {"P40", 11.76, 11.76, 11.76, 24, 346, 0, 16, 30, 3, 250, 2016},
      {"GTX 1080", 8.87, 8.87, 8.87, 8, 320, 0, 16, 20, 2, 180, 2016},
      {"GTX 1080 Ti", 11.34, 11.34, 11.34, 11, 484, 0, 16, 28, 2.75, 250, 2017},
      {"Titan Xp", 12.15, 12.15, 12.15, 12, 548, 0, 16, 30, 3, 250, 2017},
      {"P4000", 5.3, 5.3, 5.3, 8, 243, 0, 16, 14, 2, 105, 2017},
      {"V100 SXM2 16GB", 15.7, 15.7, 125, 16, 900, 300, 16, 80, 6, 300, 2017},
      {"V100 SXM2 32GB", 15.7, 15.7, 125, 32, 900, 300, 16, 80, 6, 300, 2018},
      {"V100 PCIe 16GB", 14.03, 14.03, 112, 16, 900, 0, 16, 80, 6, 250, 2017},
      {"V100 PCIe 32GB", 14.03, 14.03, 112, 32, 900, 0, 16, 80, 6, 250, 2018},
      {"Titan V", 14.9, 14.9, 110, 12, 653, 0, 16, 80, 4.5, 250, 2017},
      {"MI25", 12.3, 12.3, 24.6, 16, 484, 0, 16, 64, 4, 300, 2017},
      {"TPU v2", 7.5, 7.5, 45, 16, 700, 125, 16, 2, 32, 280, 2017, kYes},
      {"T4", 8.14, 8.14, 65, 16, 320, 0, 16, 40, 4, 70, 2018},
      {"RTX 2070", 7.47, 7.47, 29.9, 8, 448, 0, 16, 36, 4, 175, 2018},
      {"RTX 2080", 10.1, 10.1, 40.3, 8, 448, 0, 16, 46, 4, 215, 2018},
      {"RTX 2080 Ti", 13.45, 13.45, 53.8, 11, 616, 100, 16, 68, 5.5, 250, 2018},
      {"Titan RTX", 16.3, 16.3, 130.5, 24, 672, 100, 16, 72, 6, 280, 2018},
      {"RTX 4000", 7.1, 7.1, 57, 8, 416, 0, 16, 36, 4, 160, 2018},
      {"RTX 5000", 11.2, 11.2, 89.2, 16, 448, 50, 16, 48, 4, 230, 2018},
      {"RTX 6000", 16.3, 16.3, 130.5, 24, 672, 100, 16, 72, 6, 260, 2018},
      {"RTX 8000", 16.3, 16.3, 130.5, 48, 672, 100, 16, 72, 6, 260, 2018},
      {"MI50", 13.3, 13.3, 26.5, 16, 1024, 184, 32, 60, 4, 300, 2018},
      {"MI60", 14.7, 14.7, 29.5, 32, 1024, 184, 32, 64, 4, 300, 2018},
      {"TPU v3", 20.5, 20.5, 123, 32, 900, 164, 16, 2, 32, 220, 2018, kYes},
      {"A100 SXM4 40GB", 19.5, 156, 312, 40, 1555, 600, 32, 108, 40, 400, 2020, kYes},
      {"A100 SXM4 80GB", 19.5, 156, 312, 80, 2039, 600, 32, 108, 40, 400, 2020, kYes},
      {"A100 PCIe 40GB", 19.5, 156, 312, 40, 1555, 0, 32, 108, 40, 250, 2020, kYes},
      {"A100 PCIe 80GB", 19.5, 156, 312, 80, 1935, 0, 32, 108, 40, 300, 2021, kYes},
      {"RTX 3060", 12.7, 12.7, 25.5, 12, 360, 0, 32, 28, 3, 170, 2021, kYes},
      {"RTX 3070", 20.3, 20.3, 40.6, 8, 448, 0, 32, 46, 4, 220, 2020, kYes},
      {"RTX 3080", 29.8, 29.8, 59.5, 10, 760, 0, 32, 68, 5, 320, 2020, kYes},
      {"RTX 3080 Ti", 34.1, 34.1, 68.2, 12, 912, 0, 32, 80, 6, 350, 2021, kYes},
      {"RTX 3090", 35.6, 35.6, 71.2, 24, 936, 112, 32, 82, 6, 350, 2020, kYes},
      {"RTX A4000", 19.2, 38.3, 76.7, 16, 448, 0, 32, 48, 4, 140, 2021, kYes},
      {"RTX A5000", 27.8, 55.6, 111, 24, 768, 112, 32, 64, 6, 230, 2021, kYes},
      {"RTX A6000", 38.7, 77.4, 154.8, 48, 768, 112, 32, 84, 6, 300, 2020, kYes},
      {"A40", 37.4, 74.8, 149.7, 48, 696, 112, 32, 84, 6, 300, 2020, kYes},
      {"A10", 31.2, 62.5, 125, 24, 600, 0, 32, 72, 6, 150, 2021, kYes},
      {"A10G", 31.5, 35, 70, 24, 600, 0, 32, 80, 6, 300, 2021, kYes},
      {"A2", 4.5, 9, 18, 16, 200, 0, 16, 10, 2, 60, 2021, kYes},
      {"A16", 4.5, 9, 18, 16, 200, 0, 32, 10, 2, 62, 2021, kYes},
      {"A30", 10.3, 82, 165, 24, 933, 200, 32, 56, 24, 165, 2021, kYes},
      {"MI100", 46.1, 46.1, 184.6, 32, 1229, 276, 32, 120, 8, 300, 2020, kYes},
      {"MI210", 45.3, 45.3, 181, 64, 1638, 300, 32, 104, 8, 300, 2022, kYes},
      {"MI250", 45.3, 45.3, 181, 64, 1638, 400, 32, 104, 8, 280, 2021, kYes},
      {"MI250X", 47.9, 47.9, 191.5, 64, 1638, 400, 32, 110, 8, 280, 2021, kYes},
      {"TPU v4", 45.8, 45.8, 275, 32, 1200, 600, 32, 2, 128, 192, 2021, kYes},
      {"Gaudi2", 54, 108, 432, 96, 2450, 525, 32, 24, 48, 600, 2022, kYes, kYes},
      {"H100 SXM5 80GB", 66.9, 494, 989, 80, 3352, 900, 64, 132, 50, 700, 2022, kYes, kYes},
      {"H100 PCIe 80GB", 51.2, 378, 756, 80, 2039, 0, 64, 114, 50, 350, 2022, kYes, kYes},
      {"H100 NVL 94GB", 60, 418, 835, 94, 3938, 600, 64, 132, 50, 400, 2023, kYes, kYes},
      {"H20", 44, 74, 148, 96, 4000, 900, 64, 78, 60, 400, 2023, kYes, kYes},
      {"H200 SXM5 141GB", 66.9, 494, 989, 141, 4800, 900, 64, 132, 50, 700, 2023, kYes, kYes},
      {"H200 NVL 141GB", 60, 418, 835, 141, 4800, 900, 64, 132, 50, 600, 2024, kYes, kYes},
      {"GH200 96GB", 66.9, 494, 989, 96, 4000, 900, 450, 132, 50, 700, 2023, kYes, kYes},
      {"GH200 144GB", 66.9, 494, 989, 144, 4900, 900, 450, 132, 50, 700, 2024, kYes, kYes},
      {"L4", 30.3, 60.5, 121, 24, 300, 0, 32, 58, 48, 72, 2023, kYes, kYes},
      {"L40", 90.5, 90.5, 181, 48, 864, 0, 32, 142, 96, 300, 2022, kYes, kYes},
      {"L40S", 91.6, 183, 362, 48, 864, 0, 32, 142, 96, 350, 2023, kYes, kYes},
      {"RTX 4070", 29.1, 29.1, 58.3, 12, 504, 0, 32, 46, 36, 200, 2023, kYes, kYes},
      {"RTX 4080", 48.7, 48.7, 97.5, 16, 717, 0, 32, 76, 64, 320, 2022, kYes, kYes},
      {"RTX 4090", 82.6, 82.6, 165.2, 24, 1008, 0, 32, 128, 72, 450, 2022, kYes, kYes},
      {"RTX 4000 Ada", 26.7, 53.4, 106.9, 20, 360, 0, 32, 48, 48, 130, 2023, kYes, kYes},
      {"RTX 5000 Ada", 65.3, 130.6, 261.1, 32, 576, 0, 32, 100, 72, 250, 2023, kYes, kYes},
      {"RTX 6000 Ada", 91.1, 182.1, 364.2, 48, 960, 0, 32, 142, 96, 300, 2022, kYes, kYes},
      {"MI300A", 122.6, 490, 980, 128, 5300, 768, 64, 228, 256, 550, 2023, kYes, kYes},
      {"MI300X", 163.4, 653.7, 1307, 192, 5300, 896, 64, 304, 256, 750, 2023, kYes, kYes},
      {"MI325X", 163.4, 653.7, 1307, 256, 6000, 896, 64, 304, 256, 1000, 2024, kYes, kYes},
      {"MI355X", 157.3, 157.3, 2517, 288, 8000, 1075, 64, 256, 256, 1400, 2025, kYes, kYes},
      {"Gaudi3", 230, 460, 1835, 128, 3700, 1050, 64, 64, 96, 900, 2024, kYes, kYes},
      {"TPU v5e", 32.8, 32.8, 197, 16, 819, 400, 32, 1, 48, 130, 2023, kYes},
      {"TPU v5p", 76.5, 76.5, 459, 95, 2765, 1200, 32, 2, 128, 350, 2023, kYes},
      {"TPU v6e", 153, 153, 918, 32, 1640, 800, 32, 1, 128, 300, 2024, kYes},
      {"TPU v7", 384, 384, 2307, 192, 7370, 1200, 64, 2, 128, 1000, 2025, kYes, kYes},
      {"B100", 60, 875, 1750, 192, 8000, 1800, 64, 148, 126, 700, 2024, kYes, kYes},
      {"B200", 75, 1125, 2250, 180, 7700, 1800, 64, 148, 126, 1000, 2024, kYes, kYes},
      {"GB200", 80, 1250, 2500, 186, 8000, 1800, 450, 148, 126, 1200, 2024, kYes, kYes},
      {"B300", 75, 1125, 2250, 270, 7700, 1800, 128, 148, 126, 1400, 2025, kYes, kYes},
      {"RTX 5080", 56.3, 56.3, 112.6, 16, 960, 0, 64, 84, 64, 360, 2025, kYes, kYes},
      {"RTX 5090", 104.8, 104.8, 209.5, 32, 1792, 0, 64, 170, 96, 575, 2025, kYes, kYes},
      {"RTX PRO 6000", 125, 251.9, 503.8, 96, 1792, 0, 64, 188, 128, 600, 2025, kYes, kYes},
  };
  return table;
}

/// A name taken apart: "8x NVIDIA A100-SXM4-40GB" is model {"a100"}, form "sxm", memory 40.
struct GpuNameParts {
  std::vector<std::string> model;
  std::string form;
  double memory_gb = 0;
};

bool is_noise_word(std::string_view word) {
  constexpr std::array<std::string_view, 20> kNoise{
      "nvidia", "tesla", "geforce", "quadro", "amd",   "instinct", "radeon",
      "google", "gpu",   "cloud",   "rtx",    "gtx",   "hbm2",     "hbm2e",
      "hbm3",   "hbm3e", "core",    "tensor", "intel", "habana"};
  return std::ranges::find(kNoise, word) != kNoise.end() || word.ends_with("cloud");
}

bool all_digits(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

/// "8x" or the start of "8xv100" is a count and says nothing about the model.
std::string_view without_count(std::string_view word) {
  const auto x = word.find('x');
  if (x != std::string_view::npos && all_digits(word.substr(0, x))) return word.substr(x + 1);
  return word;
}

void take_gpu_word(std::string_view word, GpuNameParts& parts) {
  word = without_count(word);
  if (word.empty() || is_noise_word(word)) return;
  if (word.ends_with("gb") && (word.size() == 2 || all_digits(word.substr(0, word.size() - 2)))) {
    if (word.size() > 2) {
      parts.memory_gb = std::atof(std::string(word.substr(0, word.size() - 2)).c_str());
    } else if (!parts.model.empty() && all_digits(parts.model.back())) {
      parts.memory_gb = std::atof(parts.model.back().c_str());
      parts.model.pop_back();
    }
    return;
  }
  if (word.starts_with("sxm")) {
    parts.form = "sxm";
    return;
  }
  if (word == "pcie" || word == "nvl") {
    parts.form = word;
    return;
  }
  if (word.starts_with("rtx") || word.starts_with("gtx")) word.remove_prefix(3);
  if (word == "v5litepod") word = "v5e";
  if (!word.empty()) parts.model.emplace_back(word);
}

GpuNameParts take_gpu_name_apart(std::string_view name) {
  GpuNameParts parts;
  std::string word;
  for (const char c : name.substr(0, 200)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      continue;
    }
    take_gpu_word(word, parts);
    word.clear();
  }
  take_gpu_word(word, parts);
  return parts;
}

std::string joined_model(const GpuNameParts& parts, std::size_t words) {
  std::string model;
  for (std::size_t i = 0; i < words; ++i) model += parts.model[i];
  return model;
}

struct NamedGpu {
  std::string model;
  GpuNameParts parts;
  const GpuSpec* spec = nullptr;
};

const std::vector<NamedGpu>& named_gpus() {
  static const std::vector<NamedGpu> named = [] {
    std::vector<NamedGpu> all;
    for (const GpuSpec& spec : gpu_table()) {
      auto parts = take_gpu_name_apart(spec.name);
      const auto model = joined_model(parts, parts.model.size());
      all.push_back({model, std::move(parts), &spec});
    }
    return all;
  }();
  return named;
}

/// How badly a variant fits what the name says of form and memory; 0 is no contradiction.
double variant_distance(const NamedGpu& known, const GpuNameParts& asked) {
  double distance = 0;
  if (!asked.form.empty() && !known.parts.form.empty() && asked.form != known.parts.form)
    distance += 10;
  if (asked.memory_gb > 0)
    distance += std::min(std::abs(std::log(asked.memory_gb / known.spec->memory_gb)), 1.0);
  return distance;
}

const GpuSpec* best_variant(const std::string& model, const GpuNameParts& asked) {
  const NamedGpu* best = nullptr;
  for (const NamedGpu& known : named_gpus())
    if (known.model == model &&
        (best == nullptr || variant_distance(known, asked) < variant_distance(*best, asked) - 0.05))
      best = &known;
  return best == nullptr ? nullptr : best->spec;
}

Error bad_gpu_field(const GpuSpec& gpu, const char* field, double value) {
  return {.code = Errc::invalid_argument,
          .message =
              "the device '" + gpu.name + "' is given with " + field + " " + std::to_string(value),
          .field = field,
          .expected = "a finite number above 0"};
}

}  // namespace

std::string_view to_string(Precision precision) {
  constexpr std::array<std::string_view, 5> kNames{"fp32", "tf32", "fp16", "bf16", "fp8"};
  return kNames[static_cast<std::size_t>(precision)];
}

Result<Precision> parse_precision(std::string_view text) {
  for (const auto precision :
       {Precision::fp32, Precision::tf32, Precision::fp16, Precision::bf16, Precision::fp8})
    if (text == to_string(precision)) return precision;
  if (text == "amp" || text == "mixed" || text == "half") return Precision::fp16;
  return Error{.code = Errc::invalid_argument,
               .message = "'" + std::string(text.substr(0, 40)) + "' is no precision",
               .field = "precision",
               .expected = "fp32, tf32, fp16, bf16 or fp8"};
}

double peak_tflops(const GpuSpec& gpu, Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return gpu.fp32_tflops;
    case Precision::tf32:
      return gpu.tf32_tflops;
    case Precision::fp16:
      return gpu.fp16_tflops;
    case Precision::bf16:
      return gpu.bf16 ? gpu.fp16_tflops : gpu.fp32_tflops;
    case Precision::fp8:
      return gpu.fp8 ? 2 * gpu.fp16_tflops : gpu.fp16_tflops;
  }
  return gpu.fp32_tflops;
}

std::span<const GpuSpec> known_gpus() { return gpu_table(); }

Result<GpuSpec> find_gpu(std::string_view name) {
  const auto asked = take_gpu_name_apart(name);
  for (std::size_t words = asked.model.size(); words > 0; --words)
    if (const GpuSpec* spec = best_variant(joined_model(asked, words), asked)) return *spec;
  std::vector<std::string> models;
  for (const NamedGpu& known : named_gpus()) models.push_back(known.model);
  const auto near = nearest(joined_model(asked, asked.model.size()), models);
  std::string hint = "type its data sheet in: peak TFLOP/s, memory in GB, bandwidth in GB/s";
  for (const NamedGpu& known : named_gpus())
    if (!near.empty() && known.model == near) {
      hint = "did you mean '" + known.spec->name + "'? Else " + hint;
      break;
    }
  return Error{
      .code = Errc::not_found,
      .message = "no data sheet is known for the device '" + std::string(name.substr(0, 80)) + "'",
      .field = "gpu",
      .expected = {},
      .hint = std::move(hint)};
}

GpuSpec typical_gpu(std::string name) {
  const auto median = [](double GpuSpec::*field) {
    std::vector<double> values;
    for (const GpuSpec& gpu : gpu_table())
      if (gpu.year >= 2017) values.push_back(gpu.*field);
    std::ranges::sort(values);
    return values[values.size() / 2];
  };
  GpuSpec gpu{.name = std::move(name)};
  for (const auto field :
       {&GpuSpec::fp32_tflops, &GpuSpec::tf32_tflops, &GpuSpec::fp16_tflops, &GpuSpec::memory_gb,
        &GpuSpec::bandwidth_gbps, &GpuSpec::link_gbps, &GpuSpec::pcie_gbps,
        &GpuSpec::multiprocessors, &GpuSpec::l2_mb, &GpuSpec::watts})
    gpu.*field = median(field);
  gpu.year = 2021;
  return gpu;
}

Result<GpuSpec> complete_gpu(GpuSpec gpu) {
  const auto wrong = [](double value) {
    return !std::isfinite(value) || value <= 0 || value > 1e7;
  };
  if (gpu.fp32_tflops == 0)
    gpu.fp32_tflops = gpu.tf32_tflops > 0 ? gpu.tf32_tflops / 8 : gpu.fp16_tflops / 8;
  if (gpu.tf32_tflops == 0) gpu.tf32_tflops = gpu.fp32_tflops;
  if (gpu.fp16_tflops == 0) gpu.fp16_tflops = gpu.tf32_tflops;
  if (wrong(gpu.fp32_tflops)) return bad_gpu_field(gpu, "fp32_tflops", gpu.fp32_tflops);
  if (wrong(gpu.tf32_tflops)) return bad_gpu_field(gpu, "tf32_tflops", gpu.tf32_tflops);
  if (wrong(gpu.fp16_tflops)) return bad_gpu_field(gpu, "fp16_tflops", gpu.fp16_tflops);
  if (wrong(gpu.memory_gb)) return bad_gpu_field(gpu, "memory_gb", gpu.memory_gb);
  if (wrong(gpu.bandwidth_gbps)) return bad_gpu_field(gpu, "bandwidth_gbps", gpu.bandwidth_gbps);
  if (gpu.multiprocessors == 0) gpu.multiprocessors = std::clamp(gpu.fp32_tflops * 2, 8.0, 200.0);
  if (gpu.l2_mb == 0) gpu.l2_mb = 6;
  if (gpu.watts == 0) gpu.watts = 300;
  for (const double value :
       {gpu.link_gbps, gpu.pcie_gbps, gpu.multiprocessors, gpu.l2_mb, gpu.watts})
    if (!std::isfinite(value) || value < 0) return bad_gpu_field(gpu, "link_gbps", value);
  return gpu;
}

}  // namespace galley::estimator
