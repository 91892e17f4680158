#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cpu_kv_cache.h"
#include "cpu_matrix.h"
#include "host_memory.h"
#include "matmul.h"
#include "rotation_table.h"
#include "tensor/device.h"
#include "tensor/forward_kernels.h"
#include "tensor/thread_pool.h"

namespace galley::tensor {

/// The processor as a device. Each operation is one or two parallel loops over tiles that write to
/// places of their own, so the number of threads never shows in a result.
class CpuDevice final : public Device {
 public:
  /// `pool` must outlive the device; several devices may share one and take turns.
  CpuDevice(const MatmulKernels& matmul, const ForwardKernels& forward, ThreadPool& pool);

  std::string name() const override;
  Result<Tensor> make_tensor(std::size_t rows, std::size_t columns) override;
  void upload(std::span<const float> values, Tensor& to, std::size_t first_row) override;
  void download(const Tensor& from, std::size_t first_row, std::span<float> out) override;
  Result<std::unique_ptr<Matrix>> pack(const MatrixSource& source, Activation activation) override;
  Result<std::unique_ptr<Matrix>> pack_table(const MatrixSource& source) override;
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvCacheShape& shape) override;
  Status reserve(std::size_t rows, std::size_t columns) override;

  void embed(const Matrix& table, std::span<const std::uint32_t> indices, Tensor& out,
             bool accumulate) override;
  void multiply(const Input& input, std::size_t rows, std::span<const Product> products) override;
  void attend(const Attention& attention, std::span<const StepSequence> sequences) override;
  void gather(const Tensor& from, std::span<const std::uint32_t> rows, Tensor& out) override;
  void normalize(const Norm& norm, const Tensor& x, std::size_t rows, Tensor& out) override;
  void add(const Tensor& from, std::size_t rows, Tensor& to) override;
  void adapt(const Input& input, std::size_t first_row, std::size_t rows, const Matrix& down,
             const Matrix& up, float scale, Tensor& out) override;
  void synchronize() override {}  // every operation ends before it returns

 private:
  static constexpr std::size_t kPreparations = 4;
  using Prepared = std::array<PreparedRows, kPreparations>;  // by Preparation
  using Needed = std::array<bool, kPreparations>;
  struct AttentionPlan;

  /// A thread's own memory: a row of input, and what the kernels need.
  struct ThreadWork {
    float* row;
    std::byte* kernel;
  };
  ThreadWork work_of(std::uint32_t thread) const;
  /// Makes room for what reserve() was not told of.
  void ensure(std::size_t rows, std::size_t columns);
  void ensure_kernel_work(std::size_t bytes);
  static std::size_t attention_work_bytes(std::size_t columns);

  /// Calls body(first row, end row, thread) in parallel, a few thousand numbers at a time.
  template <class Body>
  void over_rows(std::size_t rows, std::size_t columns, Body&& body);

  /// Panels [begin, end) of a product.
  struct Piece {
    const MatmulCall* call;
    std::size_t begin;
    std::size_t end;
  };

  void apply_norm(const Norm& norm, const float* x, std::size_t n, float* out) const;
  const float* make_input(const Input& input, std::size_t row, float* buffer) const;
  Prepared prepare(const Input& input, std::size_t first_row, std::size_t rows,
                   const Needed& needed);
  /// Into pieces_, what the threads take one after the other: large ones first, since memory is
  /// read fastest in one long stream, then ever smaller ones, so that at the end they wait little.
  void cut_products(std::span<const MatmulCall> calls);
  void run_products(std::span<const MatmulCall> calls);

  void rotate_and_keep(const AttentionPlan& plan, const StepSequence& sequence, std::size_t kv_head,
                       std::uint32_t begin, std::uint32_t end, float* buffer);
  void attend_tile(const AttentionPlan& plan, const StepSequence& sequence, std::size_t kv_head,
                   std::uint32_t begin, std::uint32_t end, float* buffer);

  const MatmulKernels& matmul_;
  const ForwardKernels& forward_;
  ThreadPool& pool_;

  std::size_t work_rows_ = 0;
  std::size_t work_columns_ = 0;
  HostMemory prepared_;
  HostMemory threads_;
  std::size_t kernel_work_bytes_ = 0;
  HostMemory low_rank_;  // [work_rows_, low_rank_columns_] f32
  std::size_t low_rank_columns_ = 0;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> tile_ends_;  // of the sequences of a step, running count
  RotationTable rotations_;
};

inline float* row_of(const Tensor& tensor, std::size_t row) {
  return static_cast<float*>(tensor.data()) + row * tensor.columns();
}

template <class Body>
void CpuDevice::over_rows(std::size_t rows, std::size_t columns, Body&& body) {
  constexpr std::size_t kTileValues = 8192;
  const std::size_t step = columns < kTileValues ? kTileValues / (columns > 0 ? columns : 1) : 1;
  pool_.run((rows + step - 1) / step, [&](std::size_t tile, std::uint32_t thread) {
    const std::size_t begin = tile * step;
    body(begin, begin + step < rows ? begin + step : rows, thread);
  });
}

}  // namespace galley::tensor
