#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::bench {

struct SubmitLoad {
  std::string url;
  std::string token;
  std::string body;  // of every request
  std::int64_t clients = 8;
  std::chrono::seconds length{3};
};

struct SubmitFigures {
  double jobs_per_s = 0;
  std::vector<double> latencies_ms;
};

/// Submits the same job from all clients at once, each as fast as it is answered.
/// Errors: the first refusal or broken connection.
Result<SubmitFigures> submit_for(const SubmitLoad& load);

}  // namespace galley::bench
