#include "estimator/dnn_file.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"

namespace galley::estimator {
namespace {

constexpr int kDnnVersion = 1;
constexpr std::size_t kMostDnnLayers = 16;
constexpr std::size_t kMostDnnWeights = 4'000'000;
constexpr double kMostLogStep = 25;  // e to the 25 are two thousand years

Error bad_dnn(const std::string& what) {
  return {Errc::invalid_argument, "the network's file cannot be used: " + what};
}

Result<std::vector<float>> dnn_numbers(const Json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || !found->is_array() || found->size() > kMostDnnWeights)
    return bad_dnn(std::string("'") + key + "' is no list");
  std::vector<float> numbers;
  numbers.reserve(found->size());
  for (const Json& one : *found) {
    const float value = one.is_number() ? one.get<float>() : std::nanf("");
    if (!std::isfinite(value)) return bad_dnn(std::string("'") + key + "' holds no finite number");
    numbers.push_back(value);
  }
  return numbers;
}

Status read_dnn_encoder(const Json& json, DenseEncoder& encoder) {
  encoder.one_hot = json.value("one_hot", Json()).is_boolean() && json["one_hot"].get<bool>();
  const auto lists = json.find("vocabulary");
  if (lists == json.end() || !lists->is_array() || lists->size() != encoder.vocabulary.size())
    return bad_dnn("'vocabulary' does not have its lists");
  for (std::size_t c = 0; c < encoder.vocabulary.size(); ++c) {
    if (!(*lists)[c].is_array()) return bad_dnn("'vocabulary' does not have its lists");
    for (const Json& word : (*lists)[c]) {
      if (!word.is_string()) return bad_dnn("a vocabulary holds more than words");
      encoder.vocabulary[c].push_back(word.get<std::string>());
    }
  }
  return ok();
}

Status read_dnn_layers(const Json& json, MlpModel& network) {
  const auto layers = json.find("layers");
  if (layers == json.end() || !layers->is_array() || layers->empty() ||
      layers->size() > kMostDnnLayers)
    return bad_dnn("'layers' is no list of 1 to " + std::to_string(kMostDnnLayers));
  std::size_t width = network.mean.size();
  for (const Json& from : *layers) {
    if (!from.is_object()) return bad_dnn("a layer is no object");
    MlpModel::Layer layer{.inputs = width, .bias = {}, .weights = {}};
    GALLEY_TRY(layer.bias, dnn_numbers(from, "bias"));
    GALLEY_TRY(layer.weights, dnn_numbers(from, "weights"));
    if (layer.bias.empty() || layer.weights.size() != width * layer.bias.size())
      return bad_dnn("a layer does not fit the one before it");
    width = layer.bias.size();
    network.layers.push_back(std::move(layer));
  }
  return width == 1 ? ok() : bad_dnn("the last layer has more than one output");
}

}  // namespace

std::string print_dnn(const DnnFile& file) {
  Json layers = Json::array();
  for (const auto& layer : file.network.layers)
    layers.push_back({{"bias", layer.bias}, {"weights", layer.weights}});
  return dump_json({{"kind", "estimator_dnn"},
                    {"version", kDnnVersion},
                    {"one_hot", file.encoder.one_hot},
                    {"vocabulary", file.encoder.vocabulary},
                    {"mean", file.network.mean},
                    {"scale", file.network.scale},
                    {"layers", std::move(layers)}});
}

Result<DnnFile> parse_dnn(std::string_view text) {
  GALLEY_TRY(const Json json, parse_json(text));
  if (!json.is_object() || json.value("kind", Json()) != "estimator_dnn" ||
      json.value("version", Json()) != kDnnVersion)
    return bad_dnn("it is no network of `galley-train dnn`");
  DnnFile file;
  GALLEY_TRY_STATUS(read_dnn_encoder(json, file.encoder));
  GALLEY_TRY(file.network.mean, dnn_numbers(json, "mean"));
  GALLEY_TRY(file.network.scale, dnn_numbers(json, "scale"));
  if (file.network.mean.size() != file.encoder.size() ||
      file.network.scale.size() != file.encoder.size() ||
      std::ranges::any_of(file.network.scale, [](float scale) { return scale <= 0; }))
    return bad_dnn("'mean' and 'scale' are not one number above 0 for each input");
  GALLEY_TRY_STATUS(read_dnn_layers(json, file.network));
  return file;
}

Result<double> predict_step_s(const DnnFile& file, const JobFeatures& job) {
  GALLEY_TRY_STATUS(check(job));
  std::vector<float> inputs;
  file.encoder.encode(feature_row(job), inputs);
  return std::exp(std::clamp(evaluate(file.network, inputs), -kMostLogStep, kMostLogStep));
}

}  // namespace galley::estimator
