#include "hpo_study/curve_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace galley::bench {
namespace {

constexpr double kEarlyFailure_s = 300;
constexpr std::int64_t kMaxCsvBytes = 64 << 20;

struct NumberTable {
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;

  std::optional<std::size_t> find(std::string_view name) const {
    const auto found = std::ranges::find(columns, name);
    if (found == columns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - columns.begin());
  }
};

Result<NumberTable> read_number_table(const std::filesystem::path& file) {
  GALLEY_TRY(const std::string text, read_file(file, kMaxCsvBytes));
  NumberTable table;
  std::size_t line_number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++line_number;
    const auto line = trim(raw);
    if (line.empty()) continue;
    const auto words = split(line, ',');
    if (table.columns.empty()) {
      for (const auto word : words) table.columns.emplace_back(trim(word));
      continue;
    }
    std::vector<double> row;
    for (const auto word : words) {
      double value = std::nan("");  // an empty cell: not known
      const auto trimmed = trim(word);
      if (!trimmed.empty() &&
          std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value).ec != std::errc())
        value = std::nan("");
      row.push_back(value);
    }
    if (row.size() != table.columns.size())
      return Error{Errc::invalid_argument,
                   fmt::format("{}:{} has {} cells, its header {}", file.string(), line_number,
                               row.size(), table.columns.size()),
                   {},
                   {},
                   {}};
    table.rows.push_back(std::move(row));
  }
  if (table.rows.empty())
    return Error{Errc::invalid_argument, fmt::format("{} has no rows", file.string()), {}, {}, {}};
  return table;
}

/// The prefix of the two files of a set, or nothing.
std::optional<std::filesystem::path> find_curve_set(const std::filesystem::path& folder,
                                                    const std::string& name) {
  std::vector<std::string> found;
  for (const auto& at : {folder / "opda", folder}) {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(at, gone)) {
      const std::string file = entry.path().string();
      constexpr std::string_view kTail = ".curves.csv";
      if (!file.ends_with(kTail)) continue;
      const std::string prefix = file.substr(0, file.size() - kTail.size());
      const std::string set = std::filesystem::path(prefix).filename().string();
      if (set == (name.empty() ? "alexnet-imagenet" : name)) return prefix;
      found.push_back(prefix);
    }
  }
  if (!name.empty()) return std::nullopt;
  std::ranges::sort(found);
  for (const auto& prefix : found) {
    const auto table = read_number_table(prefix + ".curves.csv");
    if (table && table->find("time_s")) return prefix;
  }
  return std::nullopt;
}

}  // namespace

double CurvePool::reached_by(std::size_t count) const {
  std::vector<double> best;
  for (const auto& run : runs)
    if (!run.score.empty()) best.push_back(*std::ranges::max_element(run.score));
  std::ranges::sort(best, std::greater<>());
  return best[std::min(count, best.size()) - 1];
}

hpo::Space CurvePool::space() const {
  std::vector<hpo::Parameter> parameters;
  parameters.push_back({.name = "run",
                        .kind = hpo::ParameterKind::integer,
                        .low = 0,
                        .high = static_cast<double>(runs.size() - 1),
                        .step = 1});
  for (std::size_t i = 0; i < names.size(); ++i) {
    double low = runs[0].settings[i];
    double high = low;
    for (const auto& run : runs) {
      low = std::min(low, run.settings[i]);
      high = std::max(high, run.settings[i]);
    }
    if (low == high) high = low + 1;
    parameters.push_back({.name = names[i],
                          .kind = hpo::ParameterKind::real,
                          .low = low,
                          .high = high,
                          .log = low > 0 && high / low >= 100});
  }
  auto space = hpo::Space::make(std::move(parameters));
  GALLEY_CHECK(space.has_value(), "ranges of finite numbers make a space");
  return *std::move(space);
}

hpo::Point CurvePool::point(std::size_t run) const {
  hpo::Point point{static_cast<double>(run)};
  point.insert(point.end(), runs[run].settings.begin(), runs[run].settings.end());
  return point;
}

Result<CurvePool> read_curve_pool(const std::filesystem::path& folder, const std::string& name) {
  const auto prefix = find_curve_set(folder, name);
  if (!prefix)
    return Error{Errc::not_found,
                 fmt::format("{} holds no {}.curves.csv with times", folder.string(),
                             name.empty() ? "*" : name),
                 "curves",
                 "a folder with NAME.configs.csv and NAME.curves.csv",
                 {}};
  GALLEY_TRY(const auto configs, read_number_table(prefix->string() + ".configs.csv"));
  GALLEY_TRY(const auto curves, read_number_table(prefix->string() + ".curves.csv"));
  const auto id = configs.find("id");
  const auto diverged = configs.find("nan_train_loss");
  const auto epochs = configs.find("epochs");
  const auto run_id = curves.find("id");
  const auto time = curves.find("time_s");
  const auto score = curves.find("top1");
  if (!id || !diverged || !epochs || !run_id || !time || !score)
    return Error{Errc::invalid_argument,
                 fmt::format("{} lacks a column of id, nan_train_loss, epochs, time_s, top1",
                             prefix->string()),
                 {},
                 {},
                 {}};
  CurvePool pool;
  pool.name = prefix->filename().string();
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < configs.columns.size(); ++c) {
    const bool known =
        std::ranges::none_of(configs.rows, [c](const auto& row) { return !std::isfinite(row[c]); });
    if (c == *id || c == *diverged || !known) continue;
    columns.push_back(c);
    pool.names.push_back(configs.columns[c]);
  }
  std::map<double, std::size_t> index;
  for (const auto& row : configs.rows) {
    RecordedCurve run{.epochs = row[*epochs], .diverged = row[*diverged] != 0};
    for (const auto c : columns) run.settings.push_back(row[c]);
    index[row[*id]] = pool.runs.size();
    pool.runs.push_back(std::move(run));
  }
  for (const auto& row : curves.rows) {
    const auto found = index.find(row[*run_id]);
    if (found == index.end()) continue;
    auto& run = pool.runs[found->second];
    if (!std::isfinite(row[*time]) || !std::isfinite(row[*score])) continue;
    run.at_s.push_back(row[*time]);
    run.score.push_back(row[*score]);
  }
  return pool;
}

void CurveWorld::start(hpo::TrialNumber trial, const hpo::Point& point, std::int64_t,
                       const std::string& checkpoint) {
  Place place{.run = static_cast<std::size_t>(point[0])};
  if (!checkpoint.empty())
    std::from_chars(checkpoint.data(), checkpoint.data() + checkpoint.size(), place.epochs_done);
  places_[trial] = place;
}

std::string CurveWorld::checkpoint(hpo::TrialNumber trial) {
  return std::to_string(places_.at(trial).epochs_done);
}

hpo::TrialWorld::Step CurveWorld::next(hpo::TrialNumber trial) {
  auto& place = places_.at(trial);
  const auto& run = pool_.runs[place.run];
  const std::size_t k = place.epochs_done;
  if (k >= run.at_s.size()) {
    const double seconds =
        k == 0 ? kEarlyFailure_s : run.at_s.back() / static_cast<double>(run.at_s.size());
    return {.kind = Step::Kind::failure, .seconds = seconds};
  }
  ++place.epochs_done;
  const double seconds = run.at_s[k] - (k == 0 ? 0 : run.at_s[k - 1]);
  const bool is_last = static_cast<double>(k + 1) >= run.epochs;
  return {.kind = is_last ? Step::Kind::last_report : Step::Kind::report,
          .seconds = seconds,
          .resource = static_cast<double>(k + 1),
          .objectives = {run.score[k]}};
}

}  // namespace galley::bench
