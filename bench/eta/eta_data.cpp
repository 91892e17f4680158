#include "eta_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/text.h"

namespace galley::bench {
namespace {

constexpr std::int64_t kMostCsvBytes = 1LL << 30;
constexpr std::size_t kFewestIntervals = 7;

/// One line's cells; quoted ones may hold commas.
std::vector<std::string_view> csv_cells(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    std::size_t end = 0;
    if (line.starts_with('"')) {
      end = line.find('"', 1);
      if (end == std::string_view::npos) end = line.size() - 1;
      cells.push_back(line.substr(1, end - 1));
      end = std::min(line.find(',', end), line.size());
    } else {
      end = std::min(line.find(','), line.size());
      cells.push_back(line.substr(0, end));
    }
    if (end == line.size()) return cells;
    line.remove_prefix(end + 1);
  }
}

std::optional<double> csv_number(std::string_view cell) {
  double value = 0;
  const auto [end, errc] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (errc != std::errc{} || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

/// Calls `row` with the cells of the wanted columns, in that order.
template <class Row>
Status for_each_row(const std::filesystem::path& file, const std::vector<std::string>& columns,
                    const Row& row) {
  GALLEY_TRY(const std::string text, read_file(file, kMostCsvBytes));
  std::vector<std::size_t> places;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto cells = csv_cells(line);
    if (places.empty()) {
      for (const std::string& column : columns) {
        const auto found = std::ranges::find(cells, column);
        if (found == cells.end())
          return Error{Errc::corrupt, fmt::format("{} has no column {}", file.string(), column)};
        places.push_back(static_cast<std::size_t>(found - cells.begin()));
      }
      continue;
    }
    std::vector<std::string_view> wanted;
    for (const std::size_t place : places)
      wanted.push_back(place < cells.size() ? cells[place] : std::string_view{});
    row(wanted);
  }
  return ok();
}

/// "LambdaCloud_8xV100_16GB_v1" -> 8 GPUs of "V100".
void read_machine_name(std::string_view name, RecordedRun& run) {
  if (name.starts_with("LambdaCloud_")) name.remove_prefix(12);
  run.machine = name;
  std::size_t digits = 0;
  while (digits < name.size() && name[digits] >= '0' && name[digits] <= '9') ++digits;
  if (digits > 0 && digits < name.size() && name[digits] == 'x') {
    run.gpus = static_cast<int>(csv_number(name.substr(0, digits)).value_or(1));
    name.remove_prefix(digits + 1);
  } else if (name.starts_with("p3.")) {  // a cloud's name for machines with 1, 4 and 8 V100
    run.gpus = name.find("16x") != std::string_view::npos  ? 8
               : name.find("8x") != std::string_view::npos ? 4
                                                           : 1;
    name = "V100";
  }
  run.group = name.substr(0, name.find('_'));
}

}  // namespace

Result<std::vector<RecordedRun>> read_lambda_runs(const std::filesystem::path& folder) {
  std::vector<RecordedRun> runs;
  std::string name;
  double previous = 0;
  const auto status = for_each_row(
      folder / "lambda/iteration_series.csv", {"run", "kind", "value"}, [&](const auto& cells) {
        const auto value = csv_number(cells[2]);
        if (!value) return;
        const bool cumulative = cells[1] == "cum_s";
        if (cells[0] != name) {
          name = cells[0];
          RecordedRun run;
          const auto parts = split(cells[0], '/');
          if (parts.size() > 1) run.program = parts[1];
          if (parts.size() > 2) run.variant = parts[2] == "FP32" ? "fp32" : "fp16";
          read_machine_name(parts[0].substr(0, parts[0].find('#')), run);
          runs.push_back(std::move(run));
          previous = *value;
          if (cumulative) return;
        }
        runs.back().intervals_s.push_back(cumulative ? *value - previous : *value);
        previous = *value;
      });
  GALLEY_TRY_STATUS(status);
  std::erase_if(runs,
                [](const RecordedRun& run) { return run.intervals_s.size() < kFewestIntervals; });
  return runs;
}

Result<std::vector<RecordedRun>> read_mlperf_runs(const std::filesystem::path& folder) {
  std::map<std::string, int> accelerators;  // of submitter/system/benchmark
  GALLEY_TRY_STATUS(
      for_each_row(folder / "mlperf/runs.csv", {"submitter", "system", "benchmark", "accel_total"},
                   [&](const auto& cells) {
                     accelerators[fmt::format("{}/{}/{}", cells[0], cells[1], cells[2])] =
                         static_cast<int>(csv_number(cells[3]).value_or(1));
                   }));
  constexpr std::array<std::string_view, 3> kEnds{"epoch_stop", "block_stop", "eval_stop"};
  std::vector<std::pair<std::string, std::array<std::vector<double>, 3>>> series;
  GALLEY_TRY_STATUS(
      for_each_row(folder / "mlperf/progress.csv", {"run", "event", "t_s"}, [&](const auto& cells) {
        if (series.empty() || series.back().first != cells[0])
          series.push_back({std::string(cells[0]), {}});
        const auto at = std::ranges::find(kEnds, cells[1]);
        const auto seconds = csv_number(cells[2]);
        if (at == kEnds.end() || !seconds) return;
        series.back().second[static_cast<std::size_t>(at - kEnds.begin())].push_back(*seconds);
      }));
  std::vector<RecordedRun> runs;
  for (const auto& [name, ends] : series) {
    const auto& longest = *std::ranges::max_element(ends, {}, &std::vector<double>::size);
    if (longest.size() < 8) continue;
    RecordedRun run;
    const auto parts = split(name, '/');
    if (parts.size() < 4) continue;
    run.group = parts[0];
    run.machine = parts[1];
    run.program = parts[parts.size() - 2];
    run.gpus = accelerators[name.substr(0, name.rfind('/'))];
    double previous = 0;
    for (const double at : longest) {
      run.intervals_s.push_back(at - previous);
      previous = at;
    }
    runs.push_back(std::move(run));
  }
  return runs;
}

}  // namespace galley::bench
