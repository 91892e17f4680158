#include "base/processors.h"

#include <sched.h>

#include <algorithm>
#include <memory>
#include <thread>

namespace galley {

std::uint32_t usable_processors() {
  // Sized for more processors than the fixed cpu_set_t holds.
  constexpr int kMost = 8192;
  const auto release = [](cpu_set_t* set) { CPU_FREE(set); };
  const std::unique_ptr<cpu_set_t, decltype(release)> set(CPU_ALLOC(kMost), release);
  const std::size_t size = CPU_ALLOC_SIZE(kMost);
  if (set != nullptr && ::sched_getaffinity(0, size, set.get()) == 0)
    return static_cast<std::uint32_t>(std::max(1, CPU_COUNT_S(size, set.get())));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace galley
