#pragma once

#include <cstddef>
#include <memory>

#include "base/result.h"

namespace galley::tensor {

struct UnmapMemory {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const noexcept;
};
using HostMemory = std::unique_ptr<std::byte[], UnmapMemory>;

/// Zeroed memory at an address divisible by 64, resident once touched. Two megabytes and more lie
/// on huge pages where the system has them: streams of weights then lose no time to address
/// translation. Errors: exhausted, with the bytes.
Result<HostMemory> map_memory(std::size_t bytes);

}  // namespace galley::tensor
