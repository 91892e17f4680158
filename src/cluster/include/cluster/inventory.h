#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "cluster/gpu.h"
#include "cluster/host.h"
#include "cluster/topology.h"

namespace galley::cluster {

/// Which GPUs lie close together, and why that is not known better.
struct TopologyReport {
  std::optional<CellTree> tree;  // absent: no GPUs, or more than cells can name
  std::optional<Error> error;    // the tree is forged or absent, because
};

/// What one machine has to offer.
struct Inventory {
  HostCapacity host;
  GpuReport gpus;
  TopologyReport topology;
};

/// Asks how the devices with these numbers of the driver are linked (-1: a device that is not seen
/// now, far from all others); forged cells where that cannot be learnt. Asks nothing for fewer than
/// two. Blocks for at most the probe's timeout.
TopologyReport look_at_topology(const GpuProbe& probe, std::span<const int> device_indices);

/// Looks at this machine. GPUs that cannot be seen are told in gpus.error; only an unreadable /proc
/// is an error. Blocks for at most twice the probe's timeout.
Result<Inventory> take_inventory(GpuProbe& probe);

}  // namespace galley::cluster
