#include "host_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "base/units.h"

namespace galley::tensor {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20U;

std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

void UnmapMemory::operator()(std::byte* memory) const noexcept { ::munmap(memory, bytes); }

Result<HostMemory> map_memory(std::size_t bytes) {
  const std::size_t size = round_up(bytes > 0 ? bytes : 1, kPage);
  const bool huge = size >= kHugePage;
  // What lies before the first border of huge pages, and as much after the end, is given back.
  const std::size_t room = huge ? size + kHugePage - kPage : size;
  void* mapped = bytes > SIZE_MAX / 2 ? MAP_FAILED
                                      : ::mmap(nullptr, room, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return Error{Errc::exhausted,
                 "memory of " + std::to_string(bytes) +
                     " bytes could not be had: " + std::generic_category().message(ENOMEM)};
  auto* memory = static_cast<std::byte*>(mapped);
  if (huge) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const std::size_t before = round_up(address, kHugePage) - address;
    const std::size_t after = room - before - size;
    if (before > 0) ::munmap(memory, before);
    memory += before;
    if (after > 0) ::munmap(memory + size, after);
    ::madvise(memory, size, MADV_HUGEPAGE);  // a wish: without it, only speed differs
  }
  return HostMemory(memory, UnmapMemory{size});
}

}  // namespace galley::tensor
