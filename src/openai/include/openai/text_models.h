#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "inference/constraint.h"
#include "inference/language_model.h"
#include "serving/text_engine.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace galley::openai {

struct TextModelOptions {
  std::size_t devices = 1;
  std::uint32_t threads = 0;  // 0: the processors that this process may use
  inference::LoadOptions load;
  serving::EngineOptions engine;  // `draft` is set from the path below
  std::vector<std::pair<std::string, std::filesystem::path>> adapters;  // name, PEFT folder
  std::filesystem::path draft;  // a smaller model of the same vocabulary; empty: none
};

/// What is shown of a model to people and to /metrics.
struct TextModelFacts {
  std::string architecture;
  std::size_t parameters = 0;
  std::uint64_t file_bytes = 0;
  std::string snapshot;  // stands for the weights: the same files, the same mark
  std::map<std::string, std::string, std::less<>> adapter_snapshots;  // by the adapter's name
  inference::LanguageModel::Memory memory;
  std::vector<inference::LanguageModel::KernelUse> kernels;
};

/// What a served model is made of. A test's twin is put together the same way as a real one.
struct TextModelParts {
  std::string name;
  std::shared_ptr<void> holds;  // what the models below need to live: devices
  std::unique_ptr<inference::ForwardModel> draft;
  std::unique_ptr<inference::ForwardModel> model;
  text::Tokenizer tokenizer;
  std::string chat_template;  // empty: ChatML
  std::vector<std::pair<std::string, inference::AdapterIndex>> adapters;
  serving::EngineOptions engine;
  TextModelFacts facts{};
};

/// A language model in memory with the engine that runs it. Thread-safe.
class TextModel {
 public:
  /// Errors: those of the engine. A template that cannot be read is told to those who chat.
  static Result<std::unique_ptr<TextModel>> start(TextModelParts parts, const Clock& clock);

  const std::string& name() const { return parts_.name; }
  const text::Tokenizer& tokenizer() const { return parts_.tokenizer; }
  /// Errors: unsupported (the model's own template, and what in it).
  Result<const text::ChatTemplate*> chat() const;
  serving::TextEngine& engine() const { return *engine_; }
  const TextModelFacts& facts() const { return parts_.facts; }
  /// The mark of the weights, with that of the adapter behind a plus. Empty where nobody knows it.
  std::string snapshot(std::string_view adapter = {}) const;
  const std::vector<std::pair<std::string, inference::AdapterIndex>>& adapters() const {
    return parts_.adapters;
  }
  std::size_t vocabulary() const { return parts_.model->vocabulary(); }
  std::size_t width() const { return parts_.model->width(); }
  /// Compiled grammars; the vocabulary's tree is built when the first is asked for.
  inference::ConstraintCache& constraints() const;
  /// Tokens of one sequence at most: what the model was made for, or what fits into KV memory.
  std::size_t context() const;
  std::int64_t created_s() const { return created_s_; }

  /// Exists while a request is being answered, from before the engine knows it.
  class Use {
   public:
    explicit Use(const TextModel& model) : count_(model.in_use_) { ++count_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { --count_; }

   private:
    std::atomic<std::size_t>& count_;
  };
  bool in_use() const { return in_use_ > 0; }

 private:
  explicit TextModel(TextModelParts parts);

  TextModelParts parts_;
  Result<text::ChatTemplate> chat_;
  std::int64_t created_s_ = 0;
  mutable std::atomic<std::size_t> in_use_{0};
  mutable std::once_flag constraints_once_;
  mutable std::unique_ptr<inference::ConstraintCache> constraints_;
  std::unique_ptr<serving::TextEngine> engine_;  // last: it runs the others
};

/// The language models that a process serves, by name. Models are added and never taken away, so
/// that what find() answers lives as long as this. Thread-safe.
class TextModels {
 public:
  explicit TextModels(const Clock& clock) : clock_(clock) {}

  /// This name will be served soon: until then requests for it are told to come again. The first
  /// name is the one meant by requests that name none.
  void expect(std::string name);
  /// A name that was expected could not be loaded, which requests for it are told from now on.
  void give_up(const std::string& name, Error why);
  /// Errors: conflict (the name is served); those of TextModel::start.
  Status add(TextModelParts parts);
  /// Opens, packs and starts a model. Blocks for as long as that takes. `progress`: 0 to 1.
  /// Errors: those of ModelFile, Tokenizer, LanguageModel, its adapters and its draft.
  Status load(const std::string& name, const std::filesystem::path& path, TextModelOptions options,
              const std::function<void(double)>& progress = {});

  struct Found {
    const TextModel* model = nullptr;
    inference::AdapterIndex adapter = 0;
    std::string name;  // in full: "base" or "base:adapter"
  };
  /// `name` is "model", "model:adapter" or empty. Errors: not_found with the nearest name;
  /// unavailable (it is being loaded); invalid_argument (two adapters).
  Result<Found> find(std::string_view name, std::string_view adapter = {}) const;

  std::vector<const TextModel*> all() const;
  /// All that was expected is there and has warmed up.
  bool ready() const;
  /// Requests that wait or run end now.
  void cancel_all() const;

 private:
  std::vector<std::string> names_locked() const;

  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<std::string> expected_;
  std::map<std::string, Error, std::less<>> failed_;
  std::vector<std::unique_ptr<TextModel>> models_;
};

}  // namespace galley::openai
