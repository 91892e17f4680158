#include "tensor_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>
#include <vector>

#include "base/processors.h"

namespace galley::inference {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20U;

struct Piece {
  const PlannedTensor* tensor = nullptr;
  std::size_t first_row = 0;
  std::size_t rows = 0;
};

std::vector<Piece> cut(std::span<const PlannedTensor> tensors) {
  std::vector<Piece> pieces;
  for (const PlannedTensor& tensor : tensors) {
    const std::size_t row_bytes = tensor::row_bytes(tensor.format, tensor.columns);
    const std::size_t step = std::max<std::size_t>(1, kPieceBytes / row_bytes);
    for (std::size_t row = 0; row < tensor.rows; row += step)
      pieces.push_back({&tensor, row, std::min(step, tensor.rows - row)});
  }
  return pieces;
}

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

/// Buffers of one thread.
class Converter {
 public:
  explicit Converter(const OutputFile& file) : file_(file) {}

  Status write(const Piece& piece) {
    const PlannedTensor& tensor = *piece.tensor;
    const std::size_t row_bytes = tensor::row_bytes(tensor.format, tensor.columns);
    out_.resize(piece.rows * row_bytes);
    scales_.resize(piece.rows);
    values_.resize(tensor.columns);
    for (std::size_t i = 0; i < piece.rows; ++i) {
      const std::size_t row = piece.first_row + i;
      std::byte* to = out_.data() + i * row_bytes;
      if (tensor.stored) {
        std::copy_n(tensor.stored(row), row_bytes, to);
        continue;
      }
      tensor.values(row, values_);
      if (!std::ranges::all_of(values_, [](float value) { return std::isfinite(value); }))
        return Error{Errc::invalid_argument,
                     fmt::format("row {} of tensor '{}' holds a weight that is no finite number",
                                 row, tensor.name)};
      scales_[i] = tensor::quantize_row(tensor.format, values_, to);
    }
    GALLEY_TRY_STATUS(file_.write_at(tensor.offset + piece.first_row * row_bytes, bytes_of(out_)));
    if (tensor.format != tensor::Format::i8) return ok();
    return file_.write_at(tensor.scales_offset + piece.first_row * sizeof(float),
                          bytes_of(scales_));
  }

 private:
  const OutputFile& file_;
  std::vector<float> values_;
  std::vector<float> scales_;
  std::vector<std::byte> out_;
};

/// The pieces, taken by whoever is free, and the first thing that went wrong.
class Work {
 public:
  Work(const OutputFile& file, std::span<const PlannedTensor> tensors, const WriteOptions& options)
      : file_(file), pieces_(cut(tensors)), options_(options) {}

  void run(bool tells_progress) {
    Converter converter(file_);
    for (;;) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= pieces_.size()) return;
      const Status status =
          options_.stop.stop_requested()
              ? Status(Error{Errc::unavailable, "the writing of the model was interrupted"})
              : converter.write(pieces_[index]);
      if (!status) {
        fail(status.error());
        return;
      }
      const std::size_t done = done_.fetch_add(1) + 1;
      if (tells_progress && options_.progress)
        options_.progress(static_cast<double>(done) / static_cast<double>(pieces_.size()));
    }
  }

  Status result() {
    const std::lock_guard lock(error_mutex_);
    if (error_) return *error_;
    return ok();
  }

 private:
  void fail(const Error& error) {
    next_ = pieces_.size();  // the others stop at their next piece
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = error;
  }

  const OutputFile& file_;
  std::vector<Piece> pieces_;
  const WriteOptions& options_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> done_{0};
  std::mutex error_mutex_;  // guards error_
  std::optional<Error> error_;
};

}  // namespace

Status write_tensors(const OutputFile& file, std::span<const PlannedTensor> tensors,
                     const WriteOptions& options) {
  Work work(file, tensors, options);
  const std::uint32_t threads = options.threads != 0 ? options.threads : usable_processors();
  {
    std::vector<std::jthread> helpers;
    for (std::uint32_t i = 1; i < threads; ++i)
      helpers.emplace_back([&work] { work.run(/*tells_progress=*/false); });
    work.run(/*tells_progress=*/true);
  }
  return work.result();
}

Result<std::uint64_t> write_gguf(const std::filesystem::path& path, const GgufWriter& writer,
                                 std::span<PlannedTensor> tensors, const WriteOptions& options) {
  const std::string header = writer.header();
  const std::vector<GgufWriter::Place> places = writer.places();
  const std::uint64_t file_bytes = writer.file_bytes();
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].offset = places[i].offset;
  GALLEY_TRY(OutputFile file, OutputFile::create(path, file_bytes));
  GALLEY_TRY_STATUS(file.write_at(0, header));
  GALLEY_TRY_STATUS(write_tensors(file, tensors, options));
  GALLEY_TRY_STATUS(file.commit());
  return file_bytes;
}

}  // namespace galley::inference
