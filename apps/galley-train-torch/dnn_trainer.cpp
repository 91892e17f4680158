#include "dnn_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "dnn_fit.h"
#include "estimator/dnn_file.h"
#include "estimator/rows.h"
#include "estimator_fit/estimator_fit.h"
#include "job_lines.h"

namespace estimator = galley::estimator;
using galley::Json;
using galley::Result;

namespace {

constexpr std::int64_t kMostRowBytes = 64 << 20;
constexpr std::uint64_t kFoldSeed = 1;  // the same folds as the other models' in the report

std::vector<std::filesystem::path> files_of(const DnnCommand& command) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : command.rows) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path, error))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

estimator::ModelFamily dnn_family(std::int64_t steps) {
  estimator::ModelFamily family{"dnn", {}};
  for (const std::int64_t hidden : {32, 96})
    family.settings.emplace_back(
        fmt::format("libtorch, 3 layers of {}", hidden),
        [hidden, steps](const estimator::DenseTable& x,
                        std::span<const double> y) -> Result<estimator::DenseRegressor> {
          auto network = fit_dnn(x, y, {.hidden = hidden, .steps = steps});
          return estimator::DenseRegressor(
              [network = std::move(network)](std::span<const float> inputs) {
                return estimator::evaluate(network, inputs);
              });
        });
  return family;
}

estimator::DnnFile fit_all(const estimator::FitRows& data, std::int64_t steps) {
  std::vector<estimator::FeatureRow> features;
  std::vector<double> targets;
  for (const auto& row : data.rows) {
    features.push_back(estimator::feature_row(row.job));
    targets.push_back(std::log(row.step_s));
  }
  estimator::DnnFile file{{true, estimator::vocabulary_of(features)}, {}};
  file.network = fit_dnn(estimator::encode_rows(file.encoder, features), targets, {.steps = steps});
  return file;
}

}  // namespace

galley::Status run_dnn(const DnnCommand& command) {
  const auto folds = static_cast<std::size_t>(command.folds);
  estimator::FitRows all;
  Json report = Json::array();
  for (const auto& path : files_of(command)) {
    GALLEY_TRY(const auto text, galley::read_file(path, kMostRowBytes));
    auto rows = estimator::parse_rows(text);
    if (!rows) {
      rows.error().message = path.string() + ": " + rows.error().message;
      return std::move(rows).error();
    }
    const estimator::FitRows data{rows->rows, rows->groups};
    GALLEY_TRY(const auto compared,
               estimator::compare_one_family(data, dnn_family(command.steps), folds, kFoldSeed));
    for (const auto& one : compared)
      print_note(fmt::format("{}: {} with {} features{}: MdAPE {:.2f} %, MAPE {:.2f} %",
                             path.stem().string(), one.settings, one.features,
                             one.with_physics ? " and physics" : "", one.mdape_pct, one.mape_pct));
    report.push_back(
        estimator::print_comparison(path.stem().string(), data.rows.size(), folds, compared));
    all.rows.insert(all.rows.end(), data.rows.begin(), data.rows.end());
  }
  if (all.rows.empty())
    return galley::Error{galley::Errc::invalid_argument, "there is no file of rows", "rows",
                         "files or folders of *.json with measured step times"};
  GALLEY_TRY(Json document, galley::parse_json(estimator::print_dnn(fit_all(all, command.steps))));
  document["report"] = std::move(report);
  GALLEY_TRY_STATUS(galley::make_folders(command.out));
  GALLEY_TRY_STATUS(galley::write_file_atomic(
      command.out / "dnn.json", galley::dump_json(document) + "\n", galley::Durability::memory));
  print_key("artifact", command.out.string());
  return galley::ok();
}
