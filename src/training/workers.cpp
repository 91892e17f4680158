#include "workers.h"

#include <sched.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

namespace galley::training {

std::uint32_t usable_cores() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&allowed)));
  return std::max(1U, std::thread::hardware_concurrency());
}

void run_workers(std::uint32_t count, const std::function<void(std::uint32_t)>& work) {
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 1; i < count; ++i) {
    try {
      threads.emplace_back(work, i);
    } catch (const std::system_error&) {
      break;  // a process limit: go on with those that started
    }
  }
  work(0);
}

}  // namespace galley::training
