#include "base/text.h"
#include "cluster/gpu.h"
#include "process/child.h"

namespace galley::cluster {
namespace {

constexpr std::int64_t kMostAnswerBytes = 256 * 1024;
constexpr int kExitNoDevices = 6;  // nvidia-smi's own code for "no devices were found"
constexpr std::size_t kMostQuotedBytes = 200;

/// Runs the program. Its "no devices were found" is an answer.
Result<process::ChildOutput> run_smi(const GpuProbeOptions& options,
                                     std::vector<std::string> arguments, const char* what) {
  arguments.insert(arguments.begin(), options.program);
  auto answer = process::run_child(
      std::move(arguments), {.timeout = options.timeout, .max_output_bytes = kMostAnswerBytes});
  if (!answer) {
    Error error = std::move(answer).error();
    error.message = std::string(what) + ": " + error.message;
    return error;
  }
  if (answer->succeeded() || answer->exit_code == kExitNoDevices) return answer;
  const std::string& said =
      trim(answer->stderr_bytes).empty() ? answer->stdout_bytes : answer->stderr_bytes;
  return Error{Errc::unavailable, std::string(what) + ": " + options.program + " ended with code " +
                                      std::to_string(answer->exit_code) + ": " +
                                      to_valid_utf8(trim(said).substr(0, kMostQuotedBytes))};
}

Result<std::vector<GpuDevice>> ask(const GpuProbeOptions& options) {
  const auto answer =
      run_smi(options, {"--query-gpu=" + std::string(kGpuQuery), "--format=csv,noheader,nounits"},
              "cannot see the GPUs");
  if (!answer && answer.error().code == Errc::not_found) return std::vector<GpuDevice>{};
  if (!answer) return answer.error();
  if (answer->exit_code == kExitNoDevices) return std::vector<GpuDevice>{};
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

Result<LinkMatrix> GpuProbe::look_at_links() const {
  GALLEY_TRY(const process::ChildOutput answer,
             run_smi(options_, {"topo", "-m"}, "cannot see how the GPUs are linked"));
  return parse_topo_matrix(answer.stdout_bytes);
}

}  // namespace galley::cluster
