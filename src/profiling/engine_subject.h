#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "base/result.h"
#include "inference/language_model.h"
#include "serving/text_engine.h"
#include "subject.h"

namespace galley::profiling {

struct EngineSettings {
  std::uint32_t threads = 0;  // 0: the processors that this process may use
  std::string isa{};          // empty: the fastest
  /// Memory for keys and values: for so many tokens, or for what half of the free memory holds.
  std::size_t kv_tokens = 0;
  bool warm_up = true;
};

/// Sequences that a study runs at once at most.
inline constexpr std::uint32_t kMostAtOnce = 64;

/// One model with one engine in this process. Prefixes are not shared: each prompt is computed, as
/// if nobody had sent it before.
class EngineSubject final : public Subject {
 public:
  /// Loads the model and waits for the warm-up. Stopping ends every wait.
  /// Errors: those of ModelFile, Tokenizer, LanguageModel and TextEngine; invalid_argument (an
  /// instruction set that is not there).
  static Result<std::unique_ptr<EngineSubject>> open(const std::filesystem::path& path,
                                                     const EngineSettings& settings,
                                                     std::stop_token stop);
  ~EngineSubject() override;

  const ProfiledModel& model() const override { return model_facts_; }
  const ProfiledMachine& machine() const override { return machine_; }
  bool is_target() const override { return false; }
  Prompt make_prompt(std::uint64_t seed, std::uint64_t index, std::uint32_t tokens,
                     PromptShape shape) const override;
  std::vector<Reply> answer(std::span<const Ask> asks, const AskLimits& limits) override;
  std::string cannot_hold(std::uint32_t batch, std::uint32_t tokens) const override;
  std::uint64_t resident_bytes() const override;
  std::vector<std::string> take_notes() override { return {}; }

  /// log-probability (natural) of each token but the first, given those before it. Empty when
  /// stopped. Errors: those of TextEngine::generate.
  Result<std::vector<double>> score(std::span<const text::TokenId> tokens);
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }

  struct Memory {
    std::uint64_t weight_bytes = 0, work_bytes = 0;
    std::uint64_t page_bytes = 0;  // of keys and values, kPageTokens tokens
    std::uint64_t pages = 0;
  };
  const Memory& memory() const { return memory_; }

 private:
  EngineSubject() = default;
  serving::GenerationRequest request_of(const Ask& ask) const;
  std::uint64_t kv_bytes_of(std::uint64_t tokens) const;

  ProfiledModel model_facts_;
  ProfiledMachine machine_;
  Memory memory_;
  std::stop_token stop_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<tensor::DeviceGroup> devices_;
  std::unique_ptr<inference::LanguageModel> model_;
  std::unique_ptr<serving::TextEngine> engine_;  // last: it runs the others
};

}  // namespace galley::profiling
