#include "profiling/torch_generation.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "process/child.h"

namespace galley::profiling {
namespace {

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

Result<TorchSpeeds> generate_with_torch(const std::filesystem::path& program,
                                        const std::filesystem::path& model, const std::string& type,
                                        const TorchWork& work, Millis patience) {
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
      process::run_child({program.string(), "lm-generate", "--model", model.string(), "--type",
                          type, "--batch", std::to_string(work.batch), "--prompt",
                          std::to_string(work.prompt), "--generate", std::to_string(work.generate),
                          "--rounds", "1", "--threads", std::to_string(work.threads)},
                         {.timeout = patience, .env = environment_with_threads(work.threads)}));
  if (!output.succeeded())
    return Error{Errc::unavailable, "libtorch's generation failed: " + output.stderr_bytes};
  GALLEY_TRY(const Json speeds, parse_json(output.stdout_bytes));
  return TorchSpeeds{.prompt = speeds.value("prefill_tok_s", 0.0),
                     .decode = speeds.value("decode_tok_s", 0.0),
                     .generated = speeds.value("generated_tok_s", 0.0)};
}

}  // namespace galley::profiling
