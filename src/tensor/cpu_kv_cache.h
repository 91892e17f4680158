#pragma once

#include "host_memory.h"
#include "tensor/device.h"

namespace galley::tensor {

/// Blocks of kv_block_bytes() as [pages][layers][kv_heads]: a page is one piece of memory, and
/// pages that nobody used yet take none.
class CpuKvCache final : public KvCache {
 public:
  /// Errors: invalid_argument (head_dim), exhausted.
  static Result<std::unique_ptr<CpuKvCache>> make(const KvCacheShape& shape);

  std::size_t page_bytes() const override { return shape_.layers * layer_bytes(); }
  std::size_t bytes() const override { return shape_.pages * page_bytes(); }
  void copy_page(std::uint32_t from, std::uint32_t to) override;
  void read_page(std::uint32_t page, std::span<std::byte> out) const override;
  void write_page(std::uint32_t page, std::span<const std::byte> bytes) override;

  const KvCacheShape& shape() const { return shape_; }
  std::size_t block_bytes() const { return block_bytes_; }
  /// From a page to the next, in one layer.
  std::size_t page_stride() const { return page_bytes(); }
  /// Page 0 of one layer and kv head.
  std::byte* blocks(std::size_t layer, std::size_t kv_head) const {
    return memory_.get() + layer * layer_bytes() + kv_head * block_bytes_;
  }

 private:
  CpuKvCache(const KvCacheShape& shape, HostMemory memory);
  std::size_t layer_bytes() const { return shape_.kv_heads * block_bytes_; }
  std::byte* page_at(std::uint32_t page) const;

  KvCacheShape shape_;
  std::size_t block_bytes_;
  HostMemory memory_;
};

}  // namespace galley::tensor
