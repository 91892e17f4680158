#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/format.h"
#include "tensor/kv_format.h"

namespace galley::tensor {

/// f32 numbers, [rows, columns] row-major, in one device's memory. Only that device may follow
/// `data`: on a GPU it is no address of this process. Moved, never copied.
class Tensor {
 public:
  Tensor() = default;
  Tensor(std::shared_ptr<void> memory, std::size_t rows, std::size_t columns)
      : memory_(std::move(memory)), rows_(rows), columns_(columns) {}
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  void* data() const { return memory_.get(); }

 private:
  std::shared_ptr<void> memory_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
};

/// A matrix in a file's form, in host memory that may be unaligned and read-only: row r starts at
/// bytes + r * row_stride. y = x * W^T, so a row is one output. The part to pack is rows
/// [first_row, first_row + rows) and columns [first_column, first_column + columns): a shard of
/// tensor parallelism. Column borders lie on block borders.
struct MatrixSource {
  Format format = Format::f32;
  const std::byte* bytes = nullptr;
  std::size_t row_stride = 0;
  const float* scales = nullptr;  // of i8: one a row of the whole matrix
  std::size_t first_row = 0, rows = 0;
  std::size_t first_column = 0, columns = 0;
};

/// What a product multiplies the weights with. int8: x is rounded to 8 bits, a scale for each
/// kActivationBlock values. f32 multiplies the dequantised weights in full precision.
enum class Activation : std::uint8_t { f32, bf16, int8 };

/// Weights in the device's own layout. Immutable.
class Matrix {
 public:
  virtual ~Matrix() = default;
  virtual std::size_t rows() const = 0;
  virtual std::size_t columns() const = 0;
  virtual Format format() const = 0;
  virtual Activation activation() const = 0;
  virtual std::size_t bytes() const = 0;
  /// Which kernel serves it: "q4_0 x int8, avx512_vnni".
  virtual std::string kernel() const = 0;
};

std::string_view name_of(KvFormat format);

struct KvCacheShape {
  std::size_t layers = 0;
  std::size_t kv_heads = 0;  // on this device
  std::size_t head_dim = 0;  // a multiple of 16
  std::size_t pages = 0;
  KvFormat format = KvFormat::f16;
};

/// Keys and values of all layers in pages that any sequence may name.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual std::size_t page_bytes() const = 0;  // of all layers
  virtual std::size_t bytes() const = 0;
  /// All layers of one page, for copy on write.
  virtual void copy_page(std::uint32_t from, std::uint32_t to) = 0;
  /// Swapping: exactly page_bytes() of host memory.
  virtual void read_page(std::uint32_t page, std::span<std::byte> out) const = 0;
  virtual void write_page(std::uint32_t page, std::span<const std::byte> bytes) = 0;
};

/// The rows of a step that are one sequence's: consecutive rows at consecutive positions. `pages`
/// lists the sequence's pages from position 0 and reaches past the last row's position.
struct StepSequence {
  std::uint32_t first_row = 0;
  std::uint32_t row_count = 0;
  std::uint32_t first_position = 0;
  std::span<const std::uint32_t> pages;
};

enum class NormKind : std::uint8_t { rms, layer };

/// RMSNorm (arXiv:1910.07467) or LayerNorm (arXiv:1607.06450) with learned weights.
struct Norm {
  NormKind kind = NormKind::rms;
  float epsilon = 1e-5F;
  const Tensor* weight = nullptr;  // [1, columns]
  const Tensor* bias = nullptr;    // [1, columns]; absent where null
};

/// What enters a product, made row by row in the pass that also rounds it to the activation type:
///   plain   x
///   norm    norm(x)
///   swiglu  silu(x) * other          (arXiv:2002.05202)
///   gelu    gelu(x), the tanh form of GPT-2   (arXiv:1606.08415)
///   gelu_erf  gelu(x), exact
struct Input {
  enum class Kind : std::uint8_t { plain, norm, swiglu, gelu, gelu_erf };
  Kind kind = Kind::plain;
  const Tensor* x = nullptr;
  const Tensor* other = nullptr;  // swiglu
  Norm norm{};
};

/// out[r, :] = input[r, :] * matrix^T + bias, or added to what `out` holds.
struct Product {
  const Matrix* matrix = nullptr;
  const Tensor* bias = nullptr;  // [1, matrix rows]; none where null
  Tensor* out = nullptr;
  bool accumulate = false;
};

