#include "llm/llm_bench.h"

#include <fmt/format.h>

#include <cstdio>
#include <vector>

#include "base/processors.h"
#include "kernels/machine_limits.h"
#include "kernels/pages.h"
#include "llm/llama_peer.h"
#include "llm/measured_model.h"
#include "llm/served_model.h"
#include "statistics.h"
#include "stop.h"

namespace galley::bench {
namespace {

/// The first finds memory that a virtual machine's host must provide anew, page by page.
constexpr int kStarts = 3;
constexpr std::size_t kLimitBytes = std::size_t{512} << 20;  // far more than any cache

/// What each round found.
struct Samples {
  std::vector<double> prefill, decode, batch;

  void add(const LlmSpeeds& speeds) {
    prefill.push_back(speeds.prefill_tok_s);
    decode.push_back(speeds.decode_tok_s);
    batch.push_back(speeds.batch_tok_s);
  }
};

struct LimitSamples {
  std::vector<double> read_gb_s, int8_gop_s, f32_gop_s;
};

/// The limits with as many threads as the engine has. The memory and the spinning crew are gone
/// afterwards: neither may disturb what is measured next.
void add_limits(std::uint32_t threads, bool has_tiles, LimitSamples& samples) {
  const Pages memory(kLimitBytes);
  Crew crew(threads);
  const MachineLimits limits = measure_limits(crew, memory.all(), kLimitBytes / threads, has_tiles);
  samples.read_gb_s.push_back(limits.read_gb_s);
  samples.int8_gop_s.push_back(std::max(limits.int8_vnni_gop_s, limits.int8_amx_gop_s));
  samples.f32_gop_s.push_back(std::max(limits.f32_avx512_gop_s, limits.f32_avx2_gop_s));
}

void say(std::int64_t round, std::int64_t rounds, const char* who, const LlmSpeeds& speeds) {
  fmt::print(stderr,
             "round {}/{}: {:<9} prompt {:7.1f} tok/s   decode {:6.2f}   batch of 16 {:7.1f}\n",
             round, rounds, who, speeds.prefill_tok_s, speeds.decode_tok_s, speeds.batch_tok_s);
}

/// Whether the large products' kernel says so in its name: "int8", "amx".
bool served_by(const inference::LanguageModel& model, std::string_view what) {
  for (const auto& use : model.kernels())
    if (use.operation == "ffn_up") return use.kernel.find(what) != std::string::npos;
  return false;
}

}  // namespace

Result<BenchReport> run_llm_bench(const LlmBenchOptions& options) {
  if (options.model.empty())
    return Error{Errc::invalid_argument, "there is no model to measure", "--model",
                 "--model FILE, for example one that `galley models synth` made"};
  const std::uint32_t threads = options.threads > 0 ? options.threads : usable_processors();
  const LlmWorkload workload;
  Samples ours;
  Samples peer;
  LimitSamples limits;
  double kv_per_token = 0;
  double decode_bytes = 0;
  double operations = 0;
  double file_bytes = 0;
  bool quantised = false;
  {
    GALLEY_TRY(MeasuredModel measured, MeasuredModel::open(options.model, threads, workload));
    const inference::ModelConfig& config = measured.model().config();
    kv_per_token =
        static_cast<double>(inference::kv_bytes_per_token(config, tensor::KvFormat::f16));
    decode_bytes = static_cast<double>(measured.decode_weight_bytes()) +
                   kv_per_token * workload.decode_tokens / 2;
    operations = measured.prompt_operations();
    file_bytes = static_cast<double>(measured.file_bytes());
    quantised = served_by(measured.model(), "int8");
    measured.measure();  // pages, caches and clocks before anything counts
    for (std::int64_t round = 1; round <= options.rounds; ++round) {
      GALLEY_TRY_STATUS(support::check_stop());
      add_limits(threads, served_by(measured.model(), "amx"), limits);
      const LlmSpeeds own = measured.measure();
      ours.add(own);
      say(round, options.rounds, "galley", own);
      if (options.peer.empty()) continue;
      GALLEY_TRY(const LlmSpeeds its,
                 measure_llama(options.peer, options.model, threads, workload));
      peer.add(its);
      say(round, options.rounds, "llama.cpp", its);
    }
  }
  ServedFigures served;
  std::vector<double> first_token_s;
  for (int start = 0; start < kStarts; ++start) {
    GALLEY_TRY(served, measure_served(options.programs, options.model, threads, kv_per_token));
    first_token_s.push_back(served.first_token_s);
    fmt::print(stderr, "start {}/{}: first token after {:.2f} s\n", start + 1, kStarts,
               served.first_token_s);
  }

  using support::median;
  const double roof = median(quantised ? limits.int8_gop_s : limits.f32_gop_s);
  const double read = median(limits.read_gb_s);
  BenchReport report{.name = "llm"};
  report.figures = {{"threads", threads},
                    {"prefill_512_tok_s", median(ours.prefill)},
                    {"decode_tok_s", median(ours.decode)},
                    {"batch16_tok_s", median(ours.batch)},
                    {"read_gb_s", read},
                    {"roof_gop_s", roof},
                    {"bandwidth_fraction", median(ours.decode) * decode_bytes / (read * 1e9)},
                    {"prefill_roof_fraction", median(ours.prefill) * operations / (roof * 1e9)},
                    {"rss_ratio", served.resident_bytes / (file_bytes + served.kv_bytes)},
                    {"resident_mib", served.resident_bytes / (1 << 20)},
                    {"file_mib", file_bytes / (1 << 20)},
                    {"first_token_s", median(first_token_s)}};
  if (!options.peer.empty()) {
    report.peers["llama.cpp"] = {{"prefill_512_tok_s", median(peer.prefill)},
                                 {"decode_tok_s", median(peer.decode)},
                                 {"batch16_tok_s", median(peer.batch)}};
    report.figures["prefill_ratio"] = median(ours.prefill) / median(peer.prefill);
    report.figures["decode_ratio"] = median(ours.decode) / median(peer.decode);
    report.figures["batch16_ratio"] = median(ours.batch) / median(peer.batch);
  }
  return report;
}

}  // namespace galley::bench
