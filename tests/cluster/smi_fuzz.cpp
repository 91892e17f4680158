#include <cstdint>
#include <string_view>

#include "cluster/gpu_query.h"

/// Whatever nvidia-smi prints, reading it ends well and names no GPU twice.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace galley::cluster;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  GpuQuery query;
  (void)query.drop(text);
  auto rows = parse_gpu_rows(text, query);
  for (std::size_t i = 0; i < rows.gpus.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (rows.gpus[i].uuid == rows.gpus[j].uuid) __builtin_trap();
  (void)parse_unreachable(text);
  (void)parse_gpu_apps(text);
  read_remapped_rows(text, rows.gpus);
  read_nvlinks(text, rows.gpus);
  return 0;
}
