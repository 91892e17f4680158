#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr double kWorthBatching = 1.1;
constexpr double kNearProportion = 0.1;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Batch {
  double size, repetition, tokens_per_s, latency_ms;
};

std::vector<Batch> batches_of(const Figures& figures) {
  std::vector<Batch> batches;
  std::map<double, double> seen;  // repetitions without a number, by size
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto size = figures.number(row, "batch"), latency = figures.number(row, "latency_ms"),
               output = figures.number(row, "output_tokens");
    if (figures.refused(row) || !size || !latency || !output) continue;
    if (*size < 1 || *latency <= 0 || *output < 1) continue;
    const double repetition = figures.number(row, "repetition").value_or(seen[*size]);
    seen[*size] += 1;
    batches.push_back({*size, repetition, *size * *output / (*latency / 1e3), *latency});
  }
  return batches;
}

Repetitions of_size(const std::vector<Batch>& batches, double size, double Batch::*value) {
  Repetitions found;
  for (const Batch& batch : batches)
    if (batch.size == size) found[batch.repetition] = batch.*value;
  return found;
}

void answer_pays(const Experiment& experiment, const Figures& figures, Answers& out) {
  const Question question{.experiment = experiment.id,
                          .id = "batch-pays",
                          .question = "Does a larger batch give more tokens a second?",
                          .measure = "the largest batch's tokens a second over the smallest's",
                          .unit = Unit::ratio,
                          .rule = {.bound = kWorthBatching},
                          .if_yes = "a larger batch gives more tokens a second",
                          .if_no = "a larger batch gives no more tokens a second worth naming"};
  const auto batches = batches_of(figures);
  std::set<double> sizes;
  for (const Batch& batch : batches) sizes.insert(batch.size);
  if (sizes.size() < 2) {
    out.push_back(unanswered(question, "fewer than two batch sizes were measured"));
    return;
  }
  const double small = *sizes.begin(), large = *sizes.rbegin();
  const auto ratios = paired_ratios(of_size(batches, large, &Batch::tokens_per_s),
                                    of_size(batches, small, &Batch::tokens_per_s));
  const auto times = geometric_interval(paired_ratios(of_size(batches, large, &Batch::latency_ms),
                                                      of_size(batches, small, &Batch::latency_ms)));
  std::string facts;
  if (times)
    facts = fmt::format("A batch of {} takes {} as long as one of {}: {} instead of {}.",
                        plot::short_number(large), in_unit(*times, Unit::ratio),
                        plot::short_number(small),
                        in_unit(typical(of_size(batches, large, &Batch::latency_ms)), Unit::ms),
                        in_unit(typical(of_size(batches, small, &Batch::latency_ms)), Unit::ms));
  out.push_back(answered_if(question, geometric_interval(ratios),
                            "the largest or the smallest batch was not measured twice", facts));
}

void answer_memory(const Experiment& experiment, const Figures& figures, Answers& out) {
  const auto columns =
      complete_columns(figures, {"batch", "prompt_tokens", "output_tokens", "kv_bytes"});
  std::vector<double> tokens, bytes;
  for (std::size_t i = 0; i < columns[0].size(); ++i) {
    const double count = columns[0][i] * (columns[1][i] + columns[2][i]);
    if (count <= 0 || columns[3][i] <= 0) continue;
    tokens.push_back(std::log(count));
    bytes.push_back(std::log(columns[3][i]));
  }
  if (bytes.empty()) return;  // a target does not tell its memory
  const auto exponent = resampled(bytes.size(), [&](std::span<const std::size_t> rows) {
    const auto fit = least_squares({tokens}, bytes, rows);
    return fit ? (*fit)[1] : kNan;
  });
  std::string facts;
  if (exponent) {
    const auto most = std::ranges::max_element(bytes) - bytes.begin();
    facts = fmt::format("At most {} of keys and values were in use, for {} tokens.",
                        in_unit(std::exp(bytes[static_cast<std::size_t>(most)]), Unit::bytes),
                        plot::short_number(std::exp(tokens[static_cast<std::size_t>(most)])));
  }
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "memory-proportional",
                   .question = "Is memory in proportion to tokens × batch?",
                   .measure = "the exponent of memory over tokens × batch",
                   .rule = {.kind = Rule::Kind::within,
                            .bound = 1 - kNearProportion,
                            .upper = 1 + kNearProportion},
                   .if_yes = "keys and values take memory in proportion to tokens × batch",
                   .if_no = "keys and values do not take memory in proportion to tokens × batch"},
                  exponent, "too few batches, or batches of one size, tell their memory", facts));
}

}  // namespace

void answer_batches(const Profile&, const Experiment& experiment, Answers& out) {
  const Figures figures(experiment);
  answer_pays(experiment, figures, out);
  answer_memory(experiment, figures, out);
}

}  // namespace galley::profiling
