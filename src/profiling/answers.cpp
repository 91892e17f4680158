#include "profiling/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "answer_build.h"
#include "answer_sets.h"
#include "drift.h"
#include "profiling/catalogue.h"

namespace galley::profiling {
namespace {

void answer_one(const Profile& profile, const Experiment& experiment, Answers& out) {
  const std::string_view id = experiment.id;
  if (id == "narrow" || id == "wide-greedy" || id == "wide-sampled")
    answer_requests(profile, experiment, out);
  else if (id == "one-shot" || id == "few-shot")
    answer_batches(profile, experiment, out);
  else if (id == "length")
    answer_length(experiment, out);
  else if (id == "budget")
    answer_budget(experiment, out);
  else if (id == "batching")
    answer_batching(experiment, out);
  else if (id == "warm-up")
    answer_warm_up(experiment, out);
  else if (id == "differences")
    answer_differences(experiment, out);
  else if (id == "quality")
    answer_quality(experiment, out);
  else if (id == "capacity")
    answer_capacity(experiment, out);
  else if (id == "machine")
    answer_machine(experiment, out);
  else
    answer_settings(experiment, out);
}

/// What is counted, and memory: no other program changes it.
bool is_counted(const Answer& answer) {
  constexpr std::string_view kExperimentsOfCounts[] = {"budget", "differences", "quality",
                                                       "machine"};
  constexpr std::string_view kCounts[] = {"kv-per-token", "weights-share", "memory-proportional",
                                          "pace-of-longest"};
  return std::ranges::find(kExperimentsOfCounts, answer.experiment) !=
             std::end(kExperimentsOfCounts) ||
         std::ranges::any_of(kCounts, [&](auto id) { return answer.id.ends_with(id); });
}

/// Others do not hold up short requests as they do long ones, nor one thread as they do many, so
/// that a ratio of times is not quite the model's where they had the processors for a while, and
/// not at all where they had them for most of the time.
void mind_the_machine(const Profile& profile, Drafted& answer) {
  constexpr double kTooMuch = 0.5;
  constexpr double kOfARatio = 0.5, kOfAShare = 1.0 / 3;
  const double waited = drift_of(profile, answer.experiment).waited;
  if (!answer.has_figure || is_counted(answer) || waited <= 0) return;
  if (waited > kTooMuch) {
    const auto opening = answer.sentence.find(": ");
    answer.verdict = Verdict::cannot_tell;
    answer.has_figure = false;
    answer.figure = {};
    answer.sentence = fmt::format(
        "Cannot tell: other programs had the processors for {} of the time. What was measured "
        "would "
        "say: {}",
        in_unit(waited, Unit::share), answer.sentence.substr(opening + 2));
    return;
  }
  Interval wide = answer.figure;
  if (answer.asked.unit == Unit::ratio) {
    const double factor = std::pow(1 - waited, kOfARatio);
    wide.low *= factor;
    wide.high /= factor;
  } else {
    wide.low -= kOfAShare * waited;
    wide.high += kOfAShare * waited;
  }
  answer = answered(Question(answer.asked), wide, std::string(answer.facts));
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::yes:
      return "yes";
    case Verdict::no:
      return "no";
    case Verdict::cannot_tell:
      break;
  }
  return "cannot tell";
}

std::vector<Answer> answer_all(const Profile& profile) {
  Answers answers;
  for (const ExperimentKind& kind : kExperiments) {
    const auto found = std::ranges::find(profile.experiments, kind.id, &Experiment::id);
    if (found != profile.experiments.end()) answer_one(profile, *found, answers);
  }
  for (Drafted& answer : answers) mind_the_machine(profile, answer);
  return {answers.begin(), answers.end()};
}

nlohmann::json answers_json(std::span<const Answer> answers) {
  auto list = nlohmann::json::array();
  for (const Answer& answer : answers) {
    nlohmann::json one{{"id", answer.id},
                       {"experiment", answer.experiment},
                       {"question", answer.question},
                       {"verdict", to_string(answer.verdict)},
                       {"sentence", answer.sentence},
                       {"measure", answer.measure},
                       {"value", nullptr},
                       {"low", nullptr},
                       {"high", nullptr},
                       {"rule", answer.rule}};
    if (answer.has_figure) {
      one["value"] = answer.figure.value;
      one["low"] = answer.figure.low;
      one["high"] = answer.figure.high;
    }
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace galley::profiling
