#include <xgboost/c_api.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "base/json.h"
#include "estimator_fit/fits.h"

namespace galley::estimator {
namespace {

Error boosting_error(const char* what) {
  return {Errc::internal, std::string("XGBoost could not ") + what + ": " + XGBGetLastError()};
}

struct MatrixCloser {
  void operator()(void* handle) const { XGDMatrixFree(handle); }
};
struct BoosterCloser {
  void operator()(void* handle) const { XGBoosterFree(handle); }
};

/// Appends the nodes of one dumped tree in depth-first order; answers the index of its root.
std::int32_t take_tree(const Json& dumped, TreeModel& model) {
  const auto at = model.nodes.size();
  model.nodes.emplace_back();
  if (const auto leaf = dumped.find("leaf"); leaf != dumped.end()) {
    model.nodes[at].value = leaf->get<float>();
    return static_cast<std::int32_t>(at);
  }
  const auto split = dumped.at("split").get<std::string>();  // "f12"
  const auto yes = dumped.at("yes").get<int>();
  TreeModel::Node node;
  node.input = std::stoi(split.substr(1));
  node.threshold = dumped.at("split_condition").get<float>();
  for (const Json& child : dumped.at("children")) {
    const auto index = take_tree(child, model);
    (child.at("nodeid").get<int>() == yes ? node.left : node.right) = index;
  }
  model.nodes[at] = node;
  return static_cast<std::int32_t>(at);
}

}  // namespace

Result<TreeModel> fit_boosting(const DenseTable& x, std::span<const double> y,
                               const BoostingOptions& options) {
  TreeModel model;
  if (y.empty()) return model;
  DMatrixHandle matrix_handle = nullptr;
  if (XGDMatrixCreateFromMat(x.values.data(), x.rows(), x.width, std::nanf(""), &matrix_handle) !=
      0)
    return boosting_error("take the table");
  const std::unique_ptr<void, MatrixCloser> matrix(matrix_handle);
  double sum = 0;
  for (const double value : y) sum += value;
  model.bias = sum / static_cast<double>(y.size());
  std::vector<float> labels;
  for (const double value : y) labels.push_back(static_cast<float>(value - model.bias));
  if (XGDMatrixSetFloatInfo(matrix.get(), "label", labels.data(), labels.size()) != 0)
    return boosting_error("take the targets");
  BoosterHandle booster_handle = nullptr;
  if (XGBoosterCreate(&matrix_handle, 1, &booster_handle) != 0) return boosting_error("start");
  const std::unique_ptr<void, BoosterCloser> booster(booster_handle);
  const std::map<std::string, std::string> parameters{
      {"objective", "reg:squarederror"},
      {"tree_method", "hist"},
      {"nthread", "1"},
      {"base_score", "0"},
      {"verbosity", "0"},
      {"max_depth", std::to_string(options.depth)},
      {"eta", std::to_string(options.learning_rate)},
      {"min_child_weight", std::to_string(options.least_weight)},
      {"subsample", std::to_string(options.row_ratio)},
      {"max_bin", "64"},
      {"seed", std::to_string(options.seed)}};
  for (const auto& [name, value] : parameters)
    if (XGBoosterSetParam(booster.get(), name.c_str(), value.c_str()) != 0)
      return boosting_error("take its settings");
  for (int round = 0; round < options.rounds; ++round)
    if (XGBoosterUpdateOneIter(booster.get(), round, matrix.get()) != 0)
      return boosting_error("fit a tree");
  bst_ulong count = 0;
  const char** dumps = nullptr;
  if (XGBoosterDumpModelEx(booster.get(), "", 0, "json", &count, &dumps) != 0)
    return boosting_error("print its trees");
  try {
    for (bst_ulong i = 0; i < count; ++i)
      model.roots.push_back(take_tree(Json::parse(dumps[i]), model));
  } catch (const std::exception& error) {
    return Error{Errc::internal,
                 std::string("XGBoost printed a tree that does not read: ") + error.what()};
  }
  return model;
}

}  // namespace galley::estimator
