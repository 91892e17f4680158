#include "pretended_gpus.h"

#include <fmt/format.h>

#include "base/file.h"

namespace galley::support {

Status install(const PretendedGpus& gpus, const std::filesystem::path& programs) {
  // One printf per GPU, put together by the shell itself: the agent asks every second, and each
  // program started here would be load that a real driver does not cause.
  const std::string script =
      fmt::format(R"(#!/bin/sh
if [ "$1" = topo ]; then
  {topology}
  exit
fi
for word in "$@"; do case $word in --query-gpu=*) fields=${{word#--query-gpu=}};; esac; done
[ -n "$fields" ] || exit 0
i=0
while [ $i -lt {count} ]; do
  row=
  IFS=,
  for field in $fields; do
    case $field in
      index) value=$i ;;
      uuid | gpu_uuid) value={uuid_prefix}$i ;;
      name) value='{model}' ;;
      pci.bus_id) value=00000000:1$i:00.0 ;;
      memory.total) value={memory_mib} ;;
      memory.used) value=1024 ;;
      utilization.*) value=42 ;;
      temperature.*) value=55 ;;
      power.draw | power.limit) value=301.50 ;;
      clocks*throttle* | clocks_event*) value=0x0000000000000000 ;;
      clocks*) value=1980 ;;
      ecc.*) value=0 ;;
      *) value='[N/A]' ;;
    esac
    row="$row${{row:+, }}$value"
  done
  printf '%s\n' "$row"
  i=$((i + 1))
done
)",
                  fmt::arg("topology", gpus.topology.empty() ? "exit 1" : gpus.topology),
                  fmt::arg("count", gpus.count), fmt::arg("uuid_prefix", gpus.uuid_prefix),
                  fmt::arg("model", gpus.model), fmt::arg("memory_mib", gpus.memory_mib));
  GALLEY_TRY_STATUS(make_folders(programs));
  return write_file_atomic(programs / "nvidia-smi", script, Durability::memory, 0755);
}

}  // namespace galley::support
