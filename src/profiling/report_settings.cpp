#include <fmt/format.h>

#include <algorithm>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_statistics.h"
#include "report_parts.h"
#include "report_plots.h"

namespace galley::profiling {
namespace {

using plot::Bars;

std::string number_label(double value) { return plot::short_number(value); }

/// A bar for each group, with its interval; empty where no group has a value.
std::string one_bar_each(std::string_view caption, std::string y_title,
                         const std::vector<std::string>& groups,
                         const std::vector<std::optional<Interval>>& values, std::size_t colour) {
  Bars bars{std::string(y_title), colour, {}, {}};
  std::vector<std::string> shown;
  double most = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (!values[i]) continue;
    shown.push_back(groups[i]);
    bars.values.push_back(values[i]->value);
    bars.ranges.push_back({values[i]->low, values[i]->high});
    // A whisker of two measurements can be far longer than its bar: it is cut at the frame.
    most = std::max(most, std::min(values[i]->high, values[i]->value * 1.6));
  }
  if (shown.empty()) return {};
  return figure_block(
      caption, plot::bar_plot(plot::linear_axis(std::move(y_title), std::max(most, 1e-6) * 1.05),
                              shown, {bars}, number_label));
}

/// With one value: that value, without an interval to draw.
std::optional<Interval> interval_or_value(const Repetitions& values) {
  std::vector<double> all;
  for (const auto& [repetition, value] : values) all.push_back(value);
  if (all.empty()) return std::nullopt;
  if (const auto interval = geometric_interval(all)) return interval;
  return Interval{all.front(), all.front(), all.front()};
}

}  // namespace

std::string plots_of_settings(const Experiment& experiment) {
  const Figures figures(experiment);
  const auto names = figures.distinct("setting");
  const auto plot_of = [&](std::string_view caption, std::string title, std::string_view column,
                           std::size_t colour) {
    std::vector<std::optional<Interval>> values;
    for (const std::string& name : names)
      values.push_back(interval_or_value(by_repetition(figures, "setting", name, column)));
    return one_bar_each(caption, std::move(title), names, values, colour);
  };
  return figures_row(
      {plot_of("Time of a request, with 95 % intervals", "latency, ms", "latency_ms", 0),
       plot_of("Reading the prompt", "tokens/s", "prompt_tok_s", 2),
       plot_of("Writing the answer", "tokens/s", "decode_tok_s", 3)});
}

std::string plots_of_differences(const Experiment& experiment) {
  const Figures figures(experiment);
  std::vector<std::string> groups;
  std::vector<std::optional<Interval>> shares;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto outputs = figures.number(row, "outputs"),
               different = figures.number(row, "different");
    if (!outputs || !different || *outputs < 1 || *different < 0 || *different > *outputs) continue;
    const std::string what = figures.text(row, "what");
    groups.push_back((what == "batch" ? "batch " : "") + figures.text(row, "setting"));
    auto share =
        share_interval(static_cast<std::size_t>(*different), static_cast<std::size_t>(*outputs));
    if (share) share = Interval{100 * share->value, 100 * share->low, 100 * share->high};
    shares.push_back(share);
  }
  Bars bars{"outputs that differ", 1, {}, {}};
  for (const auto& share : shares) {
    bars.values.push_back(share ? share->value : 0);
    bars.ranges.push_back(share ? Bars::Range{share->low, share->high} : Bars::Range{});
  }
  if (groups.empty()) return {};
  return figures_row({figure_block(
      "Outputs that are not those of the reference, with 95 % intervals",
      plot::bar_plot(plot::linear_axis("% of outputs", 100), groups, {bars}, number_label))});
}

std::string plots_of_quality(const Experiment& experiment) {
  const Figures figures(experiment);
  const auto names = figures.distinct("model");
  std::vector<std::optional<Interval>> right, times, memory;
  for (const std::string& name : names) {
    std::size_t hits = 0, count = 0;
    std::vector<double> latencies;
    double peak = 0;
    for (std::size_t row = 0; row < figures.rows(); ++row) {
      if (figures.text(row, "model") != name) continue;
      if (const auto correct = figures.number(row, "correct")) {
        ++count;
        hits += *correct > 0.5;
      }
      if (const auto latency = figures.number(row, "latency_ms")) latencies.push_back(*latency);
      peak = std::max(peak, figures.number(row, "peak_bytes").value_or(0));
    }
    auto share = share_interval(hits, count);
    if (share) share = Interval{100 * share->value, 100 * share->low, 100 * share->high};
    right.push_back(share);
    times.push_back(mean_interval(latencies));
    constexpr double kMiB = 1024.0 * 1024;
    memory.push_back(peak > 0 ? std::optional(Interval{peak / kMiB, peak / kMiB, peak / kMiB})
                              : std::nullopt);
  }
  return figures_row({one_bar_each("Right answers, with 95 % intervals", "%", names, right, 2),
                      one_bar_each("Time of an answer", "latency, ms", names, times, 0),
                      one_bar_each("Memory at its peak", "MiB", names, memory, 3)});
}

}  // namespace galley::profiling
