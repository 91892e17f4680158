#include "cpu_kv_cache.h"

#include <cstring>

#include "tensor/forward_kernels.h"

namespace galley::tensor {

std::string_view name_of(KvFormat format) {
  switch (format) {
    case KvFormat::f32:
      return "f32";
    case KvFormat::f16:
      return "f16";
    case KvFormat::bf16:
      return "bf16";
    case KvFormat::int8:
      return "int8";
  }
  return "unknown";
}

Result<std::unique_ptr<CpuKvCache>> CpuKvCache::make(const KvCacheShape& shape) {
  if (shape.head_dim == 0 || shape.head_dim % 16 != 0 || shape.head_dim > kMaxHeadDim)
    return Error{Errc::invalid_argument,
                 "a KV cache of heads of " + std::to_string(shape.head_dim) + " dimensions",
                 "head_dim", "a multiple of 16, at most " + std::to_string(kMaxHeadDim)};
  const std::size_t bytes =
      shape.layers * shape.pages * shape.kv_heads * kv_block_bytes(shape.format, shape.head_dim);
  GALLEY_TRY(HostMemory memory, map_memory(bytes));
  return std::unique_ptr<CpuKvCache>(new CpuKvCache(shape, std::move(memory)));
}

CpuKvCache::CpuKvCache(const KvCacheShape& shape, HostMemory memory)
    : shape_(shape),
      block_bytes_(kv_block_bytes(shape.format, shape.head_dim)),
      memory_(std::move(memory)) {}

std::byte* CpuKvCache::page_at(std::uint32_t page) const {
  GALLEY_CHECK(page < shape_.pages, "a KV page is one of the cache's");
  return memory_.get() + page * page_bytes();
}

void CpuKvCache::copy_page(std::uint32_t from, std::uint32_t to) {
  if (from != to) std::memcpy(page_at(to), page_at(from), page_bytes());
}

void CpuKvCache::read_page(std::uint32_t page, std::span<std::byte> out) const {
  GALLEY_CHECK(out.size() == page_bytes(), "a KV page is read whole");
  std::memcpy(out.data(), page_at(page), page_bytes());
}

void CpuKvCache::write_page(std::uint32_t page, std::span<const std::byte> bytes) {
  GALLEY_CHECK(bytes.size() == page_bytes(), "a KV page is written whole");
  std::memcpy(page_at(page), bytes.data(), page_bytes());
}

}  // namespace galley::tensor
