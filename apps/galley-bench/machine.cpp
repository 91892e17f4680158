#include "machine.h"

#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "tensor/kernels.h"

using galley::Json;

namespace {

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string file_system_of(const std::filesystem::path& folder) {
  constexpr long kTmpfs = 0x01021994;
  constexpr long kExt = 0xEF53;
  constexpr long kXfs = 0x58465342;
  constexpr long kBtrfs = 0x9123683E;
  constexpr long kOverlay = 0x794C7630;
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) return "unknown";
  switch (info.f_type) {
    case kTmpfs:
      return "tmpfs";
    case kExt:
      return "ext4";
    case kXfs:
      return "xfs";
    case kBtrfs:
      return "btrfs";
    case kOverlay:
      return "overlay";
    default:
      return "unknown";
  }
}

}  // namespace

Json describe_machine(const std::filesystem::path& scratch) {
  utsname names{};
  ::uname(&names);
  double load = 0;
  if (::getloadavg(&load, 1) != 1) load = -1;
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"memory_bytes",
           static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE)},
          {"kernel", std::string(names.sysname) + " " + names.release},
          {"isa", galley::tensor::select_kernels().isa},
          {"load_1m", load},
          {"scratch_file_system", file_system_of(scratch)},
          {"note", "client and server share the cores; nothing is pinned"}};
}
