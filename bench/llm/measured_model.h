#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "inference/language_model.h"

namespace galley::bench {

/// What a run of llama.cpp's own benchmarks measures, so that the figures compare.
struct LlmWorkload {
  std::uint32_t prompt_tokens = 512;
  std::uint32_t decode_tokens = 48;  // of one sequence, from an empty context
  std::uint32_t batch = 16;
  std::uint32_t batch_prompt_tokens = 128;
  std::uint32_t batch_decode_tokens = 12;
};

struct LlmSpeeds {
  double prefill_tok_s = 0;
  double decode_tok_s = 0;
  double batch_tok_s = 0;
};

/// One model in this process, run directly: no engine, no sampling, tokens drawn at random.
class MeasuredModel {
 public:
  /// Errors: those of ModelFile and LanguageModel.
  static Result<MeasuredModel> open(const std::filesystem::path& path, std::uint32_t threads,
                                    const LlmWorkload& workload);

  /// One measurement of each kind, one after the other.
  LlmSpeeds measure();

  /// Bytes of weights that one decode step reads, as the file stores them: all but an embedding
  /// table that is no output layer.
  std::uint64_t decode_weight_bytes() const { return decode_weight_bytes_; }
  std::uint64_t file_bytes() const { return file_bytes_; }  // of all weights' files
  /// Multiply-adds, times two, that one prompt token costs in the layers' matrices.
  double prompt_operations() const { return prompt_operations_; }
  const inference::LanguageModel& model() const { return *model_; }

 private:
  MeasuredModel() = default;

  double time_prefill();
  double time_decode();
  double time_batch();
  /// Runs `count` tokens of each of `sequences` sequences at `position`; their pages do not
  /// overlap.
  void step(std::uint32_t sequences, std::uint32_t count, std::uint32_t position, bool with_logits);

  LlmWorkload workload_;
  std::unique_ptr<tensor::DeviceGroup> devices_;
  std::unique_ptr<inference::LanguageModel> model_;
  std::uint64_t decode_weight_bytes_ = 0;
  std::uint64_t file_bytes_ = 0;
  double prompt_operations_ = 0;
  std::vector<std::vector<std::uint32_t>> pages_;  // of each sequence
  std::vector<text::TokenId> tokens_;
  std::vector<float> logits_;
  std::uint64_t random_ = 1;
};

}  // namespace galley::bench
