#include "base/text.h"
#include "cluster/gpu.h"
#include "process/child.h"

namespace galley::cluster {
namespace {

constexpr std::int64_t kMostAnswerBytes = 256 * 1024;
constexpr int kExitNoDevices = 6;  // nvidia-smi's own code for "no devices were found"
constexpr std::size_t kMostQuotedBytes = 200;

Result<std::vector<GpuDevice>> ask(const GpuProbeOptions& options) {
  const auto answer = process::run_child(
      {options.program, "--query-gpu=" + std::string(kGpuQuery), "--format=csv,noheader,nounits"},
      {.timeout = options.timeout, .max_output_bytes = kMostAnswerBytes});
  if (!answer && answer.error().code == Errc::not_found) return std::vector<GpuDevice>{};
  if (!answer) {
    Error error = answer.error();
    error.message = "cannot see the GPUs: " + error.message;
    return error;
  }
  if (answer->exit_code == kExitNoDevices) return std::vector<GpuDevice>{};
  if (!answer->succeeded()) {
    const std::string& said =
        trim(answer->stderr_bytes).empty() ? answer->stdout_bytes : answer->stderr_bytes;
    return Error{Errc::unavailable, "cannot see the GPUs: " + options.program +
                                        " ended with code " + std::to_string(answer->exit_code) +
                                        ": " +
                                        to_valid_utf8(trim(said).substr(0, kMostQuotedBytes))};
  }
  return parse_gpu_csv(answer->stdout_bytes);
}

}  // namespace

const GpuReport& GpuProbe::look() {
  auto devices = ask(options_);
  if (devices) {
    report_ = {*std::move(devices), false, std::nullopt};
  } else {
    report_.stale = true;
    report_.error = std::move(devices).error();
  }
  return report_;
}

}  // namespace galley::cluster
