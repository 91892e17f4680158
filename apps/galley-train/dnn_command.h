#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace CLI {
class App;
}

/// What `galley-train dnn` was asked to do; parsed by galley-train and by galley-train-torch.
struct DnnCommand {
  std::vector<std::filesystem::path> rows;  // files of measured step times, or folders of them
  std::filesystem::path out;                // a folder
  std::int64_t folds = 5;
  std::int64_t steps = 1'500;
};

/// Gives `command` the options of `dnn`; `into` receives them when it is parsed.
void describe_dnn(CLI::App& command, DnnCommand& into);
