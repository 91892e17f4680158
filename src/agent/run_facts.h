#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "container_engine.h"

namespace galley::agent {

using RunTexts = std::vector<std::pair<std::string, std::string>>;

/// What of a job says with which software it runs.
struct RunSoftware {
  std::vector<std::string> command;
  std::string workdir;
  std::string path;  // its PATH
  bool has_gpus = false;
  std::string image;  // that it runs in; empty: none
  std::optional<Engine> engine{};
};

/// The version of the Python that a command runs, as "3.11.2"; nothing where it runs none that is
/// found. Looks at the first words that name a python, or a script whose first line does, also
/// inside `sh -c "…"`. Nothing is run: the version is read in the interpreter's own file, or in the
/// library beside it. Reads at most 64 MiB of each.
std::optional<std::string> python_of(const RunSoftware& job);

/// Versions out of the head of what nvidia-smi prints: of the driver, and of CUDA, either of which
/// may be empty. Pure.
std::pair<std::string, std::string> read_driver_head(std::string_view printed);

/// What of an image inspection goes into a record: its digest, and the versions that its
/// environment states. `printed`: {{json .RepoDigests}} {{.Id}} {{json .Config.Env}}, a line each.
/// Pure.
RunTexts read_image_facts(std::string_view printed);

/// Finds for the record of each run with which software it runs, as tags: galley.python,
/// galley.gpu.driver, galley.cuda, galley.image.digest, galley.os. What cannot be found is left
/// out. Asks programs for at most kAnswer each; the driver's answer is kept. Thread-safe.
class RunFacts {
 public:
  static constexpr Millis kAnswer{5'000};
  explicit RunFacts(std::string smi_program = "nvidia-smi") : smi_(std::move(smi_program)) {}
  RunTexts find(const RunSoftware& job);

 private:
  void add_driver(RunTexts& texts);

  const std::string smi_;
  std::mutex mutex_;  // guards what follows
  std::optional<std::pair<std::string, std::string>> driver_;
};

}  // namespace galley::agent
