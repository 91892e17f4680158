#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/samples.h"

namespace galley::cluster {

/// What is asked of `nvidia-smi --query-gpu`, in order. Drivers differ in what they know: drop()
/// takes a field out when one says that it is not valid. The name comes last, since it alone may
/// hold a comma.
class GpuQuery {
 public:
  GpuQuery();
  /// "index,uuid,...".
  std::string text() const;
  /// Takes the field out that nvidia-smi refused in these words ("Field "x" is not a valid field to
  /// query."); false when it names none that may go.
  bool drop(std::string_view complaint);
  const std::vector<std::string>& fields() const { return fields_; }

 private:
  std::vector<std::string> fields_;
};

struct GpuRows {
  std::vector<protocol::GpuSample> gpus;
  std::size_t garbled = 0;  // lines that name no GPU
};

/// Reads the answer to a query with --format=csv,noheader,nounits, line by line: a line that names
/// no GPU, or one again, is garbled and says nothing of the others. Numbers that no GPU has are
/// absent. Decimal commas, and separators without their blank, are understood. Pure.
GpuRows parse_gpu_rows(std::string_view text, const GpuQuery& query);

/// GPUs that nvidia-smi says it cannot reach ("Unable to determine the device handle for GPU
/// 0000:3B:00.0: ..."), by their addresses "0000:3b:00". Pure.
std::vector<std::string> parse_unreachable(std::string_view text);

inline constexpr std::string_view kAppsQuery = "gpu_uuid,pid,used_gpu_memory,process_name";
struct GpuApp {
  std::string gpu;
  protocol::GpuProcess process;
};
/// Reads the answer to `--query-compute-apps=<kAppsQuery>`; other lines are skipped. Pure.
std::vector<GpuApp> parse_gpu_apps(std::string_view text);

inline constexpr std::string_view kRemappedQuery =
    "gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable,remapped_rows.pending,"
    "remapped_rows.failure";
/// Reads the answer to `--query-remapped-rows=<kRemappedQuery>` into the samples that it names.
void read_remapped_rows(std::string_view text, std::vector<protocol::GpuSample>& gpus);

/// Reads `nvidia-smi nvlink -s` and `nvlink -e`, one after the other, into the samples that they
/// name. Pure.
void read_nvlinks(std::string_view text, std::vector<protocol::GpuSample>& gpus);

}  // namespace galley::cluster
