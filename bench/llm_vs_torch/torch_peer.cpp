#include "llm_vs_torch/torch_peer.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "base/json.h"
#include "process/child.h"

namespace galley::bench {
namespace {

constexpr Millis kPatience{600'000};

/// Ours, but for the numbers of threads that its libraries read.
std::vector<std::string> environment_with_threads(std::uint32_t threads) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("OMP_NUM_THREADS=") && !text.starts_with("OPENBLAS_NUM_THREADS="))
      environment.emplace_back(text);
  }
  environment.push_back("OMP_NUM_THREADS=" + std::to_string(threads));
  environment.push_back("OPENBLAS_NUM_THREADS=" + std::to_string(threads));
  return environment;
}

}  // namespace

Result<GenerationSpeeds> generate_with_torch(const std::filesystem::path& programs,
                                             const std::filesystem::path& model,
                                             const std::string& type,
                                             const Generation& generation) {
  const auto program = programs / "galley-train-torch";
  std::error_code error;
  if (!std::filesystem::exists(program, error))
    return Error{Errc::not_found,
                 program.string() + " is not there",
                 {},
                 {},
                 "it is built where CMake finds libtorch (Debian: libtorch-dev, "
                 "libopenblas0-openmp)"};
  GALLEY_TRY(
      const auto output,
      process::run_child(
          {program.string(), "lm-generate", "--model", model.string(), "--type", type, "--batch",
           std::to_string(generation.batch), "--prompt", std::to_string(generation.prompt),
           "--generate", std::to_string(generation.generate), "--rounds", "1", "--threads",
           std::to_string(generation.threads)},
          {.timeout = kPatience, .env = environment_with_threads(generation.threads)}));
  if (!output.succeeded())
    return Error{Errc::unavailable,
                 "the training framework's generation failed: " + output.stderr_bytes};
  GALLEY_TRY(const Json speeds, parse_json(output.stdout_bytes));
  return GenerationSpeeds{.prefill_tok_s = speeds.value("prefill_tok_s", 0.0),
                          .decode_tok_s = speeds.value("decode_tok_s", 0.0),
                          .generated_tok_s = speeds.value("generated_tok_s", 0.0)};
}

}  // namespace galley::bench
