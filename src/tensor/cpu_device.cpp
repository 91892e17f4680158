#include "cpu_device.h"

#include <algorithm>
#include <cstring>

namespace galley::tensor {
namespace {

constexpr std::size_t kLowRankColumns = 256;  // adapters of higher ranks are rare, and make room

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

std::size_t row_work_bytes(std::size_t columns) { return round_up(columns * sizeof(float), 64); }

}  // namespace

CpuDevice::CpuDevice(const MatmulKernels& matmul, const ForwardKernels& forward, ThreadPool& pool)
    : matmul_(matmul), forward_(forward), pool_(pool) {}

std::string CpuDevice::name() const {
  const std::uint32_t threads = pool_.size();
  return "cpu " + std::string(matmul_.isa) + ", " + std::to_string(threads) +
         (threads == 1 ? " thread" : " threads");
}

Result<Tensor> CpuDevice::make_tensor(std::size_t rows, std::size_t columns) {
  GALLEY_TRY(HostMemory memory, map_memory(rows * columns * sizeof(float)));
  const UnmapMemory unmap = memory.get_deleter();
  std::shared_ptr<void> shared(memory.release(),
                               [unmap](void* p) { unmap(static_cast<std::byte*>(p)); });
  return Tensor(std::move(shared), rows, columns);
}

void CpuDevice::upload(std::span<const float> values, Tensor& to, std::size_t first_row) {
  GALLEY_CHECK(first_row * to.columns() + values.size() <= to.rows() * to.columns(),
               "an upload fits its tensor");
  if (!values.empty()) std::memcpy(row_of(to, first_row), values.data(), values.size_bytes());
}

void CpuDevice::download(const Tensor& from, std::size_t first_row, std::span<float> out) {
  GALLEY_CHECK(first_row * from.columns() + out.size() <= from.rows() * from.columns(),
               "a download lies within its tensor");
  if (!out.empty()) std::memcpy(out.data(), row_of(from, first_row), out.size_bytes());
}

Result<std::unique_ptr<Matrix>> CpuDevice::pack(const MatrixSource& source, Activation activation) {
  GALLEY_TRY(std::unique_ptr<Matrix> matrix, CpuMatrix::pack(source, activation, matmul_, pool_));
  return matrix;
}

Result<std::unique_ptr<Matrix>> CpuDevice::pack_table(const MatrixSource& source) {
  GALLEY_TRY(std::unique_ptr<Matrix> table, CpuTable::copy(source, pool_));
  return table;
}

Result<std::unique_ptr<KvCache>> CpuDevice::make_kv_cache(const KvCacheShape& shape) {
  GALLEY_TRY(std::unique_ptr<KvCache> cache, CpuKvCache::make(shape));
  return cache;
}

Status CpuDevice::reserve(std::size_t rows, std::size_t columns) {
  rows = std::max(rows, work_rows_);
  columns = std::max(columns, work_columns_);
  std::size_t prepared_bytes = 0;
  for (std::size_t i = 0; i < kPreparations; ++i)
    prepared_bytes += rows * prepared_row_bytes(static_cast<Preparation>(i), columns);
  const std::size_t kernel_bytes =
      std::max({attention_work_bytes(columns), kMatmulScratchBytes, kernel_work_bytes_});
  const std::size_t low_columns = std::max(low_rank_columns_, kLowRankColumns);
  GALLEY_TRY(prepared_, map_memory(prepared_bytes));
  GALLEY_TRY(threads_, map_memory(pool_.size() * (row_work_bytes(columns) + kernel_bytes)));
  GALLEY_TRY(low_rank_, map_memory(rows * low_columns * sizeof(float)));
  low_rank_columns_ = low_columns;
  kernel_work_bytes_ = kernel_bytes;
  work_rows_ = rows;
  work_columns_ = columns;
  tile_ends_.reserve(rows);
  rotations_.reserve(rows);
  return ok();
}

void CpuDevice::ensure(std::size_t rows, std::size_t columns) {
  if (rows <= work_rows_ && columns <= work_columns_) return;
  const Status status = reserve(rows, columns);
  GALLEY_CHECK(status, "work space that was not reserved could not be had");
}

void CpuDevice::ensure_kernel_work(std::size_t bytes) {
  if (bytes <= kernel_work_bytes_) return;
  kernel_work_bytes_ = round_up(bytes, 64);
  const Status status = reserve(1, 1);
  GALLEY_CHECK(status, "work space that was not reserved could not be had");
}

CpuDevice::ThreadWork CpuDevice::work_of(std::uint32_t thread) const {
  const std::size_t row_bytes = row_work_bytes(work_columns_);
  std::byte* own = threads_.get() + thread * (row_bytes + kernel_work_bytes_);
  return {reinterpret_cast<float*>(own), own + row_bytes};
}

void CpuDevice::embed(const Matrix& table, std::span<const std::uint32_t> indices, Tensor& out,
                      bool accumulate) {
  const auto* rows = dynamic_cast<const CpuTable*>(&table);
  const auto* panels = dynamic_cast<const CpuMatrix*>(&table);
  GALLEY_CHECK(rows != nullptr || panels != nullptr, "rows are embedded from what was packed here");
  const std::size_t columns = table.columns();
  GALLEY_CHECK(indices.size() <= out.rows() && columns == out.columns(), "embeddings fit");
  ensure(1, columns);
  over_rows(indices.size(), columns, [&](std::size_t begin, std::size_t end, std::uint32_t thread) {
    for (std::size_t i = begin; i < end; ++i) {
      float* to = accumulate ? work_of(thread).row : row_of(out, i);
      if (indices[i] >= table.rows())
        std::fill_n(to, columns, 0.0F);
      else if (rows != nullptr)
        rows->read_row(indices[i], {to, columns});
      else
        matmul_.unpack_row(panels->packed(), indices[i], to, work_of(thread).kernel);
      if (accumulate) forward_.add(to, columns, row_of(out, i));
    }
  });
}

void CpuDevice::gather(const Tensor& from, std::span<const std::uint32_t> rows, Tensor& out) {
  GALLEY_CHECK(rows.size() <= out.rows() && from.columns() == out.columns(), "gathered rows fit");
  over_rows(rows.size(), out.columns(), [&](std::size_t begin, std::size_t end, std::uint32_t) {
    for (std::size_t i = begin; i < end; ++i)
      std::memcpy(row_of(out, i), row_of(from, rows[i]), out.columns() * sizeof(float));
  });
}

void CpuDevice::apply_norm(const Norm& norm, const float* x, std::size_t n, float* out) const {
  GALLEY_CHECK(norm.weight != nullptr && norm.weight->columns() == n, "a norm as wide as its row");
  const NormWeights weights{row_of(*norm.weight, 0),
                            norm.bias != nullptr ? row_of(*norm.bias, 0) : nullptr, norm.epsilon};
  (norm.kind == NormKind::rms ? forward_.rms_norm : forward_.layer_norm)(x, n, weights, out);
}

void CpuDevice::normalize(const Norm& norm, const Tensor& x, std::size_t rows, Tensor& out) {
  const std::size_t columns = x.columns();
  GALLEY_CHECK(rows <= x.rows() && rows <= out.rows() && columns == out.columns(), "rows fit");
  over_rows(rows, columns, [&](std::size_t begin, std::size_t end, std::uint32_t) {
    for (std::size_t i = begin; i < end; ++i)
      apply_norm(norm, row_of(x, i), columns, row_of(out, i));
  });
}

void CpuDevice::add(const Tensor& from, std::size_t rows, Tensor& to) {
  const std::size_t columns = to.columns();
  GALLEY_CHECK(rows <= from.rows() && rows <= to.rows() && columns == from.columns(), "rows fit");
  over_rows(rows, columns, [&](std::size_t begin, std::size_t end, std::uint32_t) {
    forward_.add(row_of(from, begin), (end - begin) * columns, row_of(to, begin));
  });
}

}  // namespace galley::tensor
