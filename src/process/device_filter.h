#pragma once

#include <linux/bpf.h>

#include <filesystem>
#include <span>
#include <vector>

#include "process/cgroup.h"

namespace galley::process {

/// A program of the kernel's (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE) that refuses these devices and
/// allows all others, as far as groups above do. Pure. At most kMostDeniedDevices.
std::vector<bpf_insn> device_program(std::span<const CharDevice> denied);

/// Attaches it to a group of version 2, for as long as the group exists. False where this kernel or
/// our rights do not allow that.
bool deny_by_v2(const std::filesystem::path& group, std::span<const CharDevice> denied);

}  // namespace galley::process
