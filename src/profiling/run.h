#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine_subject.h"
#include "profiling/profile.h"
#include "run_plan.h"
#include "run_table.h"
#include "subject.h"
#include "yardstick.h"

/// The experiments of the catalogue. Each measures within its budget and returns a table, shorter
/// where time ran out, with notes that say so; none fails: what cannot be measured is a note.
namespace galley::profiling {

/// What the experiments of one study share.
struct StudyFrame {
  std::uint64_t seed = 1;
  double scale = 1;
  bool quick = true;
  std::uint32_t context = 0;   // 0: unknown
  std::uint32_t rounds = ~0U;  // of each measurement at most, besides what time allows
  std::vector<std::uint64_t> memory_budgets;  // bytes
  Yardstick* yardstick = nullptr;             // none: nobody looks at the machine

  /// To be called between measurements.
  void look() const {
    if (yardstick != nullptr) yardstick->look();
  }
  /// To be called before a model that was measured is given up: nobody counts the waits of threads
  /// that have ended.
  void look_at_end() const {
    if (yardstick != nullptr) yardstick->look(true);
  }
};

/// Ask `index` of a workload (already scaled). `prompt_tokens` 0: as the workload draws it.
Ask ask_of(const Subject& subject, const Workload& workload, const StudyFrame& frame,
           std::uint64_t index, std::uint32_t prompt_tokens = 0);

/// Gives up after so many answers in a row that did not come whole: a target that is gone would
/// cost a timeout for each.
inline constexpr int kMostFaultsInARow = 3;

/// Time that a setting must have in the first round, which has taken `so_far_s`. Of a target three
/// rounds of all settings: the interval of two is too wide to answer anything. In this process one,
/// since predictions learn more from many settings than from repetitions.
inline double needed_at_first(const Subject& subject, double so_far_s, double expected_s) {
  constexpr double kRoundsOfTargets = 3;
  if (!subject.is_target()) return expected_s;
  return (kRoundsOfTargets - 1) * so_far_s + kRoundsOfTargets * expected_s;
}

// With the subject as it is, a target too.
Experiment run_requests(Subject& subject, const StudyFrame& frame, std::string_view workload,
                        const Budget& budget);
Experiment run_batches(Subject& subject, const StudyFrame& frame, std::string_view workload,
                       const Budget& budget);
Experiment run_length(Subject& subject, const StudyFrame& frame, const Budget& budget);
Experiment run_batching(Subject& subject, const StudyFrame& frame, const Budget& budget);
Experiment run_capacity(Subject& subject, const StudyFrame& frame, const Budget& budget);
Experiment run_budget(EngineSubject& subject, const StudyFrame& frame, const Budget& budget);
/// Of a target: whether its answers differ by what runs beside them.
Experiment run_target_differences(Subject& subject, const StudyFrame& frame, const Budget& budget);

/// What experiments that load models of their own work with; nothing else is loaded meanwhile.
struct ModelSource {
  std::filesystem::path path;
  std::filesystem::path scratch;   // an empty folder for models that are made
  std::filesystem::path programs;  // where galley-train-torch would stand; may be empty
  std::uint32_t threads = 0;
  ProfiledModel model;
};

Experiment run_warm_up(const ModelSource& source, const StudyFrame& frame, const Budget& budget);
Experiment run_doubled(const ModelSource& source, const StudyFrame& frame, const Budget& budget);
Experiment run_instruction_sets(const ModelSource& source, const StudyFrame& frame,
                                const Budget& budget);
Experiment run_threads(const ModelSource& source, const StudyFrame& frame, const Budget& budget);
Experiment run_formats(const ModelSource& source, const StudyFrame& frame, const Budget& budget);
Experiment run_cache(const ModelSource& source, const StudyFrame& frame, const Budget& budget);
Experiment run_training_framework(const ModelSource& source, const StudyFrame& frame,
                                  const Budget& budget);
Experiment run_differences(const ModelSource& source, const StudyFrame& frame,
                           const Budget& budget);

}  // namespace galley::profiling
