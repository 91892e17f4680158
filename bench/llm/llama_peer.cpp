#include "llm/llama_peer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "process/child.h"

namespace galley::bench {
namespace {

constexpr Millis kPatience{300'000};

Result<std::string> output_of(const std::vector<std::string>& command) {
  GALLEY_TRY(const process::ChildOutput output,
             process::run_child(command, {.timeout = kPatience}));
  if (!output.succeeded())
    return Error{Errc::unavailable,
                 fmt::format("{} ended with code {}: {}", command.front(), output.exit_code,
                             output.stderr_bytes.substr(
                                 output.stderr_bytes.size() -
                                 std::min<std::size_t>(output.stderr_bytes.size(), 300)))};
  return output.stdout_bytes;
}

/// The decode speed in a row of llama-batched-bench's table: PP, TG, B, N_KV, T_PP, S_PP, T_TG,
/// S_TG.
std::optional<double> batch_speed(std::string_view table) {
  constexpr std::size_t kColumn = 8;
  std::optional<double> speed;
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    std::vector<std::string> cells;
    while (!line.empty()) {
      const std::size_t bar = std::min(line.find('|'), line.size());
      cells.emplace_back(line.substr(0, bar));
      line.remove_prefix(std::min(bar + 1, line.size()));
    }
    if (cells.size() <= kColumn) continue;
    char* rest = nullptr;
    const double value = std::strtod(cells[kColumn].c_str(), &rest);
    if (rest != cells[kColumn].c_str() && value > 0) speed = value;
  }
  return speed;
}

}  // namespace

Result<LlmSpeeds> measure_llama(const std::filesystem::path& programs,
                                const std::filesystem::path& model, std::uint32_t threads,
                                const LlmWorkload& workload) {
  LlmSpeeds speeds;
  GALLEY_TRY(const std::string single,
             output_of({(programs / "llama-bench").string(), "-m", model.string(), "-t",
                        std::to_string(threads), "-fa", "1", "-r", "1", "-p",
                        std::to_string(workload.prompt_tokens), "-n",
                        std::to_string(workload.decode_tokens), "-o", "json"}));
  GALLEY_TRY(const Json tests, parse_json(single));
  for (const Json& test : tests)
    (test.at("n_gen") == 0 ? speeds.prefill_tok_s : speeds.decode_tok_s) =
        test.at("avg_ts").get<double>();

  const std::uint32_t context =
      workload.batch * (workload.batch_prompt_tokens + workload.batch_decode_tokens);
  GALLEY_TRY(const std::string batched,
             output_of({(programs / "llama-batched-bench").string(), "-m", model.string(), "-t",
                        std::to_string(threads), "-fa", "-c", std::to_string(context), "-npp",
                        std::to_string(workload.batch_prompt_tokens), "-ntg",
                        std::to_string(workload.batch_decode_tokens), "-npl",
                        std::to_string(workload.batch)}));
  const auto speed = batch_speed(batched);
  if (!speed) return Error{Errc::unavailable, "llama-batched-bench printed no table: " + batched};
  speeds.batch_tok_s = *speed;
  return speeds;
}

}  // namespace galley::bench
