#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"

namespace galley::training {

/// Zeroed floats on huge pages where the system has them: rows are touched at random, and with 4
/// KiB pages most touches would miss the TLB as well as the cache.
class HugeArray {
 public:
  /// Errors: exhausted, when the system has no such memory to give.
  static Result<HugeArray> make(std::size_t size) {
    const std::size_t size_bytes = size * sizeof(float) + kHugePage;
    void* memory =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      return Error{Errc::exhausted, "the embedding needs " + std::to_string(size_bytes >> 20U) +
                                        " MiB, which the system does not have"};
    (void)::madvise(memory, size_bytes, MADV_HUGEPAGE);
    return HugeArray(static_cast<float*>(memory), size_bytes);
  }
  HugeArray(HugeArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_bytes_(other.size_bytes_) {}
  HugeArray& operator=(HugeArray&&) = delete;
  ~HugeArray() {
    if (data_ != nullptr) ::munmap(data_, size_bytes_);
  }

  float* data() { return data_; }
  const float* data() const { return data_; }

 private:
  HugeArray(float* data, std::size_t size_bytes) : data_(data), size_bytes_(size_bytes) {}

  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  float* data_;
  std::size_t size_bytes_;
};

}  // namespace galley::training
