#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace galley::hpo {

/// What a trial reports and which way it should go.
struct Measure {
  std::string name;
  bool maximise = true;  // CHOPT's `order`: descending puts the greatest first
};

/// Which trials are ended before their budget is spent.
enum class Stopping { none, median, successive_halving, hyperband, asha };

struct StoppingSpec {
  Stopping method = Stopping::none;
  double eta = 3;               // of `eta` trials at a rung one goes on
  int rungs = 3;                // at 1/eta^rungs ... 1/eta of each trial's own budget
  std::vector<double> marks{};  // the rungs as shares of the budget instead
  bool promote = true;          // asha: pause at rungs and promote; false: run on unless stopped
  double warm_up = 0;           // no decision before this share of a trial's own budget
  std::int64_t least = 5;       // median: trials to compare with before the first decision
};

/// Population based training: members copy better ones' weights and change their own settings.
struct PopulationSpec {
  enum class Exploit { truncation, binary_tournament };
  enum class Explore { perturb, resample, pb2 };
  bool enabled = false;
  Exploit exploit = Exploit::truncation;
  Explore explore = Explore::perturb;
  double truncation_ratio = 0.25;  // the worst share copies from the best share
  double factor = 1.2;             // perturb: numbers go up or down by this
  double resample_ratio = 0.25;    // perturb: how often a value is drawn anew instead
};

/// When a study ends; what is absent never ends it.
struct Termination {
  std::optional<std::int64_t> max_sessions{};
  std::optional<double> max_gpu_hours{};
  std::optional<double> max_hours{};
  std::optional<double> target{};  // of the first measure
};

struct GpuSpec {
  std::int64_t per_trial = 1;         // 0: a trial needs none; it then takes one slot
  std::int64_t min = 0;               // kept even when people wait
  std::optional<std::int64_t> max{};  // absent: whatever is idle
  bool preemptible = true;
};

/// A study as its file states it, apart from its space. A value; see docs/hpo.md for each key.
struct StudySpec {
  std::vector<Measure> measures;  // the first decides early stopping; several: a front
  std::string resource = "epoch";
  double max_resource = 1;         // the budget of a trial, in units of the resource ...
  std::string budget_parameter{};  // ... or the parameter whose value is the trial's budget
  double step = -1;                // PBT and median: resource between decisions; -1: none
  std::int64_t population = 0;     // trials alive at once; 0: as many as there are GPUs
  double stop_ratio = 1;           // share of the stopped trials that stay revivable
  std::string sampler = "auto";    // who proposes: a word of sampler_methods()
  StoppingSpec stopping{};
  PopulationSpec pbt{};
  Termination termination{};
  GpuSpec gpus{};
  std::uint64_t seed = 1;
  std::int64_t seeds = 1;    // runs of each finalist before a winner is named
  bool best_report = false;  // a trial's result is its best report (of the first measure), or last
};

/// The keys of a study file that this reader takes.
const std::vector<std::string>& study_keys();

/// Words under `tune`: who proposes ("auto" leaves all to choose_method; "rungs" is the model that
/// learns from rungs), and how trials are cut short or change while they run.
const std::vector<std::string>& sampler_methods();
const std::vector<std::string>& pace_methods();

/// Reads a whole study file but for its space (parse_space reads that); space_keys(), "kind",
/// "version", "name" and `others` are passed over.
/// Errors: invalid_argument; `field` is the path ("tune.pbt.exploit"), `hint` the nearest key.
Result<StudySpec> parse_study_spec(const nlohmann::json& study,
                                   const std::vector<std::string>& others = {});

/// The same as the keys of a study file; parse_study_spec reads it back to an equal spec.
nlohmann::json print_study_spec(const StudySpec& spec);

}  // namespace galley::hpo
