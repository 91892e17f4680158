#include "dnn_command.h"

#include <CLI/CLI.hpp>

namespace {

constexpr const char* kDnnHelp = R"(Examples:
  galley bench estimator --data TABLES --rows rows
  galley-train dnn --rows rows --out dnn
  galley estimate report --model dnn/dnn.json

ROWS is a file of measured step times (docs/estimates.md), or a folder with several. A small network
is trained on each with libtorch and compared by cross-validation, as the other models behind
`galley estimate` are; OUT/dnn.json holds the comparison, and a network of all rows that Galley
evaluates without libtorch.)";

}  // namespace

void describe_dnn(CLI::App& command, DnnCommand& into) {
  command.footer(kDnnHelp);
  command.add_option("--rows", into.rows, "Measured step times: files, or folders of them")
      ->required()
      ->check(CLI::ExistingPath);
  command.add_option("--out", into.out, "Folder to write dnn.json to")->required();
  command.add_option("--folds", into.folds, "Parts that are left out in turn")
      ->capture_default_str()
      ->check(CLI::Range(2, 20));
  command.add_option("--steps", into.steps, "Of each network's training")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
}
