#include "pages.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/result.h"

namespace galley::bench {

Pages::Pages(std::size_t bytes)
    : bytes_(bytes),
      data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  GALLEY_CHECK(data_ != MAP_FAILED, "memory for the benchmark");
  madvise(data_, bytes, MADV_HUGEPAGE);
  std::fill_n(data(), bytes, std::byte{1});
}

Pages::~Pages() { munmap(data_, bytes_); }

}  // namespace galley::bench
