#include "study_obstacle.h"

#include <fmt/format.h>

#include <algorithm>

namespace galley::studies {
namespace {

using hpo::TrialState;

bool holds_gpus(const hpo::Trial& trial) {
  return trial.state == TrialState::running || trial.state == TrialState::leaving;
}

}  // namespace

Obstacle no_gpus_left(const hpo::ShareFacts& facts) {
  if (facts.gpus == 0)
    return {"no node has a GPU in service",
            "`galley nodes` says why; with --gpus 0 trials run without"};
  std::string reason =
      fmt::format("people's jobs hold {} of {} GPUs", facts.people_use, facts.gpus);
  if (facts.people_wait > 0) reason += fmt::format(" and wait for {} more", facts.people_wait);
  return {std::move(reason),
          "it goes on by itself when GPUs stand idle; \"gpus\": {\"min\": 1} keeps one for it"};
}

Obstacle refused_job(const Error& error) {
  return {"the job of a trial is not accepted: " + describe(error), error.hint};
}

Obstacle waiting_job(const protocol::WhyRecord& why) {
  Obstacle obstacle{.reason = why.summary};
  if (!why.guide || why.guide->alternatives.empty()) return obstacle;
  const auto& change = why.guide->alternatives.front();
  obstacle.help =
      fmt::format("{}{}", change.change, change.starts_now ? ": trials would start at once" : "");
  return obstacle;
}

bool stands_still(const Shelved& study) {
  if (!study.record.has_job || !study.runs()) return false;
  return std::ranges::none_of(study.live->study().trials(), holds_gpus);
}

std::string job_that_waits(const Shelved& study) {
  if (!stands_still(study)) return {};
  for (const auto& trial : study.live->study().trials()) {
    if (trial.state != TrialState::waiting) continue;
    const auto job = study.jobs.find({trial.number, trial.attempt});
    if (job != study.jobs.end()) return job->second;
  }
  return {};
}

}  // namespace galley::studies
