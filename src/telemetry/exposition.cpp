#include "exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace galley::telemetry {
namespace {

using protocol::GpuSample;
using protocol::HostSample;
using Number = std::optional<double>;

constexpr double kMib = 1024.0 * 1024.0;

template <class T>
Number number(const std::optional<T>& value) {
  return value ? Number(static_cast<double>(*value)) : std::nullopt;
}
Number percent(const std::optional<double>& ratio) {
  // A ratio of 0.29 is 29 %, not 28.999999999999996 %.
  return ratio ? Number(std::round(*ratio * 1e4) / 1e2) : std::nullopt;
}
Number mib(const std::optional<std::int64_t>& bytes) {
  return bytes ? Number(std::round(static_cast<double>(*bytes) / kMib)) : std::nullopt;
}

struct GpuFamily {
  Family family;
  Number (*read)(const GpuSample&);
};

// Names, units and types as dcgm-exporter prints them, so that its dashboards and alerts work here.
constexpr auto kGpuFamilies = std::to_array<GpuFamily>({
    {{"DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", "gauge"},
     [](const GpuSample& s) { return number(s.sm_clock_mhz); }},
    {{"DCGM_FI_DEV_MEM_CLOCK", "Memory clock frequency (in MHz).", "gauge"},
     [](const GpuSample& s) { return number(s.memory_clock_mhz); }},
    {{"DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C).", "gauge"},
     [](const GpuSample& s) { return number(s.memory_temperature_celsius); }},
    {{"DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", "gauge"},
     [](const GpuSample& s) { return number(s.temperature_celsius); }},
    {{"DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", "gauge"},
     [](const GpuSample& s) { return number(s.power_watts); }},
    {{"DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "Power limit in force (in W).", "gauge"},
     [](const GpuSample& s) { return number(s.power_limit_watts); }},
    {{"DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", "gauge"},
     [](const GpuSample& s) { return percent(s.utilization_ratio); }},
    {{"DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", "gauge"},
     [](const GpuSample& s) { return percent(s.memory_utilization_ratio); }},
    {{"DCGM_FI_DEV_XID_ERRORS", "Value of the last Xid error encountered.", "gauge"},
     [](const GpuSample& s) { return Number(static_cast<double>(s.last_xid.value_or(0))); }},
    {{"DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", "gauge"},
     [](const GpuSample& s) {
       if (!s.memory_total_bytes || !s.memory_used_bytes) return Number();
       return mib(*s.memory_total_bytes - *s.memory_used_bytes);
     }},
    {{"DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", "gauge"},
     [](const GpuSample& s) { return mib(s.memory_used_bytes); }},
    {{"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "Bits of what holds the clocks down.", "gauge"},
     [](const GpuSample& s) { return number(s.throttle_reasons); }},
    {{"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Corrected memory errors since the driver was loaded.",
      "counter"},
     [](const GpuSample& s) { return number(s.ecc_corrected_volatile); }},
    {{"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Uncorrected memory errors since the driver was loaded.",
      "counter"},
     [](const GpuSample& s) { return number(s.ecc_uncorrected_volatile); }},
    {{"DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "Corrected memory errors of the GPU's life.", "counter"},
     [](const GpuSample& s) { return number(s.ecc_corrected_aggregate); }},
    {{"DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Uncorrected memory errors of the GPU's life.", "counter"},
     [](const GpuSample& s) { return number(s.ecc_uncorrected_aggregate); }},
    {{"DCGM_FI_DEV_RETIRED_SBE", "Pages retired for corrected errors.", "counter"},
     [](const GpuSample& s) { return number(s.retired_pages_single_bit); }},
    {{"DCGM_FI_DEV_RETIRED_DBE", "Pages retired for uncorrected errors.", "counter"},
     [](const GpuSample& s) { return number(s.retired_pages_double_bit); }},
    {{"DCGM_FI_DEV_RETIRED_PENDING", "1 when pages wait for a reset to be retired.", "gauge"},
     [](const GpuSample& s) { return number(s.retired_pages_pending); }},
    {{"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Rows remapped for correctable errors.", "counter"},
     [](const GpuSample& s) { return number(s.remapped_rows_correctable); }},
    {{"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Rows remapped for uncorrectable errors.",
      "counter"},
     [](const GpuSample& s) { return number(s.remapped_rows_uncorrectable); }},
    {{"DCGM_FI_DEV_ROW_REMAP_PENDING", "1 when rows wait for a reset to be remapped.", "gauge"},
     [](const GpuSample& s) { return number(s.remapped_rows_pending); }},
    {{"DCGM_FI_DEV_ROW_REMAP_FAILURE", "1 when remapping of a row has failed.", "gauge"},
     [](const GpuSample& s) { return number(s.remapped_rows_failure); }},
    // DCGM counts each kind of NVLink error by itself; the driver's tool tells us their sum.
    {{"galley_gpu_nvlink_errors_total", "NVLink errors since the driver was loaded.", "counter"},
     [](const GpuSample& s) { return number(s.nvlink_errors); }},
    {{"galley_gpu_nvlinks_active", "NVLinks that are up.", "gauge"},
     [](const GpuSample& s) { return number(s.nvlinks_active); }},
    {{"galley_gpu_lost", "1 when the driver lists the GPU and cannot reach it.", "gauge"},
     [](const GpuSample& s) { return Number(s.lost ? 1 : 0); }},
});

struct HostFamily {
  Family family;
  Number (*read)(const protocol::NodeSample&);
};

constexpr auto kHostFamilies = std::to_array<HostFamily>({
    {{"galley_node_cpu_busy_ratio", "Share of a machine's processor time in use.", "gauge"},
     [](const protocol::NodeSample& s) { return number(s.host.cpu_busy_ratio); }},
    {{"galley_node_load_1m", "Load average of a machine's last minute.", "gauge"},
     [](const protocol::NodeSample& s) { return Number(s.host.load_1m); }},
    {{"galley_node_ram_total_bytes", "Memory of a machine.", "gauge"},
     [](const protocol::NodeSample& s) {
       return Number(static_cast<double>(s.host.memory_total_bytes));
     }},
    {{"galley_node_ram_used_bytes", "Memory of a machine that is in use.", "gauge"},
     [](const protocol::NodeSample& s) {
       return Number(static_cast<double>(s.host.memory_used_bytes));
     }},
    {{"galley_node_disk_total_bytes", "Size of the file system that holds the data folder.",
      "gauge"},
     [](const protocol::NodeSample& s) {
       return Number(static_cast<double>(s.host.disk_total_bytes));
     }},
    {{"galley_node_disk_free_bytes", "Free space of the file system that holds the data folder.",
      "gauge"},
     [](const protocol::NodeSample& s) {
       return Number(static_cast<double>(s.host.disk_free_bytes));
     }},
    {{"galley_node_disk_read_bytes_total", "Bytes read from a machine's disks.", "counter"},
     [](const protocol::NodeSample& s) { return number(s.host.disk_read_bytes_since_start); }},
    {{"galley_node_disk_written_bytes_total", "Bytes written to a machine's disks.", "counter"},
     [](const protocol::NodeSample& s) { return number(s.host.disk_written_bytes_since_start); }},
    {{"galley_node_network_received_bytes_total", "Bytes received from a machine's networks.",
      "counter"},
     [](const protocol::NodeSample& s) {
       return number(s.host.network_received_bytes_since_start);
     }},
    {{"galley_node_network_sent_bytes_total", "Bytes sent to a machine's networks.", "counter"},
     [](const protocol::NodeSample& s) { return number(s.host.network_sent_bytes_since_start); }},
    {{"galley_node_driver_up", "1 while nvidia-smi answers on a machine; absent without one.",
      "gauge"},
     [](const protocol::NodeSample& s) {
       if (s.driver == protocol::DriverState::absent) return Number();
       return Number(s.driver == protocol::DriverState::ok ? 1 : 0);
     }},
});

constexpr auto kFamilies = [] {
  std::array<Family, kGpuFamilies.size() + kHostFamilies.size()> all{};
  for (std::size_t i = 0; i < kGpuFamilies.size(); ++i) all[i] = kGpuFamilies[i].family;
  for (std::size_t i = 0; i < kHostFamilies.size(); ++i)
    all[kGpuFamilies.size() + i] = kHostFamilies[i].family;
  return all;
}();

std::string gpu_labels(std::string_view node_name, const GpuSample& gpu) {
  const std::string index = std::to_string(gpu.index);
  return "{gpu=\"" + index + "\",UUID=\"" + escaped(gpu.uuid) + "\",device=\"nvidia" + index +
         "\",modelName=\"" + escaped(gpu.model) + "\",Hostname=\"" + escaped(node_name) + "\"} ";
}

void print_sample(std::string& out, std::string_view name, std::string_view labels, double value) {
  out += name;
  out += labels;
  print_number(out, value);
  out += '\n';
}

}  // namespace

std::span<const Family> node_families() { return kFamilies; }

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

void print_number(std::string& out, double value) {
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void print_family(std::string& out, const Family& family) {
  out += "# HELP ";
  out += family.name;
  out += ' ';
  out += family.help;
  out += "\n# TYPE ";
  out += family.name;
  out += ' ';
  out += family.type;
  out += '\n';
}

NodeText::NodeText(std::string_view node_name, const protocol::NodeSample& sample) {
  std::vector<std::string> labels;
  for (const GpuSample& gpu : sample.gpus) labels.push_back(gpu_labels(node_name, gpu));
  const std::string host = "{node=\"" + escaped(node_name) + "\"} ";
  std::string text;
  ends_.reserve(kFamilies.size());
  for (const GpuFamily& family : kGpuFamilies) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (const Number value = family.read(sample.gpus[i]))
        print_sample(text, family.family.name, labels[i], *value);
    ends_.push_back(static_cast<std::uint32_t>(text.size()));
  }
  for (const HostFamily& family : kHostFamilies) {
    if (const Number value = family.read(sample))
      print_sample(text, family.family.name, host, *value);
    ends_.push_back(static_cast<std::uint32_t>(text.size()));
  }
  text_.assign(text);  // without the room that growing has left
}

std::string_view NodeText::lines(std::size_t family) const {
  const std::size_t begin = family == 0 ? 0 : ends_[family - 1];
  return std::string_view(text_).substr(begin, ends_[family] - begin);
}

}  // namespace galley::telemetry
