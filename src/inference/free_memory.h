#pragma once

#include <cstddef>

namespace galley::inference {

/// What the system says could be taken without swapping, within this process's cgroup limit where
/// the system shows one; 1 GiB where it says nothing.
std::size_t free_memory_bytes();

}  // namespace galley::inference
