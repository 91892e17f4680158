#include "free_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace galley::inference {
namespace {

constexpr std::size_t kUnknown = std::size_t{1} << 30;

/// A file that holds one number, as cgroup v2 keeps them; false for "max" and for no file.
bool read_number(const char* path, std::size_t& number) {
  std::ifstream file(path);
  return static_cast<bool>(file >> number);
}

}  // namespace

std::size_t free_memory_bytes() {
  std::size_t available = kUnknown;
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;)
    if (word == "MemAvailable:") {
      std::size_t kib = 0;
      if (file >> kib) available = kib * 1024;
      break;
    }
  std::size_t limit = 0;
  std::size_t used = 0;
  if (read_number("/sys/fs/cgroup/memory.max", limit) &&
      read_number("/sys/fs/cgroup/memory.current", used))
    available = std::min(available, limit > used ? limit - used : 0);
  return available;
}

}  // namespace galley::inference
