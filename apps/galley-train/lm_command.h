#pragma once

#include <filesystem>
#include <vector>

#include "training/language_options.h"

namespace CLI {
class App;
}

/// What `galley-train lm` was asked to do. Parsed twice: by galley-train, which answers --help and
/// refuses wrong usage without libtorch, and by galley-train-torch, which does it.
struct LmCommand {
  std::vector<std::filesystem::path> data;
  std::filesystem::path out;
  bool resume = false;
  galley::training::LanguageOptions options;
};

/// Gives `command` the options of `lm`; `into` receives them when it is parsed.
void describe_lm(CLI::App& command, LmCommand& into);
