#include "merge_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "answer_figures.h"
#include "answer_statistics.h"
#include "drift.h"

namespace galley::profiling {
namespace {

constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();
using Measure = std::function<std::optional<Interval>(const Figures&)>;

std::optional<Interval> mean_of_column(const Figures& figures, std::string_view column) {
  const auto values = complete_columns(figures, {column})[0];
  return resampled(values.size(), [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const std::size_t row : rows) sum += values[row];
    return sum / static_cast<double>(rows.size());
  });
}

/// A process keeps what it once touched, so that its memory hangs on how much ran before.
constexpr double kMemoryVariesBytes = 8 << 20;

std::optional<Interval> memory_of(const Figures& figures) {
  auto interval = mean_of_column(figures, "resident_bytes");
  if (interval)
    interval = Interval{interval->value, std::max(interval->low - kMemoryVariesBytes, 1.0),
                        interval->high + kMemoryVariesBytes};
  return interval;
}

/// Time after the first token over the tokens after it, of all requests together.
std::optional<Interval> token_time(const Figures& figures) {
  const auto columns = complete_columns(figures, {"first_token_ms", "latency_ms", "output_tokens"});
  return resampled(columns[0].size(), [&](std::span<const std::size_t> rows) {
    double time = 0, tokens = 0;
    for (const std::size_t row : rows) {
      time += columns[1][row] - columns[0][row];
      tokens += columns[2][row] - 1;
    }
    return tokens > 0 && time > 0 ? time / tokens : kNoFigure;
  });
}

std::optional<Interval> slope_per_token(const Figures& figures) {
  const auto columns = complete_columns(figures, {"output_tokens", "latency_ms"});
  return resampled(columns[0].size(), [&](std::span<const std::size_t> rows) {
    const auto fit = least_squares({columns[0]}, columns[1], rows);
    return fit ? (*fit)[1] : kNoFigure;
  });
}

std::optional<Interval> of_key(const Figures& figures, std::string_view key_column, double key,
                               std::string_view column) {
  std::vector<double> values;
  for (const auto& [repetition, value] :
       by_repetition(figures, key_column, fmt::format("{:g}", key), column))
    values.push_back(value);
  return geometric_interval(values);
}

/// Tokens a second of batches of one size: the rows say how long they took.
std::optional<Interval> batch_speed(const Figures& figures, double batch) {
  std::vector<double> speeds;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto output = figures.number(row, "output_tokens"),
               latency = figures.number(row, "latency_ms");
    if (figures.refused(row) || figures.number(row, "batch") != batch) continue;
    if (output && latency && *output > 0 && *latency > 0)
      speeds.push_back(batch * *output / (*latency / 1e3));
  }
  return geometric_interval(speeds);
}

std::optional<Interval> policy_speed(const Figures& figures, std::string_view policy,
                                     double batch) {
  std::vector<double> speeds;
  for (std::size_t row = 0; row < figures.rows(); ++row) {
    const auto speed = figures.number(row, "tokens_per_s");
    if (figures.text(row, "policy") == policy && figures.number(row, "batch") == batch && speed &&
        *speed > 0)
      speeds.push_back(*speed);
  }
  return geometric_interval(speeds);
}

class Collector {
 public:
  explicit Collector(const std::vector<Profile>& studies) : studies_(studies) {}

  void add(std::string_view experiment, std::string measure, MergedFigure::Kind kind,
           const Measure& read) {
    MergedFigure figure{.experiment = std::string(experiment),
                        .measure = std::move(measure),
                        .kind = kind,
                        .studies = {}};
    for (const Profile& study : studies_) {
      const Experiment* found = study.find(experiment);
      auto interval = found != nullptr ? read(Figures(*found)) : std::nullopt;
      if (interval && kind == MergedFigure::Kind::time)
        interval = widened_time(*interval, drift_of(study, experiment));
      if (interval && kind == MergedFigure::Kind::speed)
        interval = widened_speed(*interval, drift_of(study, experiment));
      figure.studies.push_back(interval);
    }
    constexpr std::ptrdiff_t kFewest = 2;
    if (std::ranges::count_if(figure.studies, [](const auto& one) { return one.has_value(); }) >=
        kFewest)
      figures_.push_back(std::move(figure));
  }

  /// The values of a column that at least two studies hold.
  std::vector<double> shared(std::string_view experiment, std::string_view column) const {
    std::map<double, int> seen;
    for (const Profile& study : studies_) {
      const Experiment* found = study.find(experiment);
      if (found == nullptr) continue;
      const auto values = complete_columns(Figures(*found), {column})[0];
      for (const double value : std::set<double>(values.begin(), values.end())) ++seen[value];
    }
    std::vector<double> values;
    for (const auto& [value, count] : seen)
      if (count > 1) values.push_back(value);
    return values;
  }

  std::vector<MergedFigure> take() { return std::move(figures_); }

 private:
  const std::vector<Profile>& studies_;
  std::vector<MergedFigure> figures_;
};

}  // namespace

std::vector<MergedFigure> merged_figures(const std::vector<Profile>& studies) {
  using Kind = MergedFigure::Kind;
  Collector collect(studies);
  for (const std::string_view id : {"narrow", "wide-greedy", "wide-sampled"}) {
    collect.add(id, "time to the first token, ms", Kind::time,
                [](const Figures& f) { return mean_of_column(f, "first_token_ms"); });
    collect.add(id, "time of a whole answer, ms", Kind::time,
                [](const Figures& f) { return mean_of_column(f, "latency_ms"); });
    collect.add(id, "time of each further token, ms", Kind::time, token_time);
  }
  for (const std::string_view id : {"one-shot", "few-shot"})
    for (const double batch : collect.shared(id, "batch"))
      collect.add(id, fmt::format("tokens a second at batch {:g}", batch), Kind::speed,
                  [batch](const Figures& f) { return batch_speed(f, batch); });
  collect.add("length", "time of each generated token, ms", Kind::time, slope_per_token);
  for (const double batch : collect.shared("batching", "batch"))
    collect.add("batching", fmt::format("tokens a second, continuous batch of {:g}", batch),
                Kind::speed,
                [batch](const Figures& f) { return policy_speed(f, "continuous", batch); });
  for (const double users : collect.shared("capacity", "users")) {
    collect.add("capacity", fmt::format("tokens a second with {:g} users", users), Kind::speed,
                [users](const Figures& f) { return of_key(f, "users", users, "tokens_per_s"); });
    collect.add("capacity", fmt::format("99 % of requests within, {:g} users, ms", users),
                Kind::time,
                [users](const Figures& f) { return of_key(f, "users", users, "p99_latency_ms"); });
  }
  collect.add("wide-greedy", "memory of the process, bytes", Kind::memory, memory_of);
  return collect.take();
}

}  // namespace galley::profiling
