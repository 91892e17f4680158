// The built-in trainers. A trainer is an ordinary job: everything it tells the platform, a user's
// own script could tell in the same way.
#include <CLI/CLI.hpp>
#include <csignal>
#include <string>

#include "classifier_command.h"
#include "dnn_command.h"
#include "estimator_command.h"
#include "job_lines.h"
#include "lm_command.h"
#include "torch_program.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kPreempted = 75;  // stopped by SIGTERM with its work saved
constexpr int kInterrupted = 130;

constexpr const char* kClassifierHelp = R"(Examples:
  galley-train classifier --train data/nsmc --out model
      trains on the folder's training file and measures on its test file
  galley-train classifier --train intents.tsv --label-column intent --dim 64 --out model
  galley run -- galley-train classifier --train "$GALLEY_DATASET_NSMC" --out model
      the same as a job of the platform

Input is TSV with one header line: a column of texts and a column of labels, any two or more labels.
Files may be compressed with zstd. A folder holds train.tsv or ratings_train.txt, and for the test
test.tsv or ratings_test.txt (each plain or .zst).

Output is a folder with model.safetensors and card.json, ready for `galley snapshots create`.
The texts that are held out decide when to stop; the test is read once. To compare settings, hold
out more: one in five (--hold-out 5) tells apart what one in twenty cannot.
--threads 1 makes the output bit-reproducible. SIGTERM: stop, save what there is, exit 75.)";

void describe(CLI::App& command, ClassifierCommand& into, std::string& test) {
  auto& options = into.options;
  command.footer(kClassifierHelp);
  command.add_option("--train", into.train, "TSV file, or a folder with one")->required();
  command.add_option("--out", into.out, "Folder to write the model to")->required();
  command.add_option("--test", test, "TSV file to measure on at the end (default: the folder's)");
  command.add_option("--text-column", into.columns.text,
                     "Column of the texts (default: text, document, sentence, review or query)");
  command.add_option("--label-column", into.columns.label,
                     "Column of the labels (default: label, intent, class or category)");
  command.add_option("--epochs", options.epochs, "Passes over the data at most")
      ->capture_default_str();
  command
      .add_option("--patience", options.patience,
                  "Stop after this many passes without a better dev accuracy; 0: never")
      ->capture_default_str();
  command
      .add_option("--hold-out", options.hold_out,
                  "One text in so many, fixed by its hash, decides when to stop")
      ->capture_default_str();
  command
      .add_option("--dim", options.dim,
                  "Width of the embedding, a multiple of 16; 0: 16, or 64 past 16 classes")
      ->capture_default_str();
  command
      .add_option("--buckets", options.buckets,
                  "Hash buckets, a power of two; 0: fitted to the data")
      ->capture_default_str();
  command.add_option("--min-count", options.min_count, "Drop n-grams that occur less often")
      ->capture_default_str();
  command.add_option("--char-min", options.ngrams.char_min, "Shortest character n-gram")
      ->capture_default_str();
  command.add_option("--char-max", options.ngrams.char_max, "Longest character n-gram; 0: none")
      ->capture_default_str();
  command.add_option("--word-max", options.ngrams.word_max, "Longest word n-gram; 0: none")
      ->capture_default_str();
  command
      .add_option("--tail", options.ngrams.tail_chars,
                  "Characters at the end whose n-grams count apart too; 0: none")
      ->capture_default_str();
  command
      .add_option("--lr", options.learning_rate,
                  "Learning rate at the start; 0: by the numbers of texts and classes")
      ->capture_default_str();
  command.add_option("--dropout", options.dropout, "Share of n-grams left out of each example")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Seed of the order, dropout and start")
      ->capture_default_str();
  command.add_flag("--keep-f32", into.keep_f32, "Keep the embedding in f32, four times larger");
}

int run(const ClassifierCommand& command) {
  if (const auto status = check(command.options); !status) {
    print_note("galley-train: " + describe(status.error()));
    return kUsage;
  }
  stop_on_signals();
  const auto outcome = run_classifier_command(command);
  if (!outcome) {
    print_note("galley-train: " + describe(outcome.error()));
    return kFailed;
  }
  if (*outcome == TrainOutcome::finished) return 0;
  return stopping_signal() == SIGINT ? kInterrupted : kPreempted;
}

int run_with_torch(char** argv) {
  print_note("galley-train: " + describe(become_torch_program(argv)));
  return kFailed;
}

int run(const LmCommand& command, char** argv) {
  if (const auto status = check(command.options); !status) {
    print_note("galley-train: " + describe(status.error()));
    return kUsage;
  }
  return run_with_torch(argv);
}

int run(const EstimatorCommand& command) {
  const auto done = run_estimator_command(command);
  if (done) return 0;
  print_note("galley-train: " + describe(done.error()));
  return done.error().code == galley::Errc::invalid_argument ? kUsage : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Galley's built-in trainers", "galley-train"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("galley-train ") + GALLEY_VERSION);
  ClassifierCommand command;
  std::string test;
  CLI::App* classifier = app.add_subcommand(
      "classifier", "Train a text classifier on hashed word and character n-grams");
  describe(*classifier, command, test);
  LmCommand lm;
  CLI::App* const language_model =
      app.add_subcommand("lm", "Train a small language model on texts (needs libtorch)");
  describe_lm(*language_model, lm);
  DnnCommand dnn;
  CLI::App* const small_network =
      app.add_subcommand("dnn", "Train a small network on measured step times (needs libtorch)");
  describe_dnn(*small_network, dnn);
  EstimatorCommand fit;
  CLI::App* const estimator = app.add_subcommand(
      "estimator", "Fit the model behind `galley estimate` on measured step times");
  describe_estimator(*estimator, fit);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (*language_model) return run(lm, argv);
  if (*small_network) return run_with_torch(argv);
  if (*estimator) return run(fit);
  if (!test.empty()) command.test = test;
  return run(command);
}
