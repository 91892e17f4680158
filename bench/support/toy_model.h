#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "api_client.h"
#include "base/result.h"

namespace galley::support {

/// Made-up Korean film reviews of two kinds, the same for the same seed: words of praise or of
/// blame among neutral ones, of the length of real ones (about 35 characters).
struct ToyReview {
  std::string text;
  bool positive = false;
};
std::vector<ToyReview> toy_reviews(std::size_t count, std::uint64_t seed);

/// Writes them as a file for `galley-train classifier`.
Status write_toy_reviews(const std::filesystem::path& file, std::size_t count, std::uint64_t seed);

struct ToyModelOptions {
  std::filesystem::path trainer;  // the galley-train executable
  std::filesystem::path folder;   // takes the data file
  std::string model;              // name to publish under
  std::size_t texts = 20'000;
};

/// Trains a classifier of such reviews as a job of the server, freezes its artifact as a snapshot
/// and deploys it to prod. Answers the snapshot's id.
/// Errors: unavailable (the job failed: why); the server's.
Result<std::string> deploy_toy_model(ApiClient& client, const ToyModelOptions& options);

}  // namespace galley::support
