#include "cluster/inventory.h"

namespace galley::cluster {

Result<Inventory> take_inventory(GpuProbe& probe) {
  GALLEY_TRY(HostCapacity host, host_capacity());
  return Inventory{std::move(host), probe.look()};
}

}  // namespace galley::cluster
