#pragma once

#include <string>
#include <string_view>

#include "estimator/features.h"
#include "estimator/regressors.h"

namespace galley::estimator {

/// A small network that `galley-train dnn` fitted with libtorch on features alone, as the file that
/// it leaves: evaluating it needs no libtorch. Its target is the logarithm of a step's seconds.
struct DnnFile {
  DenseEncoder encoder;
  MlpModel network;
};

/// {"kind": "estimator_dnn", "version": 1, "one_hot", "vocabulary", "mean", "scale", "layers"}.
std::string print_dnn(const DnnFile& file);
/// Errors: invalid_argument for what is no such file, or whose layers do not fit each other.
Result<DnnFile> parse_dnn(std::string_view json);

/// Seconds of a step; some microseconds. Errors: invalid_argument (check()).
Result<double> predict_step_s(const DnnFile& file, const JobFeatures& job);

}  // namespace galley::estimator
