#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/file.h"

namespace galley::inference {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return system_error("cannot open " + path.string(), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error("cannot read " + path.string(), errno);
  if (!S_ISREG(status.st_mode))
    return Error{Errc::invalid_argument, path.string() + " is not a file"};
  if (status.st_size == 0) return Error{Errc::corrupt, path.string() + " is empty"};
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return system_error("cannot map " + path.string(), errno);
  return MappedFile(address, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

bool MappedFile::contains(const void* address) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(address_);
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= begin && at - begin < size_;
}

void MappedFile::release(const void* begin, std::size_t size) const {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto from = reinterpret_cast<std::uintptr_t>(begin) / page * page;
  const auto to = reinterpret_cast<std::uintptr_t>(begin) + size;
  ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

}  // namespace galley::inference
