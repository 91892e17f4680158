#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "training/classifier_trainer.h"
#include "training/labelled_texts.h"

/// What `galley-train classifier` was asked to do.
struct ClassifierCommand {
  std::filesystem::path train;                // a TSV file, or a folder that holds one
  std::optional<std::filesystem::path> test;  // else the folder's own, if it has one
  std::filesystem::path out;
  galley::training::ColumnNames columns;
  galley::training::ClassifierOptions options;
  bool keep_f32 = false;  // publish the embedding as trained, four times the bytes
};

enum class TrainOutcome { finished, stopped };

/// Reads, trains, publishes to `out`, measures on the test set once, and prints as it goes.
/// Errors: of reading, training and saving; the sentence names the file and the line.
galley::Result<TrainOutcome> run_classifier_command(const ClassifierCommand& command);
