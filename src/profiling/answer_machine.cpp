#include <fmt/format.h>

#include "answer_build.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "drift.h"

namespace galley::profiling {
namespace {

/// A machine this much slower than it can be is not to be measured on.
constexpr double kSteady = 1.1;

}  // namespace

void answer_machine(const Experiment& experiment, Answers& out) {
  const std::vector<Look> looks = looks_of(experiment);
  const double fastest = looks.empty() ? 0 : fastest_ms(looks);
  const auto slowdown = resampled(looks.size(), [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const std::size_t row : rows) sum += looks[row].beat_ms / (1 - looks[row].waited);
    return sum / static_cast<double>(rows.size()) / fastest;
  });
  std::string facts;
  if (slowdown) {
    double waited = 0;
    for (const Look& look : looks) waited += look.waited;
    facts = fmt::format(
        "Other programs had the processors for {} of the time. The times of the report are as "
        "they were measured; in comparisons and in the table of users their intervals reach down "
        "to a free machine's.",
        in_unit(waited / static_cast<double>(looks.size()), Unit::share));
  }
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "steady",
       .question = "Had the study the machine for itself?",
       .measure = "the time of the same work over that in its best moments",
       .unit = Unit::ratio,
       .rule = {.kind = Rule::Kind::below, .bound = kSteady},
       .if_yes = "the machine was free and kept its speed",
       .if_no = "the machine was slowed down during this study"},
      slowdown, fmt::format("the machine was looked at fewer than {} times", kLeastToResample),
      facts));
}

}  // namespace galley::profiling
