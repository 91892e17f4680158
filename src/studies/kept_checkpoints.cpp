#include "kept_checkpoints.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace galley::studies {
namespace {

using hpo::Trial;
using hpo::TrialState;

/// The best trials, of those that finished and of all: a study that ran out of time may have none
/// that finished.
std::set<hpo::TrialNumber> best_of(const hpo::Study& study) {
  std::set<hpo::TrialNumber> best;
  if (study.best()) best.insert(*study.best());
  const bool maximise = study.spec().measures[0].maximise;
  for (const bool finished : {true, false}) {
    std::vector<std::pair<double, hpo::TrialNumber>> order;
    for (const Trial& trial : study.trials()) {
      const bool counts = finished ? trial.state == TrialState::finished
                                   : !trial.has_ended() || trial.state == TrialState::finished;
      if (!counts || trial.objectives.empty() || !std::isfinite(trial.objectives[0])) continue;
      order.emplace_back(maximise ? -trial.objectives[0] : trial.objectives[0], trial.number);
    }
    std::ranges::sort(order);
    for (std::size_t i = 0; i < std::min(kBestKept, order.size()); ++i)
      best.insert(order[i].second);
  }
  return best;
}

}  // namespace

Result<KeepCheckpoints> read_keep_checkpoints(const Json& file) {
  if (!file.contains("keep_checkpoints") || file["keep_checkpoints"] == "best")
    return KeepCheckpoints::best;
  if (file["keep_checkpoints"] == "all") return KeepCheckpoints::all;
  return Error{Errc::invalid_argument, "found " + dump_json(file["keep_checkpoints"]).substr(0, 66),
               "keep_checkpoints", "\"best\" or \"all\""};
}

std::set<std::string> needed_checkpoints(const hpo::Study& study) {
  const auto best = best_of(study);
  const auto& spec = study.spec();
  std::set<std::string> needed;
  const auto keep = [&](const std::string& name) {
    if (!name.empty()) needed.insert(name);
  };
  for (const Trial& trial : study.trials()) {
    const bool finished = trial.state == TrialState::finished;
    const bool goes_on =
        trial.is_live() || (!study.is_over() && trial.state == TrialState::stopped);
    const bool is_source = spec.pbt.enabled && !study.is_over() && finished;
    const bool is_raced = trial.repeat_of >= 0 && finished;
    const bool is_wanted = best.contains(trial.number) || (finished && spec.measures.size() > 1);
    if (goes_on || is_source || is_raced || is_wanted) keep(trial.checkpoint.name);
    if (goes_on) keep(trial.next_checkpoint);
    if (trial.repeat_of >= 0)
      keep(study.trials()[static_cast<std::size_t>(trial.repeat_of)].checkpoint.name);
  }
  return needed;
}

}  // namespace galley::studies
