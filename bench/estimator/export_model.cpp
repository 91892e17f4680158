#include "estimator/export_model.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "estimator/protocols.h"
#include "estimator/rows.h"

namespace galley::bench {
namespace {

/// What an estimator that is handed on may be learned from: lambda's table has no licence, and of
/// pollux a part is enough, or it would fill the model.
std::vector<std::pair<std::string, std::vector<const Record*>>> open_tables(const Datasets& sets) {
  constexpr std::size_t kMostOfTable = 600;
  std::vector<std::pair<std::string, std::vector<const Record*>>> tables;
  for (const auto& [name, table] :
       {std::pair{"gavel", &sets.gavel}, std::pair{"pollux", &sets.pollux},
        std::pair{"elasticflow", &sets.elasticflow}, std::pair{"neusight", &sets.neusight}}) {
    std::vector<const Record*> used;
    const std::size_t stride = table->size() / kMostOfTable + 1;
    for (std::size_t i = 0; i < table->size(); i += stride)
      if ((*table)[i].counted || (*table)[i].row.job.context != "physical")
        used.push_back(&(*table)[i]);
    if (!used.empty()) tables.emplace_back(name, std::move(used));
  }
  return tables;
}

/// Models that galley-train dnn compared on a table of this name, behind those of the report.
Status add_dnn(const std::filesystem::path& path, Json& report) {
  constexpr std::int64_t kMostDnnBytes = 64 << 20;
  if (path.empty()) return ok();
  GALLEY_TRY(const auto text, read_file(path, kMostDnnBytes));
  GALLEY_TRY(const Json dnn, parse_json(text));
  if (!dnn.is_object() || !dnn.contains("report") || !dnn["report"].is_array())
    return Error{Errc::invalid_argument, path.string() + " has no report", "dnn", "dnn.json"};
  for (const Json& from : dnn["report"])
    for (Json& into : report)
      if (from.is_object() && from.value("name", "") == into["name"] && from.contains("models"))
        for (const Json& model : from["models"]) into["models"].push_back(model);
  return ok();
}

}  // namespace

Status export_rows(const Datasets& sets, const std::filesystem::path& folder,
                   std::map<std::string, double>& figures) {
  GALLEY_TRY_STATUS(make_folders(folder));
  for (const auto& [name, used] : open_tables(sets)) {
    auto data = fit_rows(used);
    GALLEY_TRY_STATUS(write_file_atomic(folder / (name + ".json"),
                                        estimator::print_rows({data.rows, data.groups}) + "\n",
                                        Durability::memory));
    figures[name + "_rows"] = static_cast<double>(data.rows.size());
  }
  return ok();
}

Status export_model(const Datasets& sets, const EstimatorBenchOptions& options,
                    std::map<std::string, double>& figures) {
  estimator::FitRows data;
  Json report = Json::array();
  for (const auto& [name, used] : open_tables(sets)) {
    GALLEY_TRY(const auto compared,
               estimator::compare_models(fit_rows(used), kReportFolds, kReportSeed));
    report.push_back(estimator::print_comparison(name, used.size(), kReportFolds, compared));
    for (const Record* one : used) {
      const Record& record = *one;
      data.rows.push_back(record.row);
      auto& job = data.rows.back().job;
      if (const auto known = estimator::find_network(job.network.name))
        job.network.name = known->name;
      job.context.clear();
      data.groups.push_back(record.configuration);
    }
  }
  GALLEY_TRY_STATUS(add_dnn(options.dnn, report));
  GALLEY_TRY(const auto model, estimator::fit_estimator(data));
  figures["records"] = model.records;
  for (std::size_t i = 0; i < estimator::kFamiliarities; ++i)
    figures[fmt::format("{}_p90_pct", to_string(static_cast<estimator::Familiarity>(i)))] =
        100 * (std::exp(model.errors[i].log_error[3]) - 1);
  GALLEY_TRY(Json document, parse_json(estimator::print_model(model)));
  document["report"] = std::move(report);
  const auto& path = options.exported;
  GALLEY_TRY_STATUS(write_file_atomic(path, dump_json(document) + "\n", Durability::memory));
  // Beside the model: a site's own fit begins with the same records.
  return write_file_atomic(path.parent_path() / "rows.json",
                           estimator::print_rows({data.rows, data.groups}) + "\n",
                           Durability::memory);
}

}  // namespace galley::bench
