#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "plot/page.h"
#include "plot/svg.h"
#include "seconds.h"
#include "simulation/simulate.h"

namespace galley::simulation {
namespace {

using plot::Axis;
using plot::bar_plot;
using plot::Bars;
using plot::count_axis;
using plot::duration_axis;
using plot::escaped;
using plot::Line;
using plot::line_plot;
using plot::linear_axis;
using plot::Point;
using plot::short_duration;

// The legend stays in sight: all the plots share it.
constexpr const char* kStyle = ".legend{position:sticky;top:0}";

constexpr std::size_t kCurvePoints = 160;
constexpr double kDayS = 86400;

std::size_t colour_of(std::size_t run) { return run % plot::kColours; }

const PolicyRun* find_run(const Simulation& simulation, std::string_view name) {
  const auto found = std::ranges::find(simulation.runs, name, &PolicyRun::policy);
  return found == simulation.runs.end() ? nullptr : &*found;
}

/// The first thing that a reader wants to know.
std::string lead(const Simulation& simulation) {
  const PolicyRun* galley = find_run(simulation, "galley");
  if (galley == nullptr) return "";
  std::string text = fmt::format("Under Galley a job is done after {} on average",
                                 short_duration(galley->metrics.mean_jct_s));
  for (const char* peer : {"fifo-skip", "quota-bestfit"}) {
    const PolicyRun* other = find_run(simulation, peer);
    if (other == nullptr || other->metrics.mean_jct_s <= 0) continue;
    const double ratio = galley->metrics.mean_jct_s / other->metrics.mean_jct_s;
    text += ratio <= 1 ? fmt::format(", {:.0f} % sooner than under {}", 100 * (1 - ratio), peer)
                       : fmt::format(", {:.1f} times as long as under {}", ratio, peer);
  }
  return text + fmt::format(
                    ". {} jobs waited more than a minute longer than they would have in a "
                    "cluster of their team's own.",
                    galley->metrics.sharing_anomalies.count);
}

std::string table(const Simulation& simulation) {
  std::string html =
      "<div class=wide><table><tr><th>Policy<th>Mean time to done<th>Half done in<th>90 % in<th>99 "
      "% in<th>99 % wait, 16+ GPUs<th>GPUs used<th>Stranded<th>Preempted<th>Lost GPU "
      "hours<th>Fairness<th>Anomalies<th>Start told right</tr>";
  for (const PolicyRun& run : simulation.runs) {
    const Metrics& m = run.metrics;
    html += fmt::format(
        "<tr{}><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{:.1f} %<td>{:.1f} "
        "%<td>{}<td>{:.0f}<td>{:.2f}<td>{}<td>{}</tr>",
        run.policy == "galley" ? " class=us" : "", escaped(run.policy),
        short_duration(m.mean_jct_s), short_duration(m.jct_p50_s), short_duration(m.jct_p90_s),
        short_duration(m.jct_p99_s), short_duration(m.p99_wait_16plus_s), m.utilisation_pct,
        m.fragmentation_pct, m.preemptions, m.lost_gpu_hours, m.fairness, m.sharing_anomalies.count,
        m.start_interval_coverage_pct ? fmt::format("{:.0f} %", *m.start_interval_coverage_pct)
                                      : std::string("&ndash;"));
  }
  html += "</table></div>";
  for (const PolicyRun& run : simulation.runs)
    if (run.metrics.jobs_refused > 0)
      html += fmt::format(
          "<p>{} refused {} jobs that its quotas can never hold; they are in none of "
          "its figures.</p>",
          escaped(run.policy), run.metrics.jobs_refused);
  return html;
}

std::string legend(const Simulation& simulation) {
  std::string html = "<div class=legend>";
  for (std::size_t i = 0; i < simulation.runs.size(); ++i)
    html += fmt::format("<span><i class=k{}></i>{}</span>", colour_of(i),
                        escaped(simulation.runs[i].policy));
  return html + "</div>";
}

/// Both plots over time end when the last job was submitted: what comes later is the emptying.
double days_shown(const Simulation& simulation) {
  const auto& jobs = simulation.workload.trace.jobs;
  return std::max(1e-6, seconds(jobs.back().submit - jobs.front().submit) / kDayS);
}

std::vector<Line> over_time(const Simulation& simulation, std::vector<double> Slices::*values,
                            double unit) {
  std::vector<Line> lines;
  const double last = days_shown(simulation);
  for (std::size_t i = 0; i < simulation.runs.size(); ++i) {
    const Slices& slices = simulation.runs[i].outcome.slices;
    Line line{simulation.runs[i].policy, colour_of(i), {}};
    for (std::size_t slice = 0; slice < (slices.*values).size(); ++slice) {
      const double day = seconds(slices.width) * (static_cast<double>(slice) + 0.5) / kDayS;
      if (day > last) break;
      line.points.push_back({day, (slices.*values)[slice] * unit});
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string use_plot(const Simulation& simulation) {
  const double gpus =
      static_cast<double>(std::max<std::int64_t>(1, simulation.workload.cluster.gpu_count()));
  return line_plot(linear_axis("days", days_shown(simulation)),
                   linear_axis("GPUs in use", 100, " %"),
                   over_time(simulation, &Slices::busy_gpus, 100 / gpus));
}

std::string queue_plot(const Simulation& simulation) {
  const auto lines = over_time(simulation, &Slices::waiting_jobs, 1);
  double most = 10;
  for (const Line& line : lines)
    for (const Point& point : line.points) most = std::max(most, point.y);
  return line_plot(linear_axis("days", days_shown(simulation)), count_axis("jobs waiting", most),
                   lines);
}

std::string jct_plot(const Simulation& simulation) {
  std::vector<Line> lines;
  double longest = 10;
  std::vector<std::vector<double>> all;
  for (const PolicyRun& run : simulation.runs) {
    std::vector<double> times;
    for (std::size_t i = 0; i < run.outcome.jobs.size(); ++i)
      if (!run.outcome.jobs[i].refused)
        times.push_back(
            seconds(run.outcome.jobs[i].finish - simulation.workload.trace.jobs[i].submit));
    std::ranges::sort(times);
    if (!times.empty()) longest = std::max(longest, times.back());
    all.push_back(std::move(times));
  }
  const Axis x = duration_axis("from submission to done", longest);
  for (std::size_t run = 0; run < all.size(); ++run) {
    Line line{simulation.runs[run].policy, colour_of(run), {}};
    for (std::size_t i = 0; i <= kCurvePoints && !all[run].empty(); ++i) {
      const double at = std::pow(
          10, std::log10(x.to) * static_cast<double>(i) / static_cast<double>(kCurvePoints));
      const auto below = std::ranges::upper_bound(all[run], at) - all[run].begin();
      line.points.push_back(
          {at, 100 * static_cast<double>(below) / static_cast<double>(all[run].size())});
    }
    lines.push_back(std::move(line));
  }
  return line_plot(x, linear_axis("jobs done", 100, " %"), lines);
}

std::string wait_plot(const Simulation& simulation) {
  std::vector<std::string> groups;
  std::vector<Bars> bars;
  for (std::size_t i = 0; i < simulation.runs.size(); ++i)
    bars.push_back({simulation.runs[i].policy, colour_of(i), {}});
  double most = 10;
  for (std::size_t size = 0; size < kSizeClasses.size(); ++size) {
    if (std::ranges::all_of(simulation.runs, [size](const PolicyRun& run) {
          return run.metrics.by_size[size].jobs == 0;
        }))
      continue;
    groups.push_back(std::string(kSizeClasses[size]) +
                     (kSizeClasses[size] == "1" ? " GPU" : " GPUs"));
    for (std::size_t i = 0; i < bars.size(); ++i) {
      bars[i].values.push_back(simulation.runs[i].metrics.by_size[size].mean_wait_s);
      most = std::max(most, bars[i].values.back());
    }
  }
  return bar_plot(duration_axis("mean wait", most), groups, bars, short_duration);
}

std::string anomaly_plot(const Simulation& simulation) {
  const auto& teams = simulation.workload.trace.teams;
  std::vector<std::size_t> shown;
  double most = 1;
  for (std::size_t team = 0; team < teams.size(); ++team) {
    double worst = 0;
    for (const PolicyRun& run : simulation.runs)
      worst =
          std::max(worst, static_cast<double>(run.metrics.sharing_anomalies.count_by_team[team]));
    if (worst > 0) shown.push_back(team);
    most = std::max(most, worst);
  }
  if (shown.empty()) return "<p>There is none, under any of the policies.</p>";
  constexpr std::size_t kMostTeamsShown = 16;
  if (shown.size() > kMostTeamsShown) shown.resize(kMostTeamsShown);
  std::vector<std::string> groups;
  for (const std::size_t team : shown) groups.push_back(teams[team].substr(0, 8));
  std::vector<Bars> bars;
  for (std::size_t i = 0; i < simulation.runs.size(); ++i) {
    Bars bar{simulation.runs[i].policy, colour_of(i), {}};
    for (const std::size_t team : shown)
      bar.values.push_back(
          static_cast<double>(simulation.runs[i].metrics.sharing_anomalies.count_by_team[team]));
    bars.push_back(std::move(bar));
  }
  return bar_plot(count_axis("jobs that waited longer", most), groups, bars,
                  [](double value) { return fmt::format("{:.0f} jobs", value); });
}

std::string section(std::string_view title, std::string_view words, const std::string& plot) {
  return fmt::format("<section><h2>{}</h2><p>{}</p>{}</section>", title, words, plot);
}

}  // namespace

std::string to_html(const Simulation& simulation) {
  const Workload& workload = simulation.workload;
  std::string html = plot::open_page("Simulation of " + workload.trace.name, kStyle);
  html += fmt::format(
      "<h1>What became of {1} jobs</h1><p>{0}: {2} teams, {3:.1f} days, replayed on {4} nodes with "
      "{5} GPUs in {6:.1f} s.{7}</p><p class=lead>{8}</p>",
      escaped(workload.trace.name), workload.trace.jobs.size(), workload.trace.teams.size(),
      days_shown(simulation), workload.cluster.node_count(), workload.cluster.gpu_count(),
      simulation.seconds,
      workload.jobs_left_out > 0
          ? fmt::format(" {} jobs ask for more than the cluster could ever give and are left out.",
                        workload.jobs_left_out)
          : "",
      escaped(lead(simulation)));
  html += table(simulation) + legend(simulation) + "<div class=plots>";
  html += section("GPUs in use", "Share of all GPUs that run a job, while jobs arrive.",
                  use_plot(simulation));
  html +=
      section("The queue", "Jobs that wait, while jobs arrive. Each mark is ten times the last.",
              queue_plot(simulation));
  html += section("How soon jobs are done",
                  "Share of jobs that are done within a time. Further left and up is better.",
                  jct_plot(simulation));
  html += section("Waiting, by size of the job",
                  "Mean wait, lost work included. Each mark is about ten times the last.",
                  wait_plot(simulation));
  html += section("Sharing anomalies",
                  "Jobs that waited over a minute longer than in a cluster of their team's own.",
                  anomaly_plot(simulation));
  return html + "</div></main></html>\n";
}

}  // namespace galley::simulation
