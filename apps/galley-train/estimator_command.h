#pragma once

#include <filesystem>

#include "base/result.h"

namespace CLI {
class App;
}

/// What `galley-train estimator` was asked to do.
struct EstimatorCommand {
  std::filesystem::path rows;
  std::filesystem::path before;
  std::filesystem::path out;
  std::size_t seen = 0;
  bool alone = false;
};

void describe_estimator(CLI::App& command, EstimatorCommand& into);

/// Reads the rows, fits, and writes OUT/model.json. Errors: those of the files and of fit_site.
galley::Status run_estimator_command(const EstimatorCommand& command);
