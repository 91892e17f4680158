#pragma once

#include "base/result.h"
#include "cluster/gpu.h"
#include "cluster/host.h"

namespace galley::cluster {

/// What one machine has to offer.
struct Inventory {
  HostCapacity host;
  GpuReport gpus;
};

/// Looks at this machine. GPUs that cannot be seen are told in gpus.error; only an unreadable /proc
/// is an error. Blocks for at most the probe's timeout.
Result<Inventory> take_inventory(GpuProbe& probe);

}  // namespace galley::cluster
