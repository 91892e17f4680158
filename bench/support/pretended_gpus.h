#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace galley::support {

/// Healthy GPUs that this machine need not have.
struct PretendedGpus {
  int count = 2;
  std::string model = "NVIDIA H100 80GB HBM3";
  int memory_mib = 81'559;
  std::string uuid_prefix = "GPU-t";  // the number follows
  /// Shell that prints what `nvidia-smi topo -m` would; without it the driver knows no topology.
  std::string topology;
};

/// Writes an nvidia-smi that answers whatever fields it is asked for into `programs`, which is
/// made. Put that folder first in PATH.
Status install(const PretendedGpus& gpus, const std::filesystem::path& programs);

}  // namespace galley::support
