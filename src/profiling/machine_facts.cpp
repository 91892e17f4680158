#include "machine_facts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "base/file.h"
#include "base/text.h"
#include "cluster/host.h"

namespace galley::profiling {
namespace {

constexpr std::int64_t kMostOfProc = 1 << 16;

/// A file's bytes in this process's addresses while it lives.
class Mapping {
 public:
  static Result<Mapping> open(const std::filesystem::path& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0)
      return system_error("cannot read " + path.string(), errno);
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size == 0) return Mapping(nullptr, 0);
    void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (bytes == MAP_FAILED) return system_error("cannot read " + path.string(), errno);
    return Mapping(bytes, size);
  }
  Mapping(Mapping&& other) noexcept
      : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
  }
  std::string_view bytes() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  Mapping(void* bytes, std::size_t size) : bytes_(bytes), size_(size) {}
  void* bytes_;
  std::size_t size_;
};

}  // namespace

ProfiledMachine this_machine() {
  ProfiledMachine machine;
  if (const auto host = cluster::host_capacity()) {
    machine.name = host->hostname;
    machine.memory_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(host->memory_bytes, 0));
  }
  return machine;
}

std::uint64_t available_memory_bytes() {
  const auto text = read_file("/proc/meminfo", kMostOfProc);
  if (!text) return 0;
  const auto info = cluster::parse_meminfo(*text);
  if (!info) return 0;
  auto available = static_cast<std::uint64_t>(std::max<std::int64_t>(info->available_bytes, 0));
  // A container's limit may be far below the machine's memory.
  const std::uint64_t allowed = this_machine().memory_bytes;
  const std::uint64_t resident = resident_memory_bytes();
  if (allowed > 0) available = std::min(available, allowed - std::min(allowed, resident));
  return available;
}

std::uint64_t resident_memory_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0, resident = 0;
  if (!(file >> pages >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<std::string> hash_of_files(std::span<const std::filesystem::path> paths) {
  std::string names;
  for (const auto& path : paths) {
    GALLEY_TRY(const Mapping mapping, Mapping::open(path));
    names += path.filename().string() + " " + sha256_hex(mapping.bytes()) + "\n";
  }
  return sha256_hex(names);
}

}  // namespace galley::profiling
