#include "estimator/rows.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"

namespace galley::estimator {
namespace {

constexpr std::size_t kMostNameBytes = 200;

Error wrong_row(std::string field, std::string message, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = std::move(message),
          .field = std::move(field),
          .expected = std::move(expected)};
}

Result<double> row_number(const Json& json, const char* field, double otherwise) {
  const auto found = json.find(field);
  if (found == json.end()) return otherwise;
  if (found->is_number()) {
    const double value = found->get<double>();
    if (std::isfinite(value) && value >= 0 && value <= 1e15) return value;
  }
  return wrong_row(field, "found " + dump_json(*found).substr(0, 60), "a number from 0");
}

Result<std::string> row_text(const Json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end()) return std::string();
  if (found->is_string() && found->get_ref<const std::string&>().size() <= kMostNameBytes)
    return found->get<std::string>();
  return wrong_row(field, "found " + dump_json(*found).substr(0, 60), "a short text");
}

}  // namespace

Json print_observation(const Observation& row) {
  const JobFeatures& job = row.job;
  Json json{{"network", job.network.name},
            {"forward_gflops", job.network.forward_gflops},
            {"parameters_m", job.network.parameters_m},
            {"activation_mb", job.network.activation_mb},
            {"layers", job.network.layers},
            {"gpu", job.gpu.name},
            {"gpus", job.gpus},
            {"nodes", job.nodes},
            {"network_gbps", job.network_gbps},
            {"batch_per_gpu", job.batch_per_gpu},
            {"precision", to_string(job.precision)},
            {"loader_threads", job.loader_threads},
            {"step_s", row.step_s}};
  // What most rows do not have is left out.
  if (!job.training) json["training"] = false;
  if (!job.variant.empty()) json["variant"] = job.variant;
  if (!job.context.empty()) json["context"] = job.context;
  const auto unless = [&json](const char* field, double value, double usual) {
    if (value > usual || value < usual) json[field] = value;
  };
  unless("fullest_node", job.fullest_node, 0);
  unless("tensor_parallel", job.tensor_parallel, 1);
  unless("pipeline_parallel", job.pipeline_parallel, 1);
  unless("micro_batches", job.micro_batches, 1);
  return json;
}

Result<Observation> parse_observation(const Json& json) {
  if (!json.is_object()) return wrong_row("", "the row is no object", "an object");
  Observation row;
  JobFeatures& job = row.job;
  GALLEY_TRY(job.network.name, row_text(json, "network"));
  GALLEY_TRY(const auto gpu, row_text(json, "gpu"));
  auto spec = find_gpu(gpu);
  if (!spec)
    return wrong_row("gpu", "no data sheet is known for '" + gpu + "'", "the name of a device");
  job.gpu = *std::move(spec);
  GALLEY_TRY(const auto precision, row_text(json, "precision"));
  if (!precision.empty()) {
    GALLEY_TRY(job.precision, parse_precision(precision));
  }
  GALLEY_TRY(job.network.forward_gflops, row_number(json, "forward_gflops", 0));
  GALLEY_TRY(job.network.parameters_m, row_number(json, "parameters_m", 0));
  GALLEY_TRY(job.network.activation_mb, row_number(json, "activation_mb", 0));
  GALLEY_TRY(job.network.layers, row_number(json, "layers", 0));
  GALLEY_TRY(job.gpus, row_number(json, "gpus", 1));
  GALLEY_TRY(job.nodes, row_number(json, "nodes", 1));
  GALLEY_TRY(job.network_gbps, row_number(json, "network_gbps", 0));
  GALLEY_TRY(job.batch_per_gpu, row_number(json, "batch_per_gpu", 1));
  GALLEY_TRY(job.loader_threads, row_number(json, "loader_threads", 0));
  GALLEY_TRY(job.fullest_node, row_number(json, "fullest_node", 0));
  GALLEY_TRY(job.tensor_parallel, row_number(json, "tensor_parallel", 1));
  GALLEY_TRY(job.pipeline_parallel, row_number(json, "pipeline_parallel", 1));
  GALLEY_TRY(job.micro_batches, row_number(json, "micro_batches", 1));
  GALLEY_TRY(job.variant, row_text(json, "variant"));
  GALLEY_TRY(job.context, row_text(json, "context"));
  if (const auto training = json.find("training"); training != json.end()) {
    if (!training->is_boolean())
      return wrong_row("training", "found " + dump_json(*training).substr(0, 60), "true or false");
    job.training = training->get<bool>();
  }
  GALLEY_TRY(row.step_s, row_number(json, "step_s", 0));
  GALLEY_TRY_STATUS(check(job));
  if (!(row.step_s > 0) || row.step_s > 1e6)
    return wrong_row("step_s", fmt::format("found {}", row.step_s), "seconds of a step, above 0");
  return row;
}

std::string print_rows(const RowsFile& file) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < file.rows.size(); ++i) {
    Json row = print_observation(file.rows[i]);
    row["group"] = i < file.groups.size() ? file.groups[i] : std::string();
    rows.push_back(std::move(row));
  }
  return dump_json({{"kind", "estimator_rows"}, {"version", 1}, {"rows", std::move(rows)}});
}

Result<RowsFile> parse_rows(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  if (!json.is_object() || json.value("kind", Json()) != "estimator_rows" ||
      json.value("version", Json()) != 1)
    return wrong_row("kind", "the document holds no rows of version 1", "estimator_rows");
  const auto rows = json.find("rows");
  if (rows == json.end() || !rows->is_array() || rows->size() > kMostRows)
    return wrong_row("rows", "there is no list of rows",
                     fmt::format("a list of at most {}", kMostRows));
  RowsFile file;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto at = [&](Error error) {
      error.field = fmt::format("rows[{}]{}{}", i, error.field.empty() ? "" : ".", error.field);
      return error;
    };
    auto row = parse_observation((*rows)[i]);
    if (!row) return at(std::move(row).error());
    auto group = row_text((*rows)[i], "group");
    if (!group) return at(std::move(group).error());
    file.rows.push_back(*std::move(row));
    file.groups.push_back(*std::move(group));
  }
  return file;
}

}  // namespace galley::estimator
