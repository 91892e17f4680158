#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inference/quantize.h"
#include "run.h"

namespace galley::profiling {

/// One way to run the same work.
struct Setting {
  std::string name;
  std::filesystem::path path;  // of the model
  EngineSettings engine{};
  bool recompute = false;
};

/// Measures the settings in turn, round after round, each with a freshly loaded model: a request of
/// the wide workload's mean length and 50 words, and the surprise of a fixed text. Adds a row each.
/// A setting that cannot be loaded is a note.
void measure_settings(Table& table, const std::vector<Setting>& settings, const StudyFrame& frame,
                      const Budget& budget);

/// How long a model takes under its settings, judged by a very short request. A slow instruction
/// set may take minutes for what a fast one does in a second, and a step cannot be interrupted.
struct Pace {
  double prompt_token_s = 0, output_token_s = 0;

  double seconds(double prompt_tokens, double output_tokens) const {
    return prompt_tokens * prompt_token_s + output_tokens * output_token_s;
  }
};
/// All 0 when interrupted.
Pace pace_of(EngineSubject& subject, const StudyFrame& frame);

/// Copies of a model in other formats, each made once, in the scratch folder.
class FormatFiles {
 public:
  explicit FormatFiles(const ModelSource& source) : source_(source) {}
  /// Errors: those of inference::quantize; exhausted (no room on the disk); timeout (the budget
  /// ended before it was written).
  Result<std::filesystem::path> get(inference::QuantMix mix, const Budget& budget);

 private:
  const ModelSource& source_;
};

/// The engine's instruction sets that this machine has, the fastest first: whatever the time, the
/// slow ones are what is left out.
std::vector<std::string> usable_instruction_sets();

/// Mean surprise of a fixed text, token by token: the same tokens for every subject with this
/// tokenizer. Empty when interrupted. `tokens` is a bound on the work.
std::vector<double> surprise(EngineSubject& subject, const StudyFrame& frame, std::uint32_t tokens);
/// NaN-free mean; 0 of nothing.
double mean_of(const std::vector<double>& values);

}  // namespace galley::profiling
