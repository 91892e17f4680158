#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/field_table.h"
#include "protocol/ids.h"

namespace galley::protocol {

/// What one look at a machine gave, agent to controller. Units are in the names; what the driver or
/// the kernel does not say ("[N/A]") is absent, never 0. Counters only grow until the driver is
/// loaded again; `_since_start` ones grow until the machine is.

/// A process that holds memory of a GPU.
struct GpuProcess {
  std::int64_t pid = 0;
  std::string name;                            // of the program, as the driver tells it
  std::string user;                            // empty: gone, or not ours to see
  std::optional<std::int64_t> gpu_used_bytes;  // of this GPU
  std::optional<AttemptId> attempt;            // absent: none of our jobs
  bool operator==(const GpuProcess&) const = default;
};

template <>
struct Fields<GpuProcess> {
  static constexpr std::string_view kind = "gpu_process";
  using S = GpuProcess;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"pid", &S::pid, "Its number on the node."},
      Field<S, std::string>{"name", &S::name, "Name of the program."},
      Field<S, std::string>{"user", &S::user, "Who runs it; empty where that cannot be seen."},
      Field<S, std::optional<std::int64_t>>{"gpu_used_bytes", &S::gpu_used_bytes,
                                            "Memory of the GPU that it holds."},
      Field<S, std::optional<AttemptId>>{"attempt", &S::attempt,
                                         "The attempt it belongs to; absent: no job of ours."}};
};

/// One GPU.
struct GpuSample {
  std::string uuid;
  std::int64_t index = 0;
  std::string model;
  std::string pci_bus_id;              // "0000:3b:00", as the kernel log names it
  bool lost = false;                   // the driver lists it and says that it cannot be reached
  std::int64_t unreadable_fields = 0;  // values such as ERR! and [Unknown Error]
  std::optional<double> temperature_celsius;
  std::optional<double> memory_temperature_celsius;
  std::optional<double> power_watts;
  std::optional<double> power_limit_watts;
  std::optional<std::int64_t> memory_used_bytes;
  std::optional<std::int64_t> memory_total_bytes;
  std::optional<double> utilization_ratio;         // share of the time with a kernel running
  std::optional<double> memory_utilization_ratio;  // share of the time with memory being moved
  std::optional<std::int64_t> sm_clock_mhz;
  std::optional<std::int64_t> memory_clock_mhz;
  std::optional<std::int64_t> throttle_reasons;  // NVML's bits
  std::string performance_state;                 // "P0"; empty: not told
  std::optional<std::int64_t> ecc_corrected_volatile;
  std::optional<std::int64_t> ecc_uncorrected_volatile;
  std::optional<std::int64_t> ecc_corrected_aggregate;
  std::optional<std::int64_t> ecc_uncorrected_aggregate;
  std::optional<std::int64_t> retired_pages_single_bit;
  std::optional<std::int64_t> retired_pages_double_bit;
  std::optional<bool> retired_pages_pending;
  std::optional<std::int64_t> remapped_rows_correctable;
  std::optional<std::int64_t> remapped_rows_uncorrectable;
  std::optional<bool> remapped_rows_pending;
  std::optional<bool> remapped_rows_failure;
  std::optional<std::int64_t> nvlinks_active;
  std::optional<std::int64_t> nvlinks_total;
  std::optional<std::int64_t> nvlink_errors;  // replays, recoveries and CRC errors together
  std::optional<std::int64_t> last_xid;       // that this agent has seen
  std::vector<GpuProcess> processes;
  bool operator==(const GpuSample&) const = default;
};

