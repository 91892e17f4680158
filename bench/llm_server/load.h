#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::bench {

/// One request to be made.
struct LoadRequest {
  std::string prompt;
  std::int64_t max_tokens = 0;
};

struct LoadShape {
  std::int64_t requests = 0;
  std::int64_t prompt_words = 0;
  std::int64_t max_tokens = 0;
  std::int64_t shared_prefix = 0;
  bool mixed = false;
  std::uint64_t seed = 1;
};
/// Equal shapes give equal requests.
std::vector<LoadRequest> make_load(const LoadShape& shape);

struct LoadTarget {
  std::string url;  // without /v1
  std::string api_key;
  std::string model;
};

/// What all clients together have seen.
struct LoadSamples {
  std::vector<double> ttft_ms;
  std::vector<double> itl_ms;
  std::int64_t generated = 0;
  std::int64_t prompt = 0;
  std::int64_t cached = 0;
  std::int64_t answered = 0;
  std::map<std::string, std::int64_t> errors;  // by what was said
  double seconds = 0;
};

/// The id of the first model that the server lists.
Result<std::string> first_model(const LoadTarget& target);
/// Makes all requests, `clients` at a time, and waits for the last answer. Ends early on Ctrl-C.
LoadSamples run_load(const LoadTarget& target, const std::vector<LoadRequest>& requests,
                     std::int64_t clients);

}  // namespace galley::bench
