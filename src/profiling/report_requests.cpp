#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "answer_figures.h"
#include "report_parts.h"
#include "report_plots.h"

namespace galley::profiling {
namespace {

using plot::Line;
using plot::LineStyle;
using plot::Point;

constexpr std::size_t kMostDots = 500;
constexpr std::size_t kBins = 14;
constexpr std::size_t kPointsABin = 6;  // fewer, and the line would only show chance
constexpr double kBytesOfMiB = 1024.0 * 1024;

double largest(const std::vector<Point>& points, double Point::*member) {
  double most = 0;
  for (const Point& point : points) most = std::max(most, point.*member);
  return most;
}

/// The mean of y in each of some equal slices of the points in order of x.
std::vector<Point> trend(const std::vector<Point>& sorted) {
  std::vector<Point> means;
  const std::size_t bins = std::min(kBins, sorted.size() / kPointsABin);
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const std::size_t from = sorted.size() * bin / bins, to = sorted.size() * (bin + 1) / bins;
    Point mean;
    for (std::size_t i = from; i < to; ++i) {
      mean.x += sorted[i].x / static_cast<double>(to - from);
      mean.y += sorted[i].y / static_cast<double>(to - from);
    }
    means.push_back(mean);
  }
  return means;
}

std::string scatter(std::string_view caption, std::string x_title, std::string y_title,
                    std::vector<Point> points) {
  if (points.size() < 2) return {};
  std::ranges::sort(points, {}, &Point::x);
  const plot::Axis x = plot::range_axis(std::move(x_title), points.front().x, points.back().x);
  const plot::Axis y = plot::linear_axis(std::move(y_title), largest(points, &Point::y) * 1.05);
  const auto line = trend(points);
  // A dot for each request of a large study would be megabytes that nobody can tell apart.
  const std::size_t step = (points.size() + kMostDots - 1) / kMostDots;
  std::vector<Point> shown;
  for (std::size_t i = 0; i < points.size(); i += step) shown.push_back(points[i]);
  return figure_block(caption, plot::line_plot(x, y,
                                               {{"requests", 0, std::move(shown), LineStyle::dots},
                                                {"mean of neighbours", 1, line, LineStyle::line}}));
}

std::vector<Point> points_of(const Figures& figures, std::string_view x, std::string_view y,
                             double unit = 1) {
  const auto columns = complete_columns(figures, {x, y});
  std::vector<Point> points;
  for (std::size_t i = 0; i < columns[0].size(); ++i)
    points.push_back({columns[0][i], columns[1][i] / unit});
  return points;
}

}  // namespace

std::string plots_of_requests(const Experiment& experiment) {
  const Figures figures(experiment);
  std::vector<std::string> plots{
      scatter("Latency, in order of the input's length", "input, tokens", "latency, ms",
              points_of(figures, "prompt_tokens", "latency_ms")),
      scatter("Latency, in order of the generated length", "generated, tokens", "latency, ms",
              points_of(figures, "output_tokens", "latency_ms")),
      scatter("Keys and values, in order of the input's length", "input, tokens", "MiB",
              points_of(figures, "prompt_tokens", "kv_bytes", kBytesOfMiB)),
      scatter("Keys and values, in order of the generated length", "generated, tokens", "MiB",
              points_of(figures, "output_tokens", "kv_bytes", kBytesOfMiB))};
  return figures_row(plots);
}

std::string plots_of_length(const Experiment& experiment) {
  const Figures figures(experiment);
  Line natural{"natural end", 0, {}, LineStyle::dots}, full{"full length", 1, {}, LineStyle::dots};
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto output = figures.number(row, "output_tokens"),
               latency = figures.number(row, "latency_ms"),
               ignore = figures.number(row, "ignore_eos");
    if (output && latency && ignore)
      (*ignore != 0 ? full : natural).points.push_back({*output, *latency});
  }
  if (natural.points.size() + full.points.size() < 2) return {};
  const double x = std::max(largest(natural.points, &Point::x), largest(full.points, &Point::x));
  const double y = std::max(largest(natural.points, &Point::y), largest(full.points, &Point::y));
  return figures_row(
      {figure_block("Latency against the tokens that came",
                    plot::line_plot(plot::linear_axis("generated, tokens", x),
                                    plot::linear_axis("latency, ms", y * 1.05), {natural, full}),
                    {{natural.name, 0}, {full.name, 1}})});
}

std::string plots_of_machine(const Experiment& experiment) {
  const Figures figures(experiment);
  Line beats{"the same work", 0, {}, LineStyle::dots}, waits{"", 0, {}, LineStyle::dots};
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto at = figures.number(row, "at_s"), beat = figures.number(row, "beat_ms"),
               waited = figures.number(row, "waited_share");
    if (at && beat) beats.points.push_back({*at, *beat});
    if (at && waited) waits.points.push_back({*at, 100 * *waited});
  }
  if (beats.points.size() < 2) return {};
  const auto plot = [](std::string_view caption, std::string y_title, const Line& line) {
    return figure_block(
        caption,
        plot::line_plot(plot::linear_axis("seconds of the study", largest(line.points, &Point::x)),
                        plot::linear_axis(std::move(y_title),
                                          std::max(1.0, largest(line.points, &Point::y) * 1.05)),
                        {line}));
  };
  std::vector<std::string> plots{plot("A fixed piece of work, again and again", "ms", beats)};
  if (!waits.points.empty())
    plots.push_back(plot("Time in which others had the processors", "%", waits));
  return figures_row(plots);
}

std::string plots_of_warm_up(const Experiment& experiment) {
  const Figures figures(experiment);
  std::map<double, std::vector<double>> by_request[2];
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto with = figures.number(row, "warm_up"), request = figures.number(row, "request"),
               latency = figures.number(row, "latency_ms");
    if (with && request && latency) by_request[*with != 0][*request].push_back(*latency);
  }
  std::vector<Line> lines;
  double x = 1, y = 0;
  for (std::size_t with = 0; with < 2; ++with) {
    Line line{with != 0 ? "with warm-up" : "without warm-up", with, {}, LineStyle::line_and_dots};
    for (const auto& [request, times] : by_request[with]) {
      double mean = 0;
      for (const double time : times) mean += time / static_cast<double>(times.size());
      line.points.push_back({request, mean});
      x = std::max(x, request);
      y = std::max(y, mean);
    }
    if (!line.points.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return {};
  std::vector<NamedColour> legend;
  for (const Line& line : lines) legend.push_back({line.name, line.colour});
  return figures_row(
      {figure_block("The first requests after loading, mean",
                    plot::line_plot(plot::linear_axis("request", x),
                                    plot::linear_axis("latency, ms", y * 1.05), lines),
                    legend)});
}

}  // namespace galley::profiling
