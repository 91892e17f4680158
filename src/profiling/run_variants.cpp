// The experiments that run the same work under several settings.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/processors.h"
#include "inference/synth.h"
#include "run_settings.h"

namespace galley::profiling {
namespace {

using inference::QuantMix;

constexpr std::array kVariantMixes{QuantMix::f16, QuantMix::q8_0, QuantMix::q4_k_m, QuantMix::q4_0};
constexpr std::uint32_t kWarmUpRequests = 4;
constexpr std::uint32_t kWarmUpRounds = 8;

EngineSettings engine_of(const ModelSource& source) { return {.threads = source.threads}; }

/// "34M", "1.1B".
std::string size_text(std::uint64_t parameters) {
  const auto value = static_cast<double>(parameters);
  if (value >= 1e9) return fmt::format("{:.1f}B", value / 1e9);
  return value >= 1e7 ? fmt::format("{:.0f}M", value / 1e6) : fmt::format("{:.1f}M", value / 1e6);
}

/// Of what synthesises its weights: an embedding, an output layer of its own, and blocks.
struct SizedShape {
  inference::SynthShape shape;
  double block_parameters = 0, other_parameters = 0;
};

SizedShape shape_like(const inference::ModelConfig& config) {
  SizedShape sized;
  auto& shape = sized.shape;
  shape.architecture = config.architecture == "gpt2" ? "gpt2" : "llama";
  shape.layers = config.layers;
  shape.width = config.width;
  shape.heads = config.heads;
  shape.kv_heads = config.kv_heads;
  shape.feed_forward = config.feed_forward;
  shape.context = config.context;
  shape.vocabulary = config.vocabulary;
  const auto width = static_cast<double>(config.width);
  const double kv_width =
      width / static_cast<double>(config.heads) * static_cast<double>(config.kv_heads);
  const double feeds = shape.architecture == "gpt2" ? 2 : 3;
  sized.block_parameters = 2 * width * width + 2 * width * kv_width +
                           feeds * width * static_cast<double>(config.feed_forward);
  sized.other_parameters = 2 * width * static_cast<double>(config.vocabulary);
  return sized;
}

/// The same, with so many blocks that it has `ratio` times the parameters.
inference::SynthShape with_ratio(const SizedShape& sized, double ratio) {
  inference::SynthShape shape = sized.shape;
  const double whole =
      sized.other_parameters + static_cast<double>(shape.layers) * sized.block_parameters;
  const double blocks = (whole * ratio - sized.other_parameters) / sized.block_parameters;
  shape.layers = static_cast<std::size_t>(std::max(std::lround(blocks), 1L));
  return shape;
}

QuantMix mix_near(const std::string& format) {
  if (const auto mix = inference::mix_of(format); mix && *mix != QuantMix::i8) return *mix;
  if (format == "q4_k" || format == "q5_k" || format == "q6_k") return QuantMix::q4_k_m;
  return format == "f32" ? QuantMix::f16 : QuantMix::q8_0;
}

}  // namespace

Experiment run_warm_up(const ModelSource& source, const StudyFrame& frame, const Budget& budget) {
  Table table("warm-up");
  table.note(
      fmt::format("A freshly loaded model each time, and its first {} requests.", kWarmUpRequests));
  Workload work = scaled(workload("one-shot"), frame.scale);
  work.output_tokens = kLeastTokens;
  double seconds = 0;
  const std::uint32_t rounds = std::min(kWarmUpRounds, frame.rounds);
  for (std::uint32_t round = 0; round < rounds && (round == 0 || budget.affords(seconds));
       ++round) {
    const Instant began = budget.now();
    for (const bool warm_up : {false, true}) {
      EngineSettings settings = engine_of(source);
      settings.warm_up = warm_up;
      frame.look();
      auto subject = EngineSubject::open(source.path, settings, budget.stop());
      if (!subject) {
        table.note("the model could not be loaded again: " + describe(subject.error()));
        return table.take();
      }
      for (std::uint32_t i = 0; i < kWarmUpRequests; ++i) {
        const Ask ask = ask_of(**subject, work, frame, round * kWarmUpRequests + i,
                               (work.prompt_least + work.prompt_most) / 2);
        const auto replies = (*subject)->answer(std::span(&ask, 1), {});
        if (replies.empty() || budget.interrupted()) return table.take();
        if (!replies.front().fault.empty()) {
          table.note("a request was left out: " + replies.front().fault);
          continue;
        }
        table.add({count(warm_up ? 1 : 0), count(i), number(replies.front().first_token_ms),
                   number(replies.front().latency_ms)});
      }
      frame.look_at_end();
    }
    seconds = std::chrono::duration<double>(budget.now() - began).count();
  }
  return table.take();
}

Experiment run_doubled(const ModelSource& source, const StudyFrame& frame, const Budget& budget) {
  Table table("doubled");
  const auto file = inference::ModelFile::open(source.path);
  if (!file) {
    table.note("the model could not be opened again: " + describe(file.error()));
    return table.take();
  }
  const SizedShape sized = shape_like(file->config());
  const QuantMix mix = mix_near(source.model.format);
  std::vector<Setting> settings;
  for (const double ratio : {0.5, 1.0, 2.0}) {
    const auto shape = with_ratio(sized, ratio);
    const auto path = source.scratch / fmt::format("doubled-{}.gguf", ratio);
    std::stop_source late;
    const auto written = inference::synthesize(shape,
                                               {.mix = mix,
                                                .seed = frame.seed,
                                                .write = {.threads = source.threads,
                                                          .progress =
                                                              [&](double) {
                                                                if (budget.over())
                                                                  late.request_stop();
                                                              },
                                                          .stop = late.get_token()}},
                                               path);
    if (!written) {
      table.note(fmt::format("a model {} times as large was left out: {}", ratio,
                             budget.over() ? "the time was used up" : describe(written.error())));
      continue;
    }
    settings.push_back(
        {.name = size_text(written->parameters), .path = path, .engine = engine_of(source)});
  }
  table.note(fmt::format(
      "Random weights of this model's shape in {}, with as many blocks as give half, once and "
      "twice its parameters. Their surprise means nothing.",
      inference::name_of(mix)));
  measure_settings(table, settings, frame, budget);
  return table.take();
}

Experiment run_instruction_sets(const ModelSource& source, const StudyFrame& frame,
                                const Budget& budget) {
  Table table("instruction-sets");
  std::vector<Setting> settings;
  for (const std::string& isa : usable_instruction_sets())
    settings.push_back(
        {.name = isa, .path = source.path, .engine = {.threads = source.threads, .isa = isa}});
  measure_settings(table, settings, frame, budget);
  return table.take();
}

Experiment run_threads(const ModelSource& source, const StudyFrame& frame, const Budget& budget) {
  Table table("threads");
  const std::uint32_t most = usable_processors();
  std::vector<Setting> settings;
  for (std::uint32_t threads = 1; threads < most; threads *= 2)
    settings.push_back(
        {.name = std::to_string(threads), .path = source.path, .engine = {.threads = threads}});
  settings.push_back(
      {.name = std::to_string(most), .path = source.path, .engine = {.threads = most}});
  if (most == 1) table.note("this process may use one processor");
  std::ranges::reverse(settings);
  measure_settings(table, settings, frame, budget);
  return table.take();
}

Experiment run_formats(const ModelSource& source, const StudyFrame& frame, const Budget& budget) {
  Table table("formats");
  FormatFiles files(source);
  std::vector<Setting> settings{
      {.name = source.model.format, .path = source.path, .engine = engine_of(source)}};
  const Budget making = budget.part(0.6);
  for (const QuantMix mix : kVariantMixes) {
    const std::string name(inference::name_of(mix));
    if (name == source.model.format) continue;
    auto path = files.get(mix, making);
    if (path)
      settings.push_back({.name = name, .path = *std::move(path), .engine = engine_of(source)});
    else
      table.note(fmt::format("{} was left out: {}", name, describe(path.error())));
  }
  table.note(
      fmt::format("Made from the model as it is, in {}: a format of more bits brings nothing "
                  "back that is lost.",
                  source.model.format));
  measure_settings(table, settings, frame, budget);
  return table.take();
}

Experiment run_cache(const ModelSource& source, const StudyFrame& frame, const Budget& budget) {
  Table table("cache");
  table.note("Off: no keys and values are kept, and every token reads the whole text again.");
  measure_settings(
      table,
      {{.name = "on", .path = source.path, .engine = engine_of(source)},
       {.name = "off", .path = source.path, .engine = engine_of(source), .recompute = true}},
      frame, budget);
  return table.take();
}

}  // namespace galley::profiling
