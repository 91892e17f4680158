#include "lm_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "job_lines.h"
#include "lm_data.h"
#include "lm_progress.h"
#include "lm_workers.h"
#include "training/adamw.h"
#include "training/hugging_face_folder.h"
#include "training/language_checkpoint.h"

using galley::Errc;
using galley::Error;
using galley::Result;
using galley::Status;
using galley::text::TokenId;
using galley::training::AdamW;
using galley::training::DecoderLayout;
using galley::training::LanguageCheckpoint;
using galley::training::LanguageOptions;
using galley::training::TokenWindows;
using galley::training::TrainingSpent;

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr double kCheckpointEvery_s = 60;
constexpr double kValidations = 16;          // within a training
constexpr std::size_t kQuickTokens = 4'096;  // of each text, in those
constexpr double kWritingReserve_s = 1.5;
constexpr int kMostBadGradients = 10;  // in a row: then the weights are beyond saving

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

class LmTraining {
 public:
  LmTraining(const LmCommand& command, LmData data, SteadyClock::time_point start)
      : command_(command),
        options_(command.options),
        data_(std::move(data)),
        start_(start),
        layout_(options_.shape),
        workers_(layout_, layout_.initial_parameters(options_.seed), options_.threads,
                 options_.dropout),
        optimizer_(layout_, {.weight_decay = static_cast<float>(options_.weight_decay)}),
        windows_(data_.train, options_.shape.context, options_.seed),
        fingerprint_(fingerprint(options_, data_.sha256)) {}

  Status resume();
  Result<LmOutcome> run(const std::atomic<bool>& stop);

 private:
  std::filesystem::path checkpoint_path() const { return command_.out / "checkpoint.safetensors"; }
  double progress() const { return progress_of(options_, spent_, budget_s_); }
  Status step();
  double quick_validation();
  void plan();
  void report(std::optional<double> val_loss);
  Status save_checkpoint() const;
  Status publish();

  const LmCommand& command_;
  LanguageOptions options_;
  LmData data_;
  SteadyClock::time_point start_;
  DecoderLayout layout_;
  LmWorkers workers_;
  AdamW optimizer_;
  TokenWindows windows_;
  std::string fingerprint_;

  double budget_s_ = 0;  // for steps and the validations between them
  TrainingSpent spent_;
  int bad_gradients_ = 0;
  LmPrinter printer_;
  // Since the last line:
  double loss_sum_ = 0;
  std::int64_t line_steps_ = 0;
  SteadyClock::time_point line_start_ = SteadyClock::now();
};

Status LmTraining::resume() {
  std::error_code error;
  if (!std::filesystem::exists(checkpoint_path(), error)) return galley::ok();
  GALLEY_TRY(auto checkpoint,
             galley::training::load_checkpoint(checkpoint_path(), layout_, fingerprint_));
  std::ranges::copy(checkpoint.parameters, workers_.parameters().begin());
  optimizer_.restore(std::move(checkpoint.optimizer));
  windows_.seek(checkpoint.windows);
  spent_ = checkpoint.spent;
  print_note(fmt::format("going on after step {}", spent_.steps));
  return galley::ok();
}

Status LmTraining::save_checkpoint() const {
  const auto parameters = workers_.parameters();
  GALLEY_TRY_STATUS(galley::training::save_checkpoint(
      checkpoint_path(), {.parameters = {parameters.begin(), parameters.end()},
                          .optimizer = optimizer_.state(),
                          .spent = spent_,
                          .windows = windows_.dealt(),
                          .training = fingerprint_}));
  print_key("checkpoint", checkpoint_path().string());
  return galley::ok();
}

double LmTraining::quick_validation() {
  LmWorkers::Measured all;
  for (const LmData::Part& part : data_.parts) {
    const auto measured = workers_.measure(
        std::span(part.validation).first(std::min(kQuickTokens, part.validation.size())));
    all.nats += measured.nats;
    all.tokens += measured.tokens;
  }
  return all.mean();
}

/// Settles how long the steps may take: what is left after reading, less what the last, full
/// validation will take by the measure of a quick one. What an earlier run spent is given again.
void LmTraining::plan() {
  const auto begin = SteadyClock::now();
  report(quick_validation());
  std::size_t quick = 0;
  std::size_t full = 0;
  for (const LmData::Part& part : data_.parts) {
    quick += std::min(kQuickTokens, part.validation.size());
    full += part.validation.size();
  }
  const double last_s =
      seconds_since(begin) * static_cast<double>(full) / static_cast<double>(quick);
  budget_s_ = options_.minutes * 60 - seconds_since(start_) - last_s - kWritingReserve_s;
}

void LmTraining::report(std::optional<double> val_loss) {
  const double share = progress();
  std::optional<double> loss;
  if (line_steps_ > 0) loss = loss_sum_ / static_cast<double>(line_steps_);
  const double tokens = static_cast<double>(line_steps_) * options_.batch * options_.shape.context;
  printer_.show({.step = spent_.steps,
                 .total_steps = expected_steps(options_, spent_, budget_s_),
                 .loss = loss,
                 .tokens_per_s = tokens / std::max(seconds_since(line_start_), 1e-9),
                 .learning_rate = learning_rate_at(options_, spent_.steps, share),
                 .share = share,
                 .seconds_left = share > 0 ? spent_.seconds * (1 / share - 1) : 0,
                 .val_loss = val_loss});
  loss_sum_ = 0;
  line_steps_ = 0;
  line_start_ = SteadyClock::now();
}

