// Products of the processor's device: inputs prepared once, panels of all products in one loop.
#include <algorithm>

#include "cpu_device.h"

namespace galley::tensor {
namespace {

/// Of one multiply(): q, k, v or gate, up, as a rule.
constexpr std::size_t kMaxProducts = 16;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

const CpuMatrix& packed(const Matrix& matrix) {
  const auto* found = dynamic_cast<const CpuMatrix*>(&matrix);
  GALLEY_CHECK(found != nullptr, "a product's matrix is one that pack() made");
  return *found;
}

/// Time for kPanelStep panels, roughly; ten times more or less does no harm.
double step_ns(const MatmulCall& call) {
  constexpr double kReadBytesPerNs = 12;
  constexpr double kOperationsPerNs = 300;
  const double reads = static_cast<double>(call.matrix->panel_bytes) / kReadBytesPerNs;
  const double sums = 2.0 * kPanelRows *
                      static_cast<double>(call.matrix->columns * call.input->rows) /
                      kOperationsPerNs;
  return kPanelStep * std::max(reads, sums);
}

}  // namespace

const float* CpuDevice::make_input(const Input& input, std::size_t row, float* buffer) const {
  const float* x = row_of(*input.x, row);
  const std::size_t columns = input.x->columns();
  switch (input.kind) {
    case Input::Kind::plain:
      return x;
    case Input::Kind::norm:
      apply_norm(input.norm, x, columns, buffer);
      break;
    case Input::Kind::swiglu:
      forward_.swiglu(x, row_of(*input.other, row), columns, buffer);
      break;
    case Input::Kind::gelu:
      forward_.gelu(x, columns, buffer);
      break;
    case Input::Kind::gelu_erf:
      forward_.gelu_erf(x, columns, buffer);
      break;
  }
  return buffer;
}

CpuDevice::Prepared CpuDevice::prepare(const Input& input, std::size_t first_row, std::size_t rows,
                                       const Needed& needed) {
  const std::size_t columns = input.x->columns();
  GALLEY_CHECK(first_row + rows <= input.x->rows(), "the input has that many rows");
  GALLEY_CHECK(input.kind != Input::Kind::swiglu || input.other->columns() == columns,
               "gate and up are equally wide");
  ensure(rows, columns);
  Prepared prepared{};
  std::byte* room = prepared_.get();
  bool any = false;
  for (std::size_t i = 0; i < kPreparations; ++i) {
    if (!needed[i]) continue;
    const auto kind = static_cast<Preparation>(i);
    const std::size_t stride = prepared_row_bytes(kind, columns);
    prepared[i] = {kind, rows, columns, room, stride};
    if (kind == Preparation::f32 && input.kind == Input::Kind::plain) {
      prepared[i].data = reinterpret_cast<const std::byte*>(row_of(*input.x, first_row));
      prepared[i].stride = columns * sizeof(float);
      continue;
    }
    any = true;
    room += rows * stride;
  }
  if (!any) return prepared;
  std::byte* const start = prepared_.get();
  over_rows(rows, columns, [&](std::size_t begin, std::size_t end, std::uint32_t thread) {
    for (std::size_t row = begin; row < end; ++row) {
      const float* x = make_input(input, first_row + row, work_of(thread).row);
      for (const PreparedRows& to : prepared)
        if (to.rows > 0 && to.data >= start && to.data < room)
          matmul_.prepare(to.preparation, x, columns, start + (to.data - start) + row * to.stride);
    }
  });
  return prepared;
}

void CpuDevice::cut_products(std::span<const MatmulCall> calls) {
  constexpr double kLeastNs = 6000;
  constexpr double kMostNs = 60000;
  const auto steps_in = [](std::size_t panels) { return divide_up(panels, kPanelStep); };
  double left_ns = 0;
  for (const MatmulCall& call : calls)
    left_ns += step_ns(call) * static_cast<double>(steps_in(panel_count(call.matrix->rows)));
  pieces_.clear();
  for (const MatmulCall& call : calls) {
    const double step = step_ns(call);
    const std::size_t panels = panel_count(call.matrix->rows);
    for (std::size_t begin = 0, end = 0; begin < panels; begin = end) {
      const double wanted = std::clamp(left_ns / (2 * pool_.size()), kLeastNs, kMostNs);
      const auto steps = std::max<std::size_t>(static_cast<std::size_t>(wanted / step), 1);
      end = std::min(begin + kPanelStep * steps, panels);
      left_ns -= step * static_cast<double>(steps_in(end - begin));
      pieces_.push_back({&call, begin, end});
    }
  }
}

void CpuDevice::run_products(std::span<const MatmulCall> calls) {
  cut_products(calls);
  pool_.run(pieces_.size(), [&](std::size_t tile, std::uint32_t thread) {
    const Piece& piece = pieces_[tile];
    matmul_.multiply(*piece.call, piece.begin, piece.end, work_of(thread).kernel);
  });
}

void CpuDevice::multiply(const Input& input, std::size_t rows, std::span<const Product> products) {
  if (rows == 0 || products.empty()) return;
  GALLEY_CHECK(products.size() <= kMaxProducts, "so many products share an input");
  Needed needed{};
  for (const Product& product : products)
    needed[static_cast<std::size_t>(packed(*product.matrix).preparation())] = true;
  const Prepared prepared = prepare(input, 0, rows, needed);

  std::array<MatmulCall, kMaxProducts> calls{};
  for (std::size_t i = 0; i < products.size(); ++i) {
    const Product& product = products[i];
    const CpuMatrix& matrix = packed(*product.matrix);
    GALLEY_CHECK(matrix.columns() == input.x->columns() && rows <= product.out->rows() &&
                     matrix.rows() <= product.out->columns(),
                 "a product's input, matrix and output fit");
    calls[i] = {&matrix.packed(),
                &prepared[static_cast<std::size_t>(matrix.preparation())],
                row_of(*product.out, 0),
                product.out->columns(),
                product.bias != nullptr ? row_of(*product.bias, 0) : nullptr,
                product.accumulate};
  }
  run_products({calls.data(), products.size()});
}

void CpuDevice::adapt(const Input& input, std::size_t first_row, std::size_t rows,
                      const Matrix& down, const Matrix& up, float scale, Tensor& out) {
  if (rows == 0) return;
  const CpuMatrix& narrow = packed(down);
  const CpuMatrix& wide = packed(up);
  const std::size_t rank = narrow.rows();
  GALLEY_CHECK(narrow.columns() == input.x->columns() && wide.columns() == rank &&
                   wide.rows() <= out.columns() && first_row + rows <= out.rows(),
               "an adapter fits its input and output");
  ensure(rows, std::max(input.x->columns(), rank));
  if (rank > low_rank_columns_) {
    auto memory = map_memory(work_rows_ * rank * sizeof(float));
    GALLEY_CHECK(memory, "memory for a wide adapter could not be had");
    low_rank_ = *std::move(memory);
    low_rank_columns_ = rank;
  }

  Needed needed{};
  needed[static_cast<std::size_t>(narrow.preparation())] = true;
  Prepared prepared = prepare(input, first_row, rows, needed);
  auto* low = reinterpret_cast<float*>(low_rank_.get());
  const MatmulCall first{&narrow.packed(),
                         &prepared[static_cast<std::size_t>(narrow.preparation())],
                         low,
                         rank,
                         nullptr,
                         false};
  run_products({&first, 1});
  forward_.scale(low, scale, rows * rank, low);

  // The rows between the two are a tensor of nobody's: prepared as plain input.
  const Tensor between(std::shared_ptr<void>(std::shared_ptr<void>(), low), rows, rank);
  Input plain;
  plain.x = &between;
  needed = {};
  needed[static_cast<std::size_t>(wide.preparation())] = true;
  prepared = prepare(plain, 0, rows, needed);
  const MatmulCall second{&wide.packed(),
                          &prepared[static_cast<std::size_t>(wide.preparation())],
                          row_of(out, first_row),
                          out.columns(),
                          nullptr,
                          true};
  run_products({&second, 1});
}

}  // namespace galley::tensor
