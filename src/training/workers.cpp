#include "workers.h"

#include <system_error>
#include <thread>
#include <vector>

namespace galley::training {

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
