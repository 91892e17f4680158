// The loops that every instruction set shares, written over a `Lanes` type of kLanes floats that
// the including file defines. Everything is in an unnamed namespace: each file gets its own copy,
// built with its own flags, and the linker can never swap one for another.
#pragma once

#include "kernel_sets.h"

// Row tables are updated by several threads without locks on purpose (see kernel_table.h), which
// ThreadSanitizer would rightly report anywhere else.
#if defined(__SANITIZE_THREAD__)
#define GALLEY_HOGWILD __attribute__((no_sanitize("thread")))
#else
#define GALLEY_HOGWILD
#endif

namespace galley::tensor {
namespace {

using std::int8_t;
using std::size_t;
using std::uint32_t;

/// Rows are scattered over tens of megabytes; asked for this far ahead, they arrive in time.
constexpr size_t kPrefetchRows = 12;

template <class Lanes>
float dot(const float* a, const float* b, size_t n) {
  Lanes sum = Lanes::zero();
  for (size_t i = 0; i < n; i += kLanes) sum = sum + Lanes::load(a + i) * Lanes::load(b + i);
  return sum.total();
}

template <class Lanes>
void axpy(float scale, const float* x, float* y, size_t n) {
  const Lanes factor = Lanes::all(scale);
  for (size_t i = 0; i < n; i += kLanes)
    (Lanes::load(y + i) + factor * Lanes::load(x + i)).store(y + i);
}

template <class Lanes>
GALLEY_HOGWILD void sum_rows(const float* table, size_t width, const uint32_t* rows,
                             size_t row_count, float* out) {
  for (size_t column = 0; column < width; column += kLanes) {
    Lanes sum = Lanes::zero();
    for (size_t k = 0; k < row_count; ++k) {
      if (k + kPrefetchRows < row_count)
        __builtin_prefetch(table + rows[k + kPrefetchRows] * width + column);
      sum = sum + Lanes::load(table + rows[k] * width + column);
    }
    sum.store(out + column);
  }
}

template <class Lanes>
void sum_rows_i8(const int8_t* table, const float* scales, size_t width, const uint32_t* rows,
                 size_t row_count, float* out) {
  for (size_t column = 0; column < width; column += kLanes) {
    Lanes sum = Lanes::zero();
    for (size_t k = 0; k < row_count; ++k) {
      if (k + kPrefetchRows < row_count) {
        __builtin_prefetch(table + rows[k + kPrefetchRows] * width + column);
        __builtin_prefetch(scales + rows[k + kPrefetchRows]);
      }
      sum = sum + Lanes::all(scales[rows[k]]) * Lanes::load_i8(table + rows[k] * width + column);
    }
    sum.store(out + column);
  }
}

template <class Lanes>
GALLEY_HOGWILD void adagrad_rows(float* table, float* squares, size_t width, const uint32_t* rows,
                                 size_t row_count, const float* gradient, float square,
                                 float rate) {
  for (size_t k = 0; k < row_count; ++k) {
    if (k + kPrefetchRows < row_count) __builtin_prefetch(squares + rows[k + kPrefetchRows], 1);
    const float total = squares[rows[k]] + square;
    squares[rows[k]] = total;
    const Lanes step = Lanes::all(rate / __builtin_sqrtf(total + 1e-12F));
    float* row = table + rows[k] * width;
    for (size_t column = 0; column < width; column += kLanes)
      (Lanes::load(row + column) - step * Lanes::load(gradient + column)).store(row + column);
  }
}

template <class Lanes>
constexpr KernelTable make_table(const char* isa) {
  return {isa, dot<Lanes>, axpy<Lanes>, sum_rows<Lanes>, sum_rows_i8<Lanes>, adagrad_rows<Lanes>};
}

}  // namespace
}  // namespace galley::tensor