template <>
struct Fields<GpuSample> {
  static constexpr std::string_view kind = "gpu_sample";
  using S = GpuSample;
  using Count = Field<S, std::optional<std::int64_t>>;
  using Real = Field<S, std::optional<double>>;
  using Flag = Field<S, std::optional<bool>>;
  static constexpr std::tuple table{
      Field<S, std::string>{"uuid", &S::uuid, "UUID of the GPU."},
      Field<S, std::int64_t>{"index", &S::index, "The driver's number of it."},
      Field<S, std::string>{"model", &S::model, "Name of the model."},
      Field<S, std::string>{"pci_bus_id", &S::pci_bus_id, "Domain, bus and device."},
      Field<S, bool>{"lost", &S::lost, "Whether the driver cannot reach it any more."},
      Field<S, std::int64_t>{"unreadable_fields", &S::unreadable_fields,
                             "Values that the driver failed to read."},
      Real{"temperature_celsius", &S::temperature_celsius, "Of the chip."},
      Real{"memory_temperature_celsius", &S::memory_temperature_celsius, "Of its memory."},
      Real{"power_watts", &S::power_watts, "Power drawn."},
      Real{"power_limit_watts", &S::power_limit_watts, "Power allowed."},
      Count{"memory_used_bytes", &S::memory_used_bytes, "Memory in use."},
      Count{"memory_total_bytes", &S::memory_total_bytes, "Its memory."},
      Real{"utilization_ratio", &S::utilization_ratio, "Share of time with a kernel running."},
      Real{"memory_utilization_ratio", &S::memory_utilization_ratio,
           "Share of time with memory being moved."},
      Count{"sm_clock_mhz", &S::sm_clock_mhz, "Clock of its multiprocessors."},
      Count{"memory_clock_mhz", &S::memory_clock_mhz, "Clock of its memory."},
      Count{"throttle_reasons", &S::throttle_reasons, "Bits of what holds its clocks down."},
      Field<S, std::string>{"performance_state", &S::performance_state, "P0 (fastest) to P15."},
      Count{"ecc_corrected_volatile", &S::ecc_corrected_volatile,
            "Corrected memory errors since the driver was loaded."},
      Count{"ecc_uncorrected_volatile", &S::ecc_uncorrected_volatile,
            "Uncorrected memory errors since the driver was loaded."},
      Count{"ecc_corrected_aggregate", &S::ecc_corrected_aggregate,
            "Corrected memory errors of its life."},
      Count{"ecc_uncorrected_aggregate", &S::ecc_uncorrected_aggregate,
            "Uncorrected memory errors of its life."},
      Count{"retired_pages_single_bit", &S::retired_pages_single_bit,
            "Pages retired for corrected errors."},
      Count{"retired_pages_double_bit", &S::retired_pages_double_bit,
            "Pages retired for uncorrected errors."},
      Flag{"retired_pages_pending", &S::retired_pages_pending,
           "Whether pages wait for a reset to be retired."},
      Count{"remapped_rows_correctable", &S::remapped_rows_correctable,
            "Rows replaced for corrected errors."},
      Count{"remapped_rows_uncorrectable", &S::remapped_rows_uncorrectable,
            "Rows replaced for uncorrected errors."},
      Flag{"remapped_rows_pending", &S::remapped_rows_pending,
           "Whether rows wait for a reset to be replaced."},
      Flag{"remapped_rows_failure", &S::remapped_rows_failure,
           "Whether a row could not be replaced."},
      Count{"nvlinks_active", &S::nvlinks_active, "NVLinks that are up."},
      Count{"nvlinks_total", &S::nvlinks_total, "NVLinks that it has."},
      Count{"nvlink_errors", &S::nvlink_errors, "Errors of its NVLinks."},
      Count{"last_xid", &S::last_xid, "The last Xid that its agent has seen."},
      Field<S, std::vector<GpuProcess>>{"processes", &S::processes, "Who holds its memory."}};
};

/// The machine. Counters of disks and networks are sums over devices that are real (no loops, no
/// bridges); rates are left to who reads two samples.
struct HostSample {
  std::optional<double> cpu_busy_ratio;  // of all processors, since the last sample
  double load_1m = 0;
  std::int64_t memory_total_bytes = 0;
  std::int64_t memory_used_bytes = 0;
  std::int64_t disk_total_bytes = 0;  // of the file system that holds DATA
  std::int64_t disk_free_bytes = 0;
  std::optional<std::int64_t> disk_read_bytes_since_start;
  std::optional<std::int64_t> disk_written_bytes_since_start;
  std::optional<std::int64_t> network_received_bytes_since_start;
  std::optional<std::int64_t> network_sent_bytes_since_start;
  bool operator==(const HostSample&) const = default;
};

template <>
struct Fields<HostSample> {
  static constexpr std::string_view kind = "host_sample";
  using S = HostSample;
  using Count = Field<S, std::optional<std::int64_t>>;
  static constexpr std::tuple table{
      Field<S, std::optional<double>>{"cpu_busy_ratio", &S::cpu_busy_ratio,
                                      "Share of processor time in use since the last sample."},
      Field<S, double>{"load_1m", &S::load_1m, "Load average of the last minute."},
      Field<S, std::int64_t>{"memory_total_bytes", &S::memory_total_bytes, "Its memory."},
      Field<S, std::int64_t>{"memory_used_bytes", &S::memory_used_bytes, "Memory in use."},
      Field<S, std::int64_t>{"disk_total_bytes", &S::disk_total_bytes,
                             "Size of the data folder's file system."},
      Field<S, std::int64_t>{"disk_free_bytes", &S::disk_free_bytes,
                             "Free space of the data folder's file system."},
      Count{"disk_read_bytes_since_start", &S::disk_read_bytes_since_start,
            "Bytes read from its disks."},
      Count{"disk_written_bytes_since_start", &S::disk_written_bytes_since_start,
            "Bytes written to its disks."},
      Count{"network_received_bytes_since_start", &S::network_received_bytes_since_start,
            "Bytes received from its networks."},
      Count{"network_sent_bytes_since_start", &S::network_sent_bytes_since_start,
            "Bytes sent to its networks."}};
};

