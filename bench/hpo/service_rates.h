#pragma once

#include <filesystem>

#include "base/result.h"

namespace galley::bench {

struct ServiceRates {
  double durable_10k_s = 0;      // 10,000 trials, asked and told by one client, each on disk
  double http_trials_per_s = 0;  // 64 clients on one study
  double reopen_100k_s = 0;      // from the start of the program to a study's first answer
};

/// What a study costs behind the server: `galley up` of the folder `programs` on a folder of its
/// own, a study of eight parameters with tpe. Several minutes.
Result<ServiceRates> measure_service_rates(const std::filesystem::path& programs);

}  // namespace galley::bench
