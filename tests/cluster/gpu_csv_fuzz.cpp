#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "cluster/gpu.h"
#include "cluster/host.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto devices = parse_gpu_csv(text)) {
    GALLEY_CHECK(devices->size() <= kMostGpus, "bounded");
    for (const GpuDevice& device : *devices) {
      GALLEY_CHECK(!device.uuid.empty() && device.memory_total_bytes >= 0, "a usable device");
      GALLEY_CHECK(galley::is_valid_utf8(device.uuid + device.name), "printable");
    }
  }
  (void)parse_cpu_times(text).has_value();
  (void)parse_meminfo(text).has_value();
  (void)parse_loadavg(text).has_value();
  return 0;
}