/// Rotary positions (arXiv:2104.09864). `inverse_frequencies` has rotated_dim / 2 entries, in which
/// every scaling variant is already applied; angles are position * inverse_frequency.
struct Rope {
  std::size_t rotated_dim = 0;  // 0: no rotation (learned positions)
  bool adjacent_pairs = false;  // (2i, 2i+1) as GGUF's llama, else (i, i + rotated_dim / 2)
  float attention_scale = 1;    // multiplies cos and sin (YaRN, arXiv:2309.00071)
  std::span<const float> inverse_frequencies;
};

/// Rotates q and k, keeps k and v in the cache, and attends: for each row, over all positions of
/// its sequence up to its own. q: [rows, heads * head_dim]; k, v: [rows, kv_heads * head_dim];
/// head h reads kv head h / (heads / kv_heads). q_norm and k_norm are per head (Qwen3).
struct Attention {
  Tensor* q = nullptr;
  Tensor* k = nullptr;
  Tensor* v = nullptr;
  Tensor* out = nullptr;
  KvCache* cache = nullptr;
  std::size_t layer = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;
  float scale = 0;           // of q . k; 1 / sqrt(head_dim) as a rule
  std::uint32_t window = 0;  // sliding window in tokens (Mistral); 0: all
  Rope rope{};
  const Norm* q_norm = nullptr;
  const Norm* k_norm = nullptr;
};

/// One accelerator, or one share of the processor: memory, packed weights, and the operations of a
/// transformer's forward pass, each over all rows of a step.
///
/// Exact: within one build and instruction set, a row's result depends on that row's own inputs and
/// on the positions before it alone, bit for bit: not on the other rows, on how a prompt was cut
/// into steps, on page numbers or on the number of threads. Every sum runs in one order fixed by
/// the format: over K in blocks, over positions in pages.
///
/// One thread at a time. Operations do not allocate once reserve() was called; they run in order.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;  // "cpu avx512_vnni, 2 threads"

  /// Zeroed. Errors: exhausted, with the bytes.
  virtual Result<Tensor> make_tensor(std::size_t rows, std::size_t columns) = 0;
  virtual void upload(std::span<const float> values, Tensor& to, std::size_t first_row = 0) = 0;
  virtual void download(const Tensor& from, std::size_t first_row, std::span<float> out) = 0;

  /// Copies and repacks; afterwards the source may go. Errors: exhausted, unsupported.
  virtual Result<std::unique_ptr<Matrix>> pack(const MatrixSource& source,
                                               Activation activation) = 0;
  /// An embedding table: rows stay as in the file, since only a few are read.
  virtual Result<std::unique_ptr<Matrix>> pack_table(const MatrixSource& source) = 0;
  virtual Result<std::unique_ptr<KvCache>> make_kv_cache(const KvCacheShape& shape) = 0;
  /// Work space for steps of at most so many rows, inputs of so many columns.
  virtual Status reserve(std::size_t rows, std::size_t columns) = 0;

  /// out[r] = table[indices[r]], or added to what out holds (learned positions). `table` comes from
  /// pack_table(), or from pack() where products want the same rows (tied embeddings). An index
  /// past its rows counts as a row of zeros: it lies on another device.
  virtual void embed(const Matrix& table, std::span<const std::uint32_t> indices, Tensor& out,
                     bool accumulate) = 0;
  /// All products share the input of `rows` rows, which is prepared once.
  virtual void multiply(const Input& input, std::size_t rows,
                        std::span<const Product> products) = 0;
  virtual void attend(const Attention& attention, std::span<const StepSequence> sequences) = 0;
  /// out[i] = from[rows[i]].
  virtual void gather(const Tensor& from, std::span<const std::uint32_t> rows, Tensor& out) = 0;
  virtual void normalize(const Norm& norm, const Tensor& x, std::size_t rows, Tensor& out) = 0;
  /// to[r] += from[r].
  virtual void add(const Tensor& from, std::size_t rows, Tensor& to) = 0;
  /// Low-rank adaptation (arXiv:2106.09685): out[r] += scale * up * (down * input[r]) for
  /// r in [first_row, first_row + rows).
  virtual void adapt(const Input& input, std::size_t first_row, std::size_t rows,
                     const Matrix& down, const Matrix& up, float scale, Tensor& out) = 0;
  /// Waits until everything asked of this device is done.
  virtual void synchronize() = 0;
};

}  // namespace galley::tensor
