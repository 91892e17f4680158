#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_statistics.h"
#include "report_parts.h"
#include "report_plots.h"

namespace galley::profiling {
namespace {

using plot::Line;
using plot::LineStyle;

constexpr double kMiB = 1024.0 * 1024;

/// A line over steps of x: the typical value of each, with its interval.
struct Steps {
  std::map<double, std::vector<double>> values;

  Line line(std::string name, std::size_t colour) const {
    Line line{std::move(name), colour, {}, LineStyle::line_and_dots};
    for (const auto& [x, all] : values) {
      if (const auto interval = geometric_interval(all)) {
        line.points.push_back({x, interval->value});
        line.whiskers.push_back({x, interval->low, interval->high});
      } else {
        line.points.push_back({x, all.front()});
      }
    }
    return line;
  }
};

std::string steps_plot(std::string_view caption, std::string x_title, std::string y_title,
                       const std::vector<Line>& lines, bool log_y) {
  std::set<double> steps;
  double low = 0, high = 0;
  for (const Line& line : lines)
    for (const plot::Point& point : line.points) {
      steps.insert(point.x);
      high = std::max(high, point.y);
      if (point.y > 0) low = low > 0 ? std::min(low, point.y) : point.y;
    }
  if (steps.empty() || high <= 0) return {};
  const std::vector<double> ticks(steps.begin(), steps.end());
  const plot::Axis y = log_y ? plot::log_axis(std::move(y_title), low, high)
                             : plot::linear_axis(std::move(y_title), high * 1.08);
  std::vector<NamedColour> legend;
  for (const Line& line : lines) legend.push_back({line.name, line.colour});
  return figure_block(
      caption, plot::line_plot(plot::steps_axis(std::move(x_title), ticks), y, lines), legend);
}

}  // namespace

std::string plots_of_batches(const Experiment& experiment) {
  const Figures figures(experiment);
  Steps latency, speed, memory;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto batch = figures.number(row, "batch"), time = figures.number(row, "latency_ms"),
               output = figures.number(row, "output_tokens"), kv = figures.number(row, "kv_bytes");
    if (figures.refused(row) || !batch || !time || *batch < 1 || *time <= 0) continue;
    latency.values[*batch].push_back(*time);
    if (output && *output > 0) speed.values[*batch].push_back(*batch * *output / (*time / 1e3));
    if (kv && *kv > 0) memory.values[*batch].push_back(*kv / kMiB);
  }
  return figures_row({steps_plot("Latency of a batch, with 95 % intervals", "requests at once",
                                 "latency, ms", {latency.line("latency", 0)}, true),
                      steps_plot("Tokens a second of all requests together", "requests at once",
                                 "tokens/s", {speed.line("tokens/s", 2)}, false),
                      steps_plot("Keys and values in use", "requests at once", "MiB",
                                 {memory.line("keys and values", 3)}, true)});
}

