#pragma once

#include <string>
#include <vector>

#include "cluster/gpu_query.h"
#include "protocol/samples.h"

namespace galley::cluster {

/// Answers of nvidia-smi as it would print them, from a sample.
struct SmiTexts {
  static std::string field(const std::string& name, const protocol::GpuSample& gpu) {
    const auto number = [](const auto& value) {
      return value ? std::to_string(*value) : std::string("[N/A]");
    };
    const auto mebi = [](const std::optional<std::int64_t>& bytes) {
      return bytes ? std::to_string(*bytes >> 20) : std::string("[N/A]");
    };
    const auto yes = [](const std::optional<bool>& value) {
      return std::string(!value ? "[N/A]" : *value ? "Yes" : "No");
    };
    if (name == "index") return std::to_string(gpu.index);
    if (name == "uuid") return gpu.uuid;
    if (name == "name") return gpu.model;
    if (name == "pci.bus_id") return "0000" + gpu.pci_bus_id + ".0";
    if (name == "memory.total") return mebi(gpu.memory_total_bytes);
    if (name == "memory.used") return mebi(gpu.memory_used_bytes);
    if (name == "temperature.gpu") return number(gpu.temperature_celsius);
    if (name == "clocks_throttle_reasons.active") {
      char hex[32];
      std::snprintf(hex, sizeof hex, "0x%016llx",
                    static_cast<unsigned long long>(gpu.throttle_reasons.value_or(0)));
      return hex;
    }
    if (name == "ecc.errors.corrected.volatile.total") return number(gpu.ecc_corrected_volatile);
    if (name == "ecc.errors.uncorrected.volatile.total")
      return number(gpu.ecc_uncorrected_volatile);
    if (name == "ecc.errors.uncorrected.aggregate.total")
      return number(gpu.ecc_uncorrected_aggregate);
    if (name == "retired_pages.pending") return yes(gpu.retired_pages_pending);
    if (name == "pstate") return "P0";
    return "[N/A]";
  }
  static std::string rows(const std::vector<protocol::GpuSample>& gpus,
                          const GpuQuery& query = {}) {
    std::string text;
    for (const auto& gpu : gpus) {
      std::string line;
      for (const auto& name : query.fields()) line += (line.empty() ? "" : ", ") + field(name, gpu);
      text += line + "\n";
    }
    return text;
  }
  static protocol::GpuSample gpu(int index) {
    protocol::GpuSample made;
    made.index = index;
    made.uuid = "GPU-00000000-0000-0000-0000-00000000000" + std::to_string(index);
    made.model = "NVIDIA H100 80GB HBM3";
    made.pci_bus_id = "0000:" + std::to_string(index + 1) + "b:00";
    made.memory_total_bytes = std::int64_t{81559} << 20;
    made.memory_used_bytes = std::int64_t{4} << 20;
    made.temperature_celsius = 41;
    made.throttle_reasons = 0;
    made.ecc_corrected_volatile = 0;
    made.ecc_uncorrected_volatile = 0;
    made.ecc_corrected_aggregate = 3;
    made.ecc_uncorrected_aggregate = 1;
    made.retired_pages_pending = false;
    return made;
  }
};

}  // namespace galley::cluster
