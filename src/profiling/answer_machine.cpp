#include <fmt/format.h>

#include <algorithm>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"

namespace galley::profiling {
namespace {

/// A machine this much slower than it can be is not to be measured on.
constexpr double kSteady = 1.1;
constexpr double kFastest = 0.05;

}  // namespace

void answer_machine(const Experiment& experiment, Answers& out) {
  const auto columns = complete_columns(Figures(experiment), {"beat_ms"});
  std::vector<double> levels;  // what work took, waiting included
  const Figures figures(experiment);
  double waited = 0;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto beat = figures.number(row, "beat_ms");
    if (!beat || *beat <= 0) continue;
    const double share = std::clamp(figures.number(row, "waited_share").value_or(0), 0.0, 0.99);
    waited += share;
    levels.push_back(*beat / (1 - share));
  }
  std::vector<double> beats = columns[0];
  std::ranges::sort(beats);
  const double fastest =
      beats.empty() ? 0
                    : beats[static_cast<std::size_t>(kFastest * static_cast<double>(beats.size()))];
  const auto slowdown = resampled(levels.size(), [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const std::size_t row : rows) sum += levels[row];
    return sum / static_cast<double>(rows.size()) / fastest;
  });
  std::string facts;
  if (slowdown)
    facts = fmt::format(
        "Other programs had the processors for {} of the time. The times of the report are as "
        "they were measured; in comparisons and in the table of users their intervals reach down "
        "to a free machine's.",
        in_unit(waited / static_cast<double>(levels.size()), Unit::share));
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
