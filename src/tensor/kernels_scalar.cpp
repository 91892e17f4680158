#include "kernel_loops.h"

namespace galley::tensor {
namespace {

/// Sixteen floats in plain C++: what the vector versions must equal.
struct ScalarLanes {
  float lane[kLanes];

  static ScalarLanes all(float x) {
    ScalarLanes v;
    for (float& lane : v.lane) lane = x;
    return v;
  }
  static ScalarLanes zero() { return all(0); }
  GALLEY_HOGWILD static ScalarLanes load(const float* p) {
    ScalarLanes v;
    for (size_t i = 0; i < kLanes; ++i) v.lane[i] = p[i];
    return v;
  }
  static ScalarLanes load_i8(const int8_t* p) {
    ScalarLanes v;
    for (size_t i = 0; i < kLanes; ++i) v.lane[i] = static_cast<float>(p[i]);
    return v;
  }
  GALLEY_HOGWILD void store(float* p) const {
    for (size_t i = 0; i < kLanes; ++i) p[i] = lane[i];
  }
  float total() const {
    float sum[kLanes];
    for (size_t i = 0; i < kLanes; ++i) sum[i] = lane[i];
    for (size_t half = kLanes / 2; half > 0; half /= 2)
      for (size_t i = 0; i < half; ++i) sum[i] += sum[i + half];
    return sum[0];
  }
};

ScalarLanes operator+(ScalarLanes a, const ScalarLanes& b) {
  for (size_t i = 0; i < kLanes; ++i) a.lane[i] += b.lane[i];
  return a;
}
ScalarLanes operator-(ScalarLanes a, const ScalarLanes& b) {
  for (size_t i = 0; i < kLanes; ++i) a.lane[i] -= b.lane[i];
  return a;
}
ScalarLanes operator*(ScalarLanes a, const ScalarLanes& b) {
  for (size_t i = 0; i < kLanes; ++i) a.lane[i] *= b.lane[i];
  return a;
}

}  // namespace

constinit const KernelTable kScalarKernels = make_table<ScalarLanes>("scalar");

}  // namespace galley::tensor