Status LmTraining::step() {
  const double loss = workers_.learn(windows_, options_.batch,
                                     options_.seed + static_cast<std::uint64_t>(spent_.steps));
  const double norm =
      optimizer_.step(workers_.parameters(), workers_.gradient(),
                      learning_rate_at(options_, spent_.steps, progress()), options_.threads);
  ++spent_.steps;
  ++line_steps_;
  loss_sum_ += loss;
  bad_gradients_ = std::isfinite(norm) && std::isfinite(loss) ? 0 : bad_gradients_ + 1;
  if (bad_gradients_ >= kMostBadGradients)
    return Error{
        Errc::unavailable,
        fmt::format("the loss is no number since step {}", spent_.steps - kMostBadGradients),
        "lr",
        {},
        "train with a lower --lr"};
  return galley::ok();
}

Result<LmOutcome> LmTraining::run(const std::atomic<bool>& stop) {
  plan();
  if (budget_s_ <= 0 && options_.steps == 0)
    return Error{
        Errc::invalid_argument,
        fmt::format("reading, the vocabulary and the validation leave nothing of {} minutes",
                    options_.minutes),
        "minutes"};
  double saved_s = spent_.seconds;
  double validated = progress();
  while (progress() < 1) {
    const auto begin = SteadyClock::now();
    GALLEY_TRY_STATUS(step());
    std::optional<double> val_loss;
    if (progress() >= validated + 1 / kValidations) {
      val_loss = quick_validation();
      validated = progress();
    }
    spent_.seconds += seconds_since(begin);
    if (val_loss || printer_.due()) report(val_loss);
    if (stop) {
      printer_.finish();
      GALLEY_TRY_STATUS(save_checkpoint());
      print_note(fmt::format("stopped after step {}", spent_.steps));
      return LmOutcome::stopped;
    }
    if (spent_.seconds - saved_s >= kCheckpointEvery_s) {
      GALLEY_TRY_STATUS(save_checkpoint());
      saved_s = spent_.seconds;
    }
  }
  printer_.finish();
  GALLEY_TRY_STATUS(publish());
  return LmOutcome::finished;
}

Status LmTraining::publish() {
  std::map<std::string, std::string, std::less<>> facts{
      {"created_by", std::string("galley-train ") + GALLEY_VERSION},
      {"data_sha256", data_.sha256},
      {"steps", std::to_string(spent_.steps)},
      {"seed", std::to_string(options_.seed)}};
  LmWorkers::Measured all;
  GALLEY_TRY_STATUS(galley::make_folders(command_.out / "validation"));
  for (const LmData::Part& part : data_.parts) {
    const auto measured = workers_.measure(part.validation);
    all.nats += measured.nats;
    all.tokens += measured.tokens;
    const auto bytes = static_cast<double>(part.validation_text.size());
    const auto characters =
        static_cast<double>(std::ranges::count_if(part.validation_text, [](char c) {
          return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
        }));
    print_note(fmt::format("{}: {:.4f} nats a token, {:.4f} a byte, {:.4f} a character", part.name,
                           measured.mean(), measured.nats / bytes, measured.nats / characters));
    print_key("val_nats_per_byte_" + part.name, fmt::format("{:.5f}", measured.nats / bytes));
    print_key("val_nats_per_char_" + part.name, fmt::format("{:.5f}", measured.nats / characters));
    facts["val_nats_per_byte_" + part.name] = fmt::format("{:.5f}", measured.nats / bytes);
    GALLEY_TRY_STATUS(galley::write_file_atomic(command_.out / "validation" / (part.name + ".txt"),
                                                part.validation_text, galley::Durability::memory));
  }
  report(all.mean());
  printer_.finish();
  GALLEY_TRY_STATUS(galley::training::save_hugging_face(
      command_.out, layout_, workers_.parameters(), data_.tokenizer, facts));
  std::error_code error;
  std::filesystem::remove(checkpoint_path(), error);
  print_key("train_seconds", fmt::format("{:.1f}", seconds_since(start_)));
  print_key("artifact", command_.out.string());
  print_note(fmt::format("wrote {}: {} parameters, {} steps of {} tokens", command_.out.string(),
                         layout_.size(), spent_.steps, options_.batch * options_.shape.context));
  return galley::ok();
}

}  // namespace

Result<LmOutcome> run_lm(const LmCommand& command, const std::atomic<bool>& stop) {
  const auto start = SteadyClock::now();
  LmCommand settled = command;
  settled.options = galley::training::settle(command.options);
  auto& shape = settled.options.shape;
  GALLEY_TRY(auto data, load_lm_data(command.data, shape.vocabulary, shape.context));
  // A small text may give fewer tokens than were allowed.
  shape.vocabulary = static_cast<std::uint32_t>(data.tokenizer.tokens.size());
  print_note(fmt::format("read {} tokens to train on, a vocabulary of {} ({:.1f} s)",
                         data.train.size(), shape.vocabulary, seconds_since(start)));
  GALLEY_TRY_STATUS(galley::make_folders(command.out));
  LmTraining training(settled, std::move(data), start);
  if (command.resume) GALLEY_TRY_STATUS(training.resume());
  return training.run(stop);
}
