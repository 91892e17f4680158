#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/cgroup.h"

namespace galley::agent {

/// A GPU of this machine and its file /dev/nvidia<minor>.
struct GpuDevice {
  std::string uuid;
  process::CharDevice device;
  bool operator==(const GpuDevice&) const = default;
};

/// From `folder`/gpus/*/information, which the driver writes; empty without a driver. Some 20 us.
std::vector<GpuDevice> find_gpu_devices(const std::filesystem::path& folder);
/// One such text, or nothing where it does not say both. Pure.
std::optional<GpuDevice> parse_gpu_information(std::string_view text);

/// Those that a job which was given these GPUs must not open. None where it was given something
/// that is no whole GPU of the list, such as a MIG instance: then the driver alone keeps them
/// apart. Pure.
std::vector<process::CharDevice> devices_of_others(const std::vector<GpuDevice>& all,
                                                   const std::vector<std::string>& given);

}  // namespace galley::agent
