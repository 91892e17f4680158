#pragma once

#include <cstdint>
#include <span>

#include "estimator_fit/fits.h"

struct DnnOptions {
  std::int64_t hidden = 64;  // of each of three layers
  std::int64_t steps = 1'500;
  double learning_rate = 0.005;
  std::uint64_t seed = 1;
};

/// Three hidden layers with tanh, inputs standardised, batches of 64, AdamW with a falling rate;
/// as many steps whatever the number of rows. x: rows × width. The result is plain numbers.
/// One thread; a second or two. Equal inputs give equal networks.
galley::estimator::MlpModel fit_dnn(const galley::estimator::DenseTable& x,
                                    std::span<const double> y, const DnnOptions& options);
