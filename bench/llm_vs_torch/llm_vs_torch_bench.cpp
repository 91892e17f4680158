#include "llm_vs_torch/llm_vs_torch_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/processors.h"
#include "inference/quantize.h"
#include "inference/synth.h"
#include "llm_vs_torch/generation.h"
#include "profiling/torch_generation.h"
#include "support/scratch_folder.h"
#include "support/statistics.h"

namespace galley::bench {
namespace {

constexpr std::array<std::uint32_t, 2> kBatches{1, 8};
constexpr Millis kTorchPatience{600'000};

/// Who generates, and how.
struct Contender {
  std::string name;
  std::function<Result<GenerationSpeeds>(const Generation&)> generate;
};

/// The speeds of every round of one contender at one batch.
struct Series {
  std::vector<double> prefill, decode, generated;

  void add(const GenerationSpeeds& speeds) {
    prefill.push_back(speeds.prefill_tok_s);
    decode.push_back(speeds.decode_tok_s);
    generated.push_back(speeds.generated_tok_s);
  }
};
using AllSeries = std::map<std::string, Series>;

Result<std::filesystem::path> model_of(const LlmVsTorchOptions& options,
                                       const std::filesystem::path& folder) {
  if (!options.model.empty()) return options.model;
  const auto shape = inference::synth_preset("125m");
  GALLEY_CHECK(shape.has_value(), "the preset is one of synth's");
  const auto file = folder / "125m-bf16.gguf";
  fmt::print(stderr, "making a model of 125 million random weights\n");
  GALLEY_TRY_STATUS(
      inference::synthesize(*shape, {.mix = inference::QuantMix::bf16}, file).and_then([](auto&&) {
        return ok();
      }));
  return file;
}

Status measure_round(const std::vector<Contender>& contenders, Generation generation,
                     AllSeries& all) {
  for (const Contender& contender : contenders) {
    GALLEY_TRY(const auto speeds, contender.generate(generation));
    fmt::print(stderr, "{} x {}: prefill {:.1f}, decode {:.1f}, in all {:.1f} tokens/s\n",
               contender.name, generation.batch, speeds.prefill_tok_s, speeds.decode_tok_s,
               speeds.generated_tok_s);
    all[contender.name].add(speeds);
  }
  return ok();
}

/// Ours to the better of the peer's two types.
double ratio_to_torch(const AllSeries& all, const std::string& ours,
                      std::vector<double> Series::*kind) {
  const auto speed = [&](const std::string& name) { return support::median(all.at(name).*kind); };
  return speed(ours) / std::max(speed("torch_f32"), speed("torch_bf16"));
}

void add_figures(const AllSeries& all, std::uint32_t batch, BenchReport& report) {
  const std::string ending = batch == 1 ? "" : fmt::format("_batch{}", batch);
  for (const auto& [name, series] : all)
    report.figures[name + "_tok_s" + ending] = support::median(series.generated);
  report.figures["prefill_ratio" + ending] = ratio_to_torch(all, "ours", &Series::prefill);
  report.figures["decode_ratio" + ending] = ratio_to_torch(all, "ours", &Series::decode);
  for (const std::string kind : {"", "_q8_0"}) {
    const double ratio = ratio_to_torch(all, "ours" + kind, &Series::generated);
    const auto entry = report.figures.emplace("ratio" + kind, ratio).first;
    entry->second = std::min(entry->second, ratio);
  }
}

}  // namespace

Result<BenchReport> run_llm_vs_torch_bench(const LlmVsTorchOptions& options) {
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  GALLEY_TRY(const auto model, model_of(options, scratch.path()));
  const auto quantised = scratch / "q8_0.gguf";
  GALLEY_TRY_STATUS(
      inference::quantize(model, quantised, inference::QuantMix::q8_0, {}).and_then([](auto&&) {
        return ok();
      }));
  const std::uint32_t threads = options.threads > 0 ? options.threads : usable_processors();
  const auto torch = [&](const std::string& type) {
    return [&, type](const Generation& g) -> Result<GenerationSpeeds> {
      GALLEY_TRY(
          const auto speeds,
          profiling::generate_with_torch(
              options.programs / "galley-train-torch", model, type,
              {.batch = g.batch, .prompt = g.prompt, .generate = g.generate, .threads = g.threads},
              kTorchPatience));
      return GenerationSpeeds{.prefill_tok_s = speeds.prompt,
                              .decode_tok_s = speeds.decode,
                              .generated_tok_s = speeds.generated};
    };
  };
  const std::vector<Contender> contenders{
      {"torch_f32", torch("f32")},
      {"torch_bf16", torch("bf16")},
      {"ours", [&](const Generation& g) { return generate_with_engine(model, g); }},
      {"ours_q8_0", [&](const Generation& g) { return generate_with_engine(quantised, g); }}};

  std::map<std::uint32_t, AllSeries> batches;
  for (std::int64_t round = 0; round < options.rounds; ++round)
    for (const std::uint32_t batch : kBatches)
      GALLEY_TRY_STATUS(
          measure_round(contenders, {.batch = batch, .threads = threads}, batches[batch]));
  BenchReport report{.name = "llm-vs-torch"};
  report.figures["threads"] = threads;
  for (const auto& [batch, all] : batches) add_figures(all, batch, report);
  return report;
}

}  // namespace galley::bench
