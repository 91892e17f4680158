#include "llm/measured_model.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "inference/model_file.h"

namespace galley::bench {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

constexpr std::uint32_t pages_for(std::uint32_t tokens) {
  return (tokens + tensor::kPageTokens - 1) / tensor::kPageTokens;
}

}  // namespace

Result<MeasuredModel> MeasuredModel::open(const std::filesystem::path& path, std::uint32_t threads,
                                          const LlmWorkload& workload) {
  MeasuredModel measured;
  measured.workload_ = workload;
  GALLEY_TRY(const inference::ModelFile file, inference::ModelFile::open(path));
  GALLEY_TRY(measured.devices_,
             tensor::make_cpu_group({.devices = 1, .threads = threads, .isa = {}}));

  const std::uint32_t batch_tokens = workload.batch_prompt_tokens + workload.batch_decode_tokens;
  const std::uint32_t pages_each =
      std::max({pages_for(batch_tokens), pages_for(workload.prompt_tokens),
                pages_for(workload.decode_tokens)});
  const std::uint32_t pages = pages_each * workload.batch;
  GALLEY_TRY(measured.model_,
             inference::LanguageModel::load(
                 file, *measured.devices_,
                 {.kv_tokens = std::size_t{pages} * tensor::kPageTokens,
                  .max_rows = std::max(workload.prompt_tokens, workload.batch_prompt_tokens),
                  .max_logit_rows = workload.batch}));
  measured.pages_.resize(workload.batch);
  for (std::uint32_t i = 0; i < workload.batch; ++i) {
    measured.pages_[i].resize(pages_each);
    std::iota(measured.pages_[i].begin(), measured.pages_[i].end(), i * pages_each);
  }
  const inference::ModelConfig& config = file.config();
  measured.logits_.resize(std::size_t{workload.batch} * config.vocabulary);

  measured.file_bytes_ = file.file_bytes();
  const bool tied = file.find("output.weight") == nullptr;
  for (const auto& [name, tensor] : file.tensors()) {
    const bool table = name == "position_embd.weight" || (name == "token_embd.weight" && !tied);
    if (!table) measured.decode_weight_bytes_ += tensor.size_bytes;
    if (name.starts_with("blk.") && tensor.shape.size() == 2)
      measured.prompt_operations_ +=
          2 * static_cast<double>(tensor.shape[0]) * static_cast<double>(tensor.shape[1]);
  }
  return measured;
}

LlmSpeeds MeasuredModel::measure() {
  return {.prefill_tok_s = workload_.prompt_tokens / time_prefill(),
          .decode_tok_s = workload_.decode_tokens / time_decode(),
          .batch_tok_s = workload_.batch * workload_.batch_decode_tokens / time_batch()};
}

double MeasuredModel::time_prefill() {
  const auto begin = Steady::now();
  step(1, workload_.prompt_tokens, 0, true);
  return seconds_since(begin);
}

double MeasuredModel::time_decode() {
  const auto begin = Steady::now();
  for (std::uint32_t i = 0; i < workload_.decode_tokens; ++i) step(1, 1, i, true);
  return seconds_since(begin);
}

double MeasuredModel::time_batch() {
  const auto rows = static_cast<std::uint32_t>(model_->max_rows());
  const std::uint32_t together = std::max(rows / workload_.batch, 1U);
  for (std::uint32_t at = 0; at < workload_.batch_prompt_tokens; at += together)
    step(workload_.batch, std::min(together, workload_.batch_prompt_tokens - at), at, false);
  const auto begin = Steady::now();
  for (std::uint32_t i = 0; i < workload_.batch_decode_tokens; ++i)
    step(workload_.batch, 1, workload_.batch_prompt_tokens + i, true);
  return seconds_since(begin);
}

void MeasuredModel::step(std::uint32_t sequences, std::uint32_t count, std::uint32_t position,
                         bool with_logits) {
  tokens_.resize(std::size_t{sequences} * count);
  for (text::TokenId& token : tokens_) {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    token = static_cast<text::TokenId>((random_ >> 33) % model_->vocabulary());
  }
  std::vector<inference::ForwardSequence> step;
  for (std::uint32_t i = 0; i < sequences; ++i)
    step.push_back({.tokens = std::span(tokens_).subspan(std::size_t{i} * count, count),
                    .first_position = position,
                    .pages = pages_[i],
                    .logit_rows = with_logits ? 1U : 0U});
  model_->forward(step, logits_);
}

}  // namespace galley::bench