/// What one attempt uses on this machine: its processes that live now.
struct JobSample {
  AttemptId attempt;
  double cpu_seconds = 0;  // of those processes, user and system
  std::int64_t rss_bytes = 0;
  std::int64_t gpu_used_bytes = 0;  // over all GPUs
  std::int64_t processes = 0;
  bool operator==(const JobSample&) const = default;
};

template <>
struct Fields<JobSample> {
  static constexpr std::string_view kind = "job_sample";
  using S = JobSample;
  static constexpr std::tuple table{
      Field<S, AttemptId>{"attempt", &S::attempt, "The attempt."},
      Field<S, double>{"cpu_seconds", &S::cpu_seconds, "Processor time of its live processes."},
      Field<S, std::int64_t>{"rss_bytes", &S::rss_bytes, "Resident memory of its processes."},
      Field<S, std::int64_t>{"gpu_used_bytes", &S::gpu_used_bytes, "Memory of GPUs that it holds."},
      Field<S, std::int64_t>{"processes", &S::processes, "How many processes it has."}};
};

/// An error that the driver wrote to the kernel log.
struct XidEvent {
  std::int64_t xid = 0;
  std::string pci_bus_id;  // "0000:3b:00"
  std::string uuid;        // empty: no known GPU is at that address
  std::string text;        // the line
  bool operator==(const XidEvent&) const = default;
};

template <>
struct Fields<XidEvent> {
  static constexpr std::string_view kind = "xid_event";
  using S = XidEvent;
  static constexpr std::tuple table{
      Field<S, std::int64_t>{"xid", &S::xid, "NVIDIA's number of the error."},
      Field<S, std::string>{"pci_bus_id", &S::pci_bus_id, "Domain, bus and device."},
      Field<S, std::string>{"uuid", &S::uuid, "UUID of the GPU; empty where it is not known."},
      Field<S, std::string>{"text", &S::text, "The line of the kernel log."}};
};

/// How nvidia-smi fared. hang: killed at its time limit, and again when asked for less. failed: it
/// ended with an error, or answered what nobody can read, twice. absent: there is no such program.
enum class DriverState { ok, hang, failed, absent };
template <>
struct Words<DriverState> {
  static constexpr std::array<std::pair<std::string_view, DriverState>, 4> words{
      {{"ok", DriverState::ok},
       {"hang", DriverState::hang},
       {"failed", DriverState::failed},
       {"absent", DriverState::absent}}};
};

/// The end of a self-test that the controller asked for.
struct SelfTestResult {
  std::string uuid;  // empty: of the node's driver
  bool passed = false;
  std::string text;  // what failed
  bool operator==(const SelfTestResult&) const = default;
};

template <>
struct Fields<SelfTestResult> {
  static constexpr std::string_view kind = "self_test_result";
  using S = SelfTestResult;
  static constexpr std::tuple table{
      Field<S, std::string>{"uuid", &S::uuid, "UUID of the GPU; empty: the node's driver."},
      Field<S, bool>{"passed", &S::passed, "Whether it may go back to work."},
      Field<S, std::string>{"text", &S::text, "What failed."}};
};

struct NodeSample {
  NodeId node;
  WallTime at{};
  HostSample host;
  DriverState driver = DriverState::absent;
  std::string driver_text;  // why it is not ok
  /// Those that answered. While the driver is ok, a known GPU that is not here is missing.
  std::vector<GpuSample> gpus;
  std::vector<JobSample> jobs;
  std::vector<XidEvent> xids;              // since the last sample
  std::vector<SelfTestResult> self_tests;  // since the last sample
  bool operator==(const NodeSample&) const = default;
};

template <>
struct Fields<NodeSample> {
  static constexpr std::string_view kind = "node_sample";
  using S = NodeSample;
  static constexpr std::tuple table{
      Field<S, NodeId>{"node", &S::node, "The machine."},
      Field<S, WallTime>{"at", &S::at, "When it was taken, by the machine's clock."},
      Field<S, HostSample>{"host", &S::host, "The machine."},
      Field<S, DriverState>{"driver", &S::driver, "ok, hang, failed or absent."},
      Field<S, std::string>{"driver_text", &S::driver_text, "Why the driver is not ok."},
      Field<S, std::vector<GpuSample>>{"gpus", &S::gpus, "The GPUs that answered."},
      Field<S, std::vector<JobSample>>{"jobs", &S::jobs, "What each attempt uses."},
      Field<S, std::vector<XidEvent>>{"xids", &S::xids, "Errors in the kernel log."},
      Field<S, std::vector<SelfTestResult>>{"self_tests", &S::self_tests, "Ends of self-tests."}};
};

/// Controller to agent: test this GPU before it may work again.
struct SelfTestRequest {
  std::string uuid;  // empty: the node's driver
};

/// Errors: invalid_argument. Unknown fields are ignored: agents may be newer.
Result<NodeSample> parse_node_sample(const Json& json);
Json print_node_sample(const NodeSample& sample);

}  // namespace galley::protocol
