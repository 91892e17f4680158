#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "predict_terms.h"
#include "profiling/prediction.h"

namespace galley::profiling {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr std::uint32_t kMostDevices = 1024;
constexpr double kActivationBytes = 2;

// Effective rates. Those of T4, V100 and A100 are solved for so that ratios between them, between
// 4 and 8 of them and between 39B and 82B come out as published for GPT services (388 tokens in, 16
// out, one request, f16); absolute times hang on T4 reading 90 % of its 320 GB/s and are rough.
// A100-80GB and H100 are the A100 scaled by data sheets. Prices follow from what a 72-hour and an
// 8-hour training on four of them cost.
const std::array<Device, 5>& catalogue() {
  static const std::array<Device, 5> devices{{{.name = "T4",
                                               .memory_bytes = 16 * kGiB,
                                               .bytes_per_s = 288e9,
                                               .flops_per_s = 26.4e12,
                                               .block_step_s = 60e-6,
                                               .exchange_s = 100e-6,
                                               .exchange_bytes_per_s = 4e9,
                                               .price_per_hour_usd = 0},
                                              {.name = "V100",
                                               .memory_bytes = 32 * kGiB,
                                               .bytes_per_s = 327e9,
                                               .flops_per_s = 41.5e12,
                                               .block_step_s = 6.94e-6,
                                               .exchange_s = 4.71e-6,
                                               .exchange_bytes_per_s = 4.28e9,
                                               .price_per_hour_usd = 6.08},
                                              {.name = "A100",
                                               .memory_bytes = 40 * kGiB,
                                               .bytes_per_s = 542e9,
                                               .flops_per_s = 43.6e12,
                                               .block_step_s = 14.5e-6,
                                               .exchange_s = 41e-6,
                                               .exchange_bytes_per_s = 11.1e9,
                                               .price_per_hour_usd = 7.81},
                                              {.name = "A100-80GB",
                                               .memory_bytes = 80 * kGiB,
                                               .bytes_per_s = 542e9 * 2039 / 1555,
                                               .flops_per_s = 43.6e12,
                                               .block_step_s = 14.5e-6,
                                               .exchange_s = 41e-6,
                                               .exchange_bytes_per_s = 11.1e9,
                                               .price_per_hour_usd = 0},
                                              {.name = "H100",
                                               .memory_bytes = 80 * kGiB,
                                               .bytes_per_s = 542e9 * 3350 / 1555,
                                               .flops_per_s = 43.6e12 * 989 / 312,
                                               .block_step_s = 14.5e-6,
                                               .exchange_s = 41e-6,
                                               .exchange_bytes_per_s = 11.1e9 * 1.5,
                                               .price_per_hour_usd = 0}}};
  return devices;
}

}  // namespace

std::span<const Device> device_catalogue() { return catalogue(); }

Result<DeviceGroupSpec> parse_devices(std::string_view text) {
  const std::string_view trimmed = trim(text);
  DeviceGroupSpec spec{.device = std::string(trimmed), .count = 1};
  // "×" is two bytes long; a plain x or * follows a name only where digits end the text.
  const auto digits = trimmed.find_last_not_of("0123456789");
  if (digits != std::string_view::npos && digits + 1 < trimmed.size()) {
    std::string_view name = trimmed.substr(0, digits + 1);
    const std::string_view count = trimmed.substr(digits + 1);
    const bool times = name.ends_with("×");
    const bool mark = times || name.ends_with('x') || name.ends_with('X') || name.ends_with('*');
    if (mark) {
      name.remove_suffix(times ? std::string_view("×").size() : 1);
      const auto [end, error] =
          std::from_chars(count.data(), count.data() + count.size(), spec.count);
      if (error != std::errc()) spec.count = 0;
      spec.device = std::string(trim(name));
    }
  }
  if (spec.device.empty() || spec.count < 1 || spec.count > kMostDevices)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("\"{}\" does not name devices", trimmed),
                 .field = "device",
                 .expected = fmt::format("a name and a number from 1 to {}", kMostDevices),
                 .hint = "write A100x4"};
  return spec;
}

double catalogue_latency_ms(const ModelShape& model, const Device& device, std::uint32_t count,
                            const PredictedLoad& load) {
  const double devices = count;
  const StepParameters parameters = step_parameters(model);
  const double bytes_read = parameters.read * model.weight_bytes / model.parameters;
  const double doublings = std::log2(devices);
  const double fixed = model.blocks * (device.block_step_s + device.exchange_s * doublings);
  const auto step_s = [&](double rows, double context_bytes) {
    const double memory = (bytes_read + context_bytes) / (devices * device.bytes_per_s);
    const double arithmetic = 2 * rows * parameters.read / (devices * device.flops_per_s);
    // Two sums over the devices for each block; a ring sends everything about twice.
    const double exchanged = 2 * model.blocks * rows * model.hidden * kActivationBytes * 2 *
                             (devices - 1) / devices / device.exchange_bytes_per_s;
    return fixed + std::max(memory, arithmetic) + exchanged;
  };
  const double context =
      load.batch * (load.prompt_tokens + load.output_tokens / 2) * model.kv_bytes_per_token;
  return 1e3 * (step_s(load.batch * load.prompt_tokens, 0) +
                (load.output_tokens - 1) * step_s(load.batch, context));
}

}  // namespace galley::profiling
