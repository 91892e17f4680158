#include "llm_vs_torch/generation.h"

#include <chrono>
#include <numeric>
#include <span>
#include <vector>

#include "inference/language_model.h"
#include "inference/model_file.h"
#include "inference/sampling.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

class Sequences {
 public:
  Sequences(inference::LanguageModel& model, const Generation& generation)
      : model_(model), generation_(generation), pages_(generation.batch) {
    const std::uint32_t each = (generation.prompt + generation.generate) / tensor::kPageTokens + 1;
    for (std::uint32_t i = 0; i < generation.batch; ++i) {
      pages_[i].resize(each);
      std::iota(pages_[i].begin(), pages_[i].end(), i * each);
    }
    logits_.resize(std::size_t{generation.batch} * model.vocabulary());
  }

  GenerationSpeeds run() {
    position_ = 0;
    tokens_.clear();
    // Ids spread over the vocabulary, those that the peer is given.
    for (std::uint32_t i = 0; i < generation_.batch * generation_.prompt; ++i)
      tokens_.push_back(static_cast<text::TokenId>(i * 7919ULL % model_.vocabulary()));
    const auto begin = Steady::now();
    step(generation_.prompt);
    const double prefill_s = seconds_since(begin);
    const auto decode = Steady::now();
    for (std::uint32_t i = 1; i < generation_.generate; ++i) step(1);
    const double decode_s = seconds_since(decode);
    const double rows = generation_.batch;
    return {.prefill_tok_s = rows * generation_.prompt / prefill_s,
            .decode_tok_s = rows * (generation_.generate - 1) / decode_s,
            .generated_tok_s = rows * generation_.generate / (prefill_s + decode_s)};
  }

 private:
  /// Runs `count` tokens of each sequence; the most probable next ones become the tokens.
  void step(std::uint32_t count) {
    std::vector<inference::ForwardSequence> sequences;
    for (std::uint32_t i = 0; i < generation_.batch; ++i)
      sequences.push_back({.tokens = std::span(tokens_).subspan(std::size_t{i} * count, count),
                           .first_position = position_,
                           .pages = pages_[i],
                           .logit_rows = 1});
    model_.forward(sequences, logits_);
    position_ += count;
    std::vector<text::TokenId> next;
    for (std::uint32_t i = 0; i < generation_.batch; ++i) {
      const auto row = std::span(logits_).subspan(i * model_.vocabulary(), model_.vocabulary());
      next.push_back(greedy_.sample(row, nullptr, scratch_).token);
    }
    tokens_ = std::move(next);
  }

  inference::LanguageModel& model_;
  Generation generation_;
  std::vector<std::vector<std::uint32_t>> pages_;  // of each sequence
  std::vector<text::TokenId> tokens_;
  std::vector<float> logits_;
  inference::Sampler greedy_{{.greedy = true}, model_.vocabulary(), {}};
  inference::SamplingScratch scratch_;
  std::uint32_t position_ = 0;
};

}  // namespace

Result<GenerationSpeeds> generate_with_engine(const std::filesystem::path& model,
                                              const Generation& generation) {
  GALLEY_TRY(const auto file, inference::ModelFile::open(model));
  GALLEY_TRY(const auto devices, tensor::make_cpu_group({.threads = generation.threads}));
  const std::size_t each = generation.prompt + generation.generate + tensor::kPageTokens;
  GALLEY_TRY(const auto loaded, inference::LanguageModel::load(
                                    file, *devices,
                                    {.kv_tokens = each * generation.batch,
                                     .max_rows = std::size_t{generation.batch} * generation.prompt,
                                     .max_logit_rows = generation.batch}));
  Sequences sequences(*loaded, generation);
  sequences.run();
  return sequences.run();
}

}  // namespace galley::bench
