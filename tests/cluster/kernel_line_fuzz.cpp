#include <cstdint>
#include <string_view>

#include "cluster/xid.h"

/// A line of the kernel log is an Xid with an address, or nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::cluster;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto event = parse_kernel_line(line);
  if (!event) return 0;
  if (event->xid <= 0 || event->text.size() > 1000) __builtin_trap();
  if (normal_pci(event->pci_bus_id) != event->pci_bus_id) __builtin_trap();
  (void)severity_of_xid(*event);
  return 0;
}
