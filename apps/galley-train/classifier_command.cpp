#include "classifier_command.h"

#include <fmt/format.h>

#include <utility>

#include "inference/classifier_files.h"
#include "inference/text_classifier.h"
#include "job_lines.h"
#include "progress.h"
#include "training/accuracy.h"

using galley::Result;
using galley::inference::ClassifierCard;
using galley::training::LabelledTexts;
using galley::training::TrainedClassifier;

namespace {

ClassifierCard make_card(const LabelledTexts& texts, const TrainedClassifier& trained) {
  const auto& options = trained.options;
  ClassifierCard card{.labels = texts.labels(),
                      .ngrams = options.ngrams,
                      .seed = options.seed,
                      .finished = !trained.stopped,
                      .created_by = std::string("galley-train ") + GALLEY_VERSION,
                      .data_sha256 = texts.sha256()};
  card.training = {{"learning_rate", options.learning_rate},
                   {"dropout", options.dropout},
                   {"min_count", options.min_count},
                   {"epochs", trained.epochs},
                   {"best_epoch", trained.best_epoch},
                   {"patience", options.patience},
                   {"hold_out", options.hold_out},
                   {"threads", options.threads},
                   {"train_texts", static_cast<double>(trained.train_texts)},
                   {"dev_texts", static_cast<double>(trained.dev_texts)},
                   {"tokens_per_pass", static_cast<double>(trained.tokens_per_pass)}};
  if (trained.dev_accuracy) card.metrics["dev_accuracy"] = *trained.dev_accuracy;
  return card;
}

Result<LabelledTexts> read_train(const ClassifierCommand& command,
                                 const std::filesystem::path& file) {
  GALLEY_TRY(auto texts, LabelledTexts::read(file, command.columns));
  std::string note = fmt::format("read {} texts in {} classes from {}", texts.size(),
                                 texts.labels().size(), file.string());
  if (texts.skipped_empty() > 0)
    note += fmt::format("; {} rows without text were skipped", texts.skipped_empty());
  print_note(note);
  return texts;
}

Result<TrainedClassifier> train(const ClassifierCommand& command, const LabelledTexts& texts) {
  ProgressPrinter printer(command.options.epochs);
  auto trained = train_classifier(
      texts, command.options, [&](const auto& progress) { printer.show(progress); },
      stop_requested());
  printer.finish();
  return trained;
}

void print_summary(const TrainedClassifier& trained) {
  const double rate = static_cast<double>(trained.tokens) / trained.seconds;
  print_note(fmt::format(
      "trained {} passes in {:.2f} s on {} threads ({:.1f} M tokens/s); best was "
      "pass {}",
      trained.epochs, trained.seconds, trained.options.threads, rate / 1e6, trained.best_epoch));
  print_key("train_seconds", fmt::format("{:.3f}", trained.seconds));
  print_key("tokens_per_s_per_core", fmt::format("{:.0f}", rate / trained.options.threads));
}

/// The only reading of the test set, after everything is settled.
galley::Status measure_test(const ClassifierCommand& command, const std::filesystem::path& file,
                            const galley::inference::TextClassifier& classifier,
                            ClassifierCard& card) {
  GALLEY_TRY(const auto texts, LabelledTexts::read(file, command.columns, &classifier.labels()));
  GALLEY_TRY(const double accuracy, measure_accuracy(classifier, texts, command.options.threads));
  card.metrics["test_accuracy"] = accuracy;
  card.metrics["test_texts"] = static_cast<double>(texts.size());
  print_note(fmt::format("test accuracy {:.2f} % over {} texts", accuracy * 100, texts.size()));
  print_key("test_accuracy", fmt::format("{:.5f}", accuracy));
  return galley::ok();
}

}  // namespace

Result<TrainOutcome> run_classifier_command(const ClassifierCommand& command) {
  GALLEY_TRY(const auto files, galley::training::find_data_files(command.train));
  const auto test_file = command.test ? command.test : files.test;
  GALLEY_TRY(const auto texts, read_train(command, files.train));
  GALLEY_TRY(auto trained, train(command, texts));
  ClassifierCard card = make_card(texts, trained);
  if (!command.keep_f32) trained.weights = quantize(trained.weights);
  const galley::inference::TextClassifier classifier({card, std::move(trained.weights)});
  if (trained.epochs > 0) print_summary(trained);
  if (!trained.stopped && test_file)
    GALLEY_TRY_STATUS(measure_test(command, *test_file, classifier, card));
  GALLEY_TRY_STATUS(save_classifier(command.out, card, classifier.weights()));
  print_key(trained.stopped ? "checkpoint" : "artifact", command.out.string());
  print_note(fmt::format("wrote {} ({} rows of {}, {})", command.out.string(),
                         classifier.weights().index.row_count(), card.dim, card.embedding_type));
  return trained.stopped ? TrainOutcome::stopped : TrainOutcome::finished;
}
