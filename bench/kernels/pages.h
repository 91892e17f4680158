#pragma once

#include <cstddef>
#include <span>

namespace galley::bench {

/// Resident memory in huge pages where there are any.
class Pages {
 public:
  explicit Pages(std::size_t bytes);
  ~Pages();
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::span<const std::byte> all() const { return {data(), bytes_}; }

 private:
  std::size_t bytes_;
  void* data_;
};

}  // namespace galley::bench
