#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr double kNearlyAll = 0.9;
constexpr double kWorthStopping = 0.05;

std::string line_facts(const std::vector<double>& tokens, const std::vector<double>& latency) {
  std::vector<std::size_t> all(tokens.size());
  std::iota(all.begin(), all.end(), 0);
  const auto fit = least_squares({tokens}, latency, all);
  if (!fit) return {};
  return fmt::format("By a straight line through {} answers, each token takes {} more.",
                     tokens.size(), in_unit((*fit)[1], Unit::ms));
}

void answer_follows(const Experiment& experiment, const Figures& figures, Answers& out) {
  const auto columns = complete_columns(figures, {"output_tokens", "latency_ms"});
  const auto tokens = places_of(columns[0]), times = places_of(columns[1]);
  const auto share = resampled(tokens.size(), [&](std::span<const std::size_t> rows) {
    return explained_share(tokens, times, rows);
  });
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "follows-tokens",
       .question = "Does time follow the generated tokens?",
       .measure = "the share of the order of times that generated tokens explain",
       .unit = Unit::share,
       .rule = {.bound = kNearlyAll},
       .if_yes = "time follows the generated tokens",
       .if_no = "much of the order of times is not due to generated tokens"},
      share,
      fmt::format("fewer than {} answers were measured, or all are of one length or time",
                  kLeastToResample),
      line_facts(columns[0], columns[1])));
}

/// Requests are counted from 0 or from 1.
double first_request(const Figures& figures) {
  double first = std::numeric_limits<double>::infinity();
  for (std::size_t row = 0; row < figures.rows(); ++row)
    first = std::min(first, figures.number(row, "request").value_or(first));
  return first;
}

void answer_early_stop(const Experiment& experiment, const Figures& figures, Answers& out) {
  struct Pair {
    double natural_ms = 0, full_ms = 0, natural_tokens = 0, full_tokens = 0;
  };
  std::map<std::pair<double, double>, Pair> pairs;  // by words and repetition
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto words = figures.number(row, "words"), ignore = figures.number(row, "ignore_eos"),
               output = figures.number(row, "output_tokens"),
               latency = figures.number(row, "latency_ms");
    if (!words || !ignore || !output || !latency || *latency <= 0) continue;
    Pair& pair = pairs[{*words, figures.number(row, "repetition").value_or(0)}];
    (*ignore != 0 ? pair.full_ms : pair.natural_ms) = *latency;
    (*ignore != 0 ? pair.full_tokens : pair.natural_tokens) = *output;
  }
  std::vector<Pair> both;
  for (const auto& [key, pair] : pairs)
    if (pair.natural_ms > 0 && pair.full_ms > 0) both.push_back(pair);
  const auto saved = resampled(both.size(), [&](std::span<const std::size_t> rows) {
    double natural = 0, full = 0;
    for (const std::size_t row : rows) {
      natural += both[row].natural_ms;
      full += both[row].full_ms;
    }
    return 1 - natural / full;
  });
  double natural_tokens = 0, full_tokens = 0;
  for (const Pair& pair : both) {
    natural_tokens += pair.natural_tokens;
    full_tokens += pair.full_tokens;
  }
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "early-stop",
       .question = "Does stopping at the natural end save time?",
       .measure = "the share of time saved",
       .unit = Unit::share,
       .rule = {.bound = kWorthStopping},
       .if_yes = "stopping at the natural end saves time",
       .if_no = "stopping at the natural end saves no time worth naming"},
      saved,
      fmt::format("fewer than {} pairs of a natural and a full answer were measured",
                  kLeastToResample),
      both.empty()
          ? ""
          : fmt::format("Natural ends came after {} tokens in all, full answers had "
                        "{}.",
                        plot::short_number(natural_tokens), plot::short_number(full_tokens))));
}

}  // namespace

void answer_length(const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  answer_follows(experiment, figures, out);
  answer_early_stop(experiment, figures, out);
}

void answer_warm_up(const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  const Question question{.experiment = experiment.id,
                          .id = "first-pays",
                          .question = "Does warm-up make the first request faster?",
                          .measure = "the first request's time without warm-up over that with it",
                          .unit = Unit::ratio,
                          .rule = {.bound = 1.1},
                          .if_yes = "warm-up makes the first request faster",
                          .if_no = "warm-up makes the first request no faster worth naming"};
  const double first = first_request(figures);
  // Of each start: its first request, and the later ones, which tell what chance alone does.
  std::vector<double> cold, warm, later_logs;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto with = figures.number(row, "warm_up"), request = figures.number(row, "request"),
               latency = figures.number(row, "latency_ms");
    if (!with || !request || !latency || *latency <= 0) continue;
    if (*request <= first)
      (*with != 0 ? warm : cold).push_back(std::log(*latency));
    else
      later_logs.push_back(std::log(*latency));
  }
  if (cold.empty() || warm.empty() || later_logs.size() < 3) {
    out.push_back(unanswered(question,
                             "a first request with and one without warm-up, and three "
                             "later ones, were not all measured"));
    return;
  }
  const auto mean = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  const double center = mean(later_logs);
  double squares = 0;
  for (const double value : later_logs) squares += (value - center) * (value - center);
  const double freedom = static_cast<double>(later_logs.size() - 1);
  // First requests are too few to tell their own scatter, so that of the later ones stands in.
  const double half =
      student_quantile(kConfidence, freedom) * std::sqrt(squares / freedom) *
      std::sqrt(1 / static_cast<double>(cold.size()) + 1 / static_cast<double>(warm.size()));
  const double ratio = mean(cold) - mean(warm);
  out.push_back(answered(
      question, {std::exp(ratio), std::exp(ratio - half), std::exp(ratio + half)},
      fmt::format("The first request takes {} without and {} with warm-up, later ones {}.",
                  in_unit(std::exp(mean(cold)), Unit::ms), in_unit(std::exp(mean(warm)), Unit::ms),
                  in_unit(std::exp(center), Unit::ms))));
}

}  // namespace galley::profiling
