#include "perplexity/perplexity_bench.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/processors.h"
#include "inference/quantize.h"
#include "perplexity/measured_nats.h"
#include "scratch_folder.h"
#include "training/language_corpus.h"

namespace galley::bench {
namespace {

using inference::QuantMix;

constexpr std::array kMixes{QuantMix::q8_0, QuantMix::i8, QuantMix::q4_0, QuantMix::q4_k_m};

Result<std::vector<std::vector<text::TokenId>>> validation_of(const std::filesystem::path& model,
                                                              const std::filesystem::path& text) {
  GALLEY_TRY(const auto file, inference::ModelFile::open(model));
  GALLEY_TRY(const auto tokenizer, text::Tokenizer::create(file.tokenizer()));
  GALLEY_TRY(const auto paths, training::find_language_files(std::span(&text, 1)));
  std::vector<std::vector<text::TokenId>> streams;
  for (const auto& path : paths) {
    GALLEY_TRY(const auto read, training::read_language_text(path));
    streams.push_back(training::encode_documents(tokenizer, read.validation, read.lines));
  }
  return streams;
}

void say(std::string_view what, double nats) {
  fmt::print(stderr, "perplexity: {:<7} {:.4f} nats a token, perplexity {:.3f}\n", what, nats,
             std::exp(nats));
}

}  // namespace

Result<BenchReport> run_perplexity_bench(const PerplexityBenchOptions& options) {
  if (options.model.empty())
    return Error{Errc::invalid_argument, "there is no model to measure", "--model",
                 "--model FOLDER, as `galley-train lm` writes it"};
  const std::uint32_t threads = options.threads > 0 ? options.threads : usable_processors();
  GALLEY_TRY(const auto streams, validation_of(options.model, options.text));
  GALLEY_TRY(const auto reference,
             measure_nats(options.model, streams, tensor::Activation::f32, threads));
  say("as it is", reference.mean());
  BenchReport report{.name = "perplexity"};
  report.figures = {{"tokens", static_cast<double>(reference.tokens)},
                    {"nats_per_token", reference.mean()},
                    {"perplexity", std::exp(reference.mean())}};
  GALLEY_TRY(const auto scratch, support::ScratchFolder::make());
  for (const QuantMix mix : kMixes) {
    const std::string name(inference::name_of(mix));
    const auto rounded = scratch / (mix == QuantMix::i8 ? name : name + ".gguf");
    GALLEY_TRY_STATUS(
        inference::quantize(options.model, rounded, mix, {.threads = threads}).and_then([](auto&&) {
          return ok();
        }));
    GALLEY_TRY(const auto measured,
               measure_nats(rounded, streams, tensor::Activation::int8, threads));
    say(name, measured.mean());
    report.figures["nats_per_token_" + name] = measured.mean();
    report.figures["perplexity_loss_" + name] = std::exp(measured.mean() - reference.mean()) - 1;
  }
  return report;
}

}  // namespace galley::bench