std::string plots_of_budget(const Experiment& experiment) {
  const Figures figures(experiment);
  std::map<double, plot::HeatMap> maps;
  std::set<double> prompts, batches;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto batch = figures.number(row, "batch"), prompt = figures.number(row, "prompt_tokens");
    if (prompt) prompts.insert(*prompt);
    if (batch) batches.insert(*batch);
  }
  const auto index = [](const std::set<double>& set, double value) {
    return static_cast<std::size_t>(std::distance(set.begin(), set.find(value)));
  };
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto budget = figures.number(row, "budget_bytes"), batch = figures.number(row, "batch"),
               prompt = figures.number(row, "prompt_tokens"),
               needed = figures.number(row, "needed_bytes"),
               latency = figures.number(row, "latency_ms");
    if (!budget || !batch || !prompt) continue;
    plot::HeatMap& map = maps[*budget];
    map.cells.resize(prompts.size() * batches.size());
    auto& cell = map.cells[index(batches, *batch) * prompts.size() + index(prompts, *prompt)];
    const std::string place = fmt::format("batch {:g}, {:g} tokens in: ", *batch, *prompt);
    if (latency) {
      cell = {.kind = plot::HeatMap::Cell::Kind::value,
              .value = *latency,
              .text = *latency >= 1000 ? plot::short_number(*latency / 1e3) + " s"
                                       : fmt::format("{:.0f} ms", *latency),
              .tooltip = place + in_unit(*latency, Unit::ms)};
    } else {
      const bool over = needed && *needed > *budget;
      cell = {.kind = over ? plot::HeatMap::Cell::Kind::refused : plot::HeatMap::Cell::Kind::empty,
              .value = 0,
              .text = over ? in_unit(*needed, Unit::bytes) : "fits",
              .tooltip = place + figures.text(row, "refused")};
    }
  }
  std::vector<std::string> plots;
  for (auto& [budget, map] : maps) {
    map.label = fmt::format("What fits into {}", in_unit(budget, Unit::bytes));
    map.x_title = "input, tokens";
    map.y_title = "requests at once";
    for (const double prompt : prompts) map.columns.push_back(plot::short_number(prompt));
    for (const double batch : batches) map.rows.push_back(plot::short_number(batch));
    plots.push_back(figure_block(
        fmt::format("{}: latency where it fits and was measured, what would be needed where it "
                    "does not",
                    in_unit(budget, Unit::bytes)),
        plot::heat_map(map)));
  }
  return plots.empty() ? std::string() : figures_row(plots);
}

std::string plots_of_batching(const Experiment& experiment) {
  const Figures figures(experiment);
  std::vector<Line> speeds, wastes;
  std::size_t colour = 0;
  for (const std::string& policy : figures.distinct("policy")) {
    Steps speed;
    std::map<double, std::pair<double, double>> waste;  // wasted, all, by batch
    for (std::size_t row = 0; row < figures.rows(); ++row) {
      const auto batch = figures.number(row, "batch"), rate = figures.number(row, "tokens_per_s"),
                 wasted = figures.number(row, "wasted_tokens"),
                 output = figures.number(row, "output_tokens");
      if (figures.text(row, "policy") != policy || !batch || *batch < 1) continue;
      if (rate && *rate > 0) speed.values[*batch].push_back(*rate);
      if (wasted && output) {
        waste[*batch].first += *wasted;
        waste[*batch].second += *wasted + *output;
      }
    }
    const std::string name = policy == "length_sorted" ? "length-sorted" : policy;
    speeds.push_back(speed.line(name, colour));
    Line line{name, colour++, {}, LineStyle::line_and_dots};
    for (const auto& [batch, counts] : waste)
      if (counts.second > 0) line.points.push_back({batch, 100 * counts.first / counts.second});
    wastes.push_back(std::move(line));
  }
  return figures_row({steps_plot("Useful tokens a second, with 95 % intervals", "requests at once",
                                 "tokens/s", speeds, false),
                      steps_plot("Tokens computed past a row's own end", "requests at once",
                                 "% of all tokens", wastes, false)});
}

std::string plots_of_capacity(const Experiment& experiment) {
  const Figures figures(experiment);
  Steps p50, p99, speed;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto users = figures.number(row, "users");
    if (!users || *users < 1) continue;
    const auto take = [&](std::string_view column, Steps& steps) {
      const auto value = figures.number(row, column);
      if (value && *value > 0) steps.values[*users].push_back(*value);
    };
    take("p50_latency_ms", p50);
    take("p99_latency_ms", p99);
    take("tokens_per_s", speed);
  }
  return figures_row({steps_plot("How long a request takes, with 95 % intervals", "users at once",
                                 "latency, ms", {p50.line("half", 0), p99.line("99 %", 1)}, true),
                      steps_plot("Tokens a second of all users together", "users at once",
                                 "tokens/s", {speed.line("tokens/s", 2)}, false)});
}

}  // namespace galley::profiling
