#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "base/json.h"
#include "estimator/model.h"

namespace galley::estimator {
namespace {

constexpr int kModelVersion = 1;
constexpr std::size_t kMostPoints = 20'000;
constexpr std::size_t kMostNodes = 2'000'000;
constexpr std::size_t kMostWords = 10'000;

Error bad_model(const std::string& what) {
  return {Errc::invalid_argument, "the estimator file cannot be used: " + what};
}

/// Reads one document; remembers the first fault and answers zeros from then on.
class ModelReader {
 public:
  explicit ModelReader(const Json& json) : json_(json) {}

  const Json& member(const Json& object, const char* key) {
    static const Json kNull;
    if (object.is_object())
      if (const auto found = object.find(key); found != object.end()) return *found;
    fail(std::string("'") + key + "' is missing");
    return kNull;
  }
  double number(const Json& object, const char* key) { return value(member(object, key), key); }
  double value(const Json& json, const char* key) {
    const double read = json.is_number() ? json.get<double>() : std::nan("");
    if (std::isfinite(read) && std::abs(read) < 1e30) return read;
    fail(std::string("'") + key + "' holds no finite number");
    return 0;
  }
  template <class T>
  std::vector<T> list(const Json& object, const char* key, std::size_t most) {
    const Json& json = member(object, key);
    std::vector<T> values;
    if (!json.is_array() || json.size() > most) {
      fail(std::string("'") + key + "' is no list of at most " + std::to_string(most));
      return values;
    }
    for (const Json& item : json) {
      double read = value(item, key);
      if constexpr (std::is_integral_v<T>)
        if (std::abs(read) > static_cast<double>(kMostNodes)) {
          fail(std::string("'") + key + "' holds a number out of range");
          read = 0;
        }
      values.push_back(static_cast<T>(read));
    }
    return values;
  }
  std::vector<std::string> words(const Json& json) {
    std::vector<std::string> values;
    if (!json.is_array() || json.size() > kMostWords) {
      fail("a vocabulary is no list");
      return values;
    }
    for (const Json& item : json) {
      if (!item.is_string()) {
        fail("a vocabulary holds more than words");
        return values;
      }
      values.push_back(item.get<std::string>());
    }
    return values;
  }
  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = what;
  }
  const std::string& fault() const { return fault_; }
  const Json& root() const { return json_; }

 private:
  const Json& json_;
  std::string fault_;
};

Json print_vocabulary(const std::array<std::vector<std::string>, FeatureRow::kCategories>& all) {
  Json lists = Json::array();
  for (const auto& words : all) lists.push_back(words);
  return lists;
}

std::array<std::vector<std::string>, FeatureRow::kCategories> read_vocabulary(ModelReader& reader,
                                                                              const Json& json) {
  std::array<std::vector<std::string>, FeatureRow::kCategories> all;
  if (!json.is_array() || json.size() != all.size()) {
    reader.fail("the vocabulary does not have its lists");
    return all;
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = reader.words(json[i]);
  return all;
}

PhysicsModel::Factors read_factors(ModelReader& reader, const Json& json) {
  PhysicsModel::Factors factors{};
  // Files of before replicas were known to lag behind each other lack the last one: 0.
  if (!json.is_array() || (json.size() != factors.size() && json.size() != PhysicsModel::kLag)) {
    reader.fail("factors of the physics are not " + std::to_string(factors.size()));
    return factors;
  }
  for (std::size_t i = 0; i < json.size(); ++i) {
    factors[i] = reader.value(json[i], "factors");
    if (factors[i] < 0) reader.fail("a factor of the physics is negative");
  }
  return factors;
}

PhysicsModel read_physics(ModelReader& reader) {
  const Json& json = reader.member(reader.root(), "physics");
  PhysicsModel physics;
  physics.pooled = read_factors(reader, reader.member(json, "pooled"));
  const Json& networks = reader.member(json, "networks");
  if (!networks.is_object()) {
    reader.fail("'networks' is no object");
    return physics;
  }
  for (const auto& [name, factors] : networks.items())
    physics.of_network[name] = read_factors(reader, factors);
  const Json& ratios = reader.member(json, "bound_ratio");
  if (!ratios.is_object()) reader.fail("'bound_ratio' is no object");
  for (const auto& [name, ratio] : ratios.items()) {
    physics.bound_ratio[name] = reader.value(ratio, "bound_ratio");
    if (physics.bound_ratio[name] < 0 || physics.bound_ratio[name] > 1)
      reader.fail("a ratio in 'bound_ratio' is not from 0 to 1");
  }
  if (json.is_object() && json.contains("shape_spread"))  // older files lack it
    physics.shape_spread = reader.number(json, "shape_spread");
  if (physics.shape_spread < 0 || physics.shape_spread > 10)
    reader.fail("'shape_spread' is not from 0 to 10");
  return physics;
}

/// The shortest decimal that reads back as the same float, instead of its 17 digits as a double.
double short_number(float value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  double read = 0;
  std::from_chars(text.data(), end, read);
  return read;
}

Json short_numbers(const std::vector<float>& values) {
  Json numbers = Json::array();
  for (const float value : values) numbers.push_back(short_number(value));
  return numbers;
}

Json print_kernel(const KernelModel& kernel) {
  Json components = Json::array();
  for (const auto& component : kernel.components) {
    Json inputs = Json::array();
    for (const auto& input : component.inputs)
      inputs.push_back({{"index", input.index}, {"weight", short_number(input.weight)}});
    components.push_back({{"variance", short_number(component.variance)},
                          {"smooth", component.smooth},
                          {"inputs", std::move(inputs)}});
  }
  Json points = Json::array();
  for (const auto& values : kernel.points) points.push_back(short_numbers(values));
  Json series = Json::array();
  for (const auto& one : kernel.series.series)
    series.push_back({{"key", short_numbers({one.key.begin(), one.key.end()})},
                      {"level", short_number(one.shape.level)},
                      {"variance", short_number(one.shape.variance)},
                      {"length", short_number(one.shape.length)},
                      {"log_batch", short_numbers(one.log_batch)},
                      {"alpha", short_numbers(one.alpha)}});
  return {{"series", std::move(series)},
          {"mean", kernel.mean},
          {"noise", kernel.noise},
          {"components", std::move(components)},
          {"vocabulary", print_vocabulary(kernel.vocabulary)},
          {"points", std::move(points)},
          {"alpha", short_numbers(kernel.alpha)}};
}

void read_components(ModelReader& reader, const Json& json, KernelModel& kernel) {
  constexpr std::size_t kMostComponents = 64;
  if (!json.is_array() || json.size() > kMostComponents) return reader.fail("too many components");
  for (const Json& from : json) {
    KernelModel::Component component;
    component.variance = static_cast<float>(reader.number(from, "variance"));
    component.smooth = reader.member(from, "smooth") == true;
    const Json& inputs = reader.member(from, "inputs");
    if (!inputs.is_array() || inputs.size() > KernelModel::kInputs || component.variance < 0)
      return reader.fail("a component of the kernel is malformed");
    for (const Json& input : inputs) {
      const double index = reader.number(input, "index");
      const double weight = reader.number(input, "weight");
      if (index < 0 || index >= static_cast<double>(KernelModel::kInputs) || weight < 0)
        return reader.fail("a component of the kernel names an input that does not exist");
      component.inputs.push_back({static_cast<std::uint32_t>(index), static_cast<float>(weight)});
    }
    kernel.components.push_back(std::move(component));
  }
}

SeriesModel read_series(ModelReader& reader, const Json& items) {
  SeriesModel model;
  if (!items.is_array() || items.size() > kMostPoints) {
    reader.fail("the series are no list");
    return model;
  }
  for (const Json& item : items) {
    SeriesModel::Series one;
    const auto key = reader.list<float>(item, "key", one.key.size());
    one.log_batch = reader.list<float>(item, "log_batch", kMostPoints);
    one.alpha = reader.list<float>(item, "alpha", kMostPoints);
    one.shape = {.level = static_cast<float>(reader.number(item, "level")),
                 .variance = static_cast<float>(reader.number(item, "variance")),
                 .length = static_cast<float>(reader.number(item, "length"))};
    if (one.shape.level < 0 || one.shape.variance < 0 || one.shape.length < 1e-6F)
      reader.fail("a variance of the series is out of range");
    if (key.size() != one.key.size() || one.alpha.size() != one.log_batch.size()) {
      reader.fail("a series has lists of the wrong length");
      return model;
    }
    std::ranges::copy(key, one.key.begin());
    if (!model.series.empty() && !(model.series.back().key < one.key))
      reader.fail("the series are not in order");
    model.series.push_back(std::move(one));
  }
  return model;
}

KernelModel read_kernel(ModelReader& reader) {
  const Json& json = reader.member(reader.root(), "kernel");
  KernelModel kernel;
  kernel.mean = reader.number(json, "mean");
  kernel.noise = reader.number(json, "noise");
  read_components(reader, reader.member(json, "components"), kernel);
  kernel.vocabulary = read_vocabulary(reader, reader.member(json, "vocabulary"));
  kernel.alpha = reader.list<float>(json, "alpha", kMostPoints);
  const Json& points = reader.member(json, "points");
  if (!points.is_array() || points.size() != kernel.points.size()) {
    reader.fail("the kernel's points do not have their inputs");
    return kernel;
  }
  for (std::size_t k = 0; k < kernel.points.size(); ++k) {
    const Json wrapped{{"points", points[k]}};
    kernel.points[k] = reader.list<float>(wrapped, "points", kMostPoints);
    if (kernel.points[k].size() != kernel.alpha.size())
      reader.fail("the kernel's points and weights differ in number");
  }
  if (json.is_object() && json.contains("series"))  // older files lack it
    kernel.series = read_series(reader, json["series"]);
  if (reader.fault().empty()) set_range(kernel);
  return kernel;
}

Json print_trees(const TreeModel& trees) {
  Json inputs = Json::array();
  Json values = Json::array();
  Json left = Json::array();
  Json right = Json::array();
  for (const auto& node : trees.nodes) {
    inputs.push_back(node.input);
    values.push_back(short_number(node.input < 0 ? node.value : node.threshold));
    left.push_back(node.left);
    right.push_back(node.right);
  }
  return {{"bias", trees.bias},          {"roots", trees.roots},    {"inputs", std::move(inputs)},
          {"values", std::move(values)}, {"left", std::move(left)}, {"right", std::move(right)}};
}

TreeModel read_trees(ModelReader& reader) {
  const Json& json = reader.member(reader.root(), "trees");
  TreeModel trees;
  trees.bias = reader.number(json, "bias");
  trees.roots = reader.list<std::int32_t>(json, "roots", kMostNodes);
  const auto inputs = reader.list<std::int32_t>(json, "inputs", kMostNodes);
  const auto values = reader.list<float>(json, "values", kMostNodes);
  const auto left = reader.list<std::int32_t>(json, "left", kMostNodes);
  const auto right = reader.list<std::int32_t>(json, "right", kMostNodes);
  const auto count = static_cast<std::int32_t>(inputs.size());
  if (values.size() != inputs.size() || left.size() != inputs.size() ||
      right.size() != inputs.size()) {
    reader.fail("the trees' lists differ in length");
    return trees;
  }
  for (const auto root : trees.roots)
    if (root < 0 || root >= count) reader.fail("a tree begins at a node that does not exist");
  for (std::int32_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const bool leaf = inputs[at] < 0;
    // Children that lie further on make every walk end.
    if (!leaf && (left[at] <= i || right[at] <= i || left[at] >= count || right[at] >= count))
      reader.fail("a node of a tree has a child that does not lie behind it");
    trees.nodes.push_back({leaf ? -1 : inputs[at], leaf ? 0 : values[at], left[at], right[at],
                           leaf ? values[at] : 0});
  }
  return trees;
}

ErrorQuantiles read_quantiles(ModelReader& reader, const Json& one) {
  ErrorQuantiles errors;
  errors.count = reader.number(one, "records");
  const auto values = reader.list<double>(one, "log_error", errors.log_error.size());
  if (values.size() != errors.log_error.size() || !std::is_sorted(values.begin(), values.end()))
    reader.fail("error quantiles are not in order");
  else
    std::copy(values.begin(), values.end(), errors.log_error.begin());
  return errors;
}

Json print_quantiles(const ErrorQuantiles& errors) {
  return {{"records", errors.count}, {"log_error", errors.log_error}};
}

std::string probed_name(std::size_t kind, std::size_t several) {
  return std::string(to_string(static_cast<ProbedKind>(kind))) + (several > 0 ? "_several" : "");
}

void read_errors(ModelReader& reader, EstimatorModel& model) {
  const Json& json = reader.member(reader.root(), "errors");
  for (std::size_t i = 0; i < kFamiliarities; ++i) {
    const auto name = std::string(to_string(static_cast<Familiarity>(i)));
    model.errors[i] = read_quantiles(reader, reader.member(json, name.c_str()));
  }
  if (!reader.root().contains("probed_errors")) return;  // older files lack them
  const Json& probed = reader.root()["probed_errors"];
  for (std::size_t kind = 0; kind < kProbedKinds; ++kind)
    for (std::size_t several = 0; several < 2; ++several) {
      const Json& one = reader.member(probed, probed_name(kind, several).c_str());
      auto& into = model.probed_errors[kind][several];
      into.weight = reader.number(one, "weight");
      into.errors = read_quantiles(reader, one);
      if (into.weight < 0 || into.weight > 1) reader.fail("a weight of probes is not from 0 to 1");
    }
}

}  // namespace

std::string print_model(const EstimatorModel& model) {
  Json networks = Json::object();
  for (const auto& [name, factors] : model.physics.of_network) networks[name] = factors;
  Json errors = Json::object();
  for (std::size_t i = 0; i < kFamiliarities; ++i)
    errors[std::string(to_string(static_cast<Familiarity>(i)))] = print_quantiles(model.errors[i]);
  Json probed = Json::object();
  for (std::size_t kind = 0; kind < kProbedKinds; ++kind)
    for (std::size_t several = 0; several < 2; ++several) {
      const auto& one = model.probed_errors[kind][several];
      Json& into = probed[probed_name(kind, several)] = print_quantiles(one.errors);
      into["weight"] = one.weight;
    }
  const Json json{{"kind", "estimator"},
                  {"version", kModelVersion},
                  {"records", model.records},
                  {"kernel_weight", model.kernel_weight},
                  {"near_similarity", model.near_similarity},
                  {"physics",
                   {{"pooled", model.physics.pooled},
                    {"networks", std::move(networks)},
                    {"bound_ratio", model.physics.bound_ratio},
                    {"shape_spread", model.physics.shape_spread}}},
                  {"kernel", print_kernel(model.kernel)},
                  {"encoder",
                   {{"one_hot", model.encoder.one_hot},
                    {"vocabulary", print_vocabulary(model.encoder.vocabulary)}}},
                  {"trees", print_trees(model.trees)},
                  {"errors", std::move(errors)},
                  {"probed_errors", std::move(probed)}};
  return dump_json(json);
}

Result<EstimatorModel> parse_model(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return bad_model(parsed.error().message);
  if (!parsed->is_object() || parsed->value("kind", Json()) != "estimator")
    return bad_model("it is no JSON object of kind 'estimator'");
  if (parsed->value("version", Json()) != kModelVersion)
    return bad_model("its version is not " + std::to_string(kModelVersion));
  ModelReader reader(*parsed);
  EstimatorModel model;
  model.records = reader.number(*parsed, "records");
  model.kernel_weight = reader.number(*parsed, "kernel_weight");
  if (model.kernel_weight < 0.1 || model.kernel_weight > 1)
    reader.fail("'kernel_weight' is not from 0.1 to 1");
  model.near_similarity = reader.number(*parsed, "near_similarity");
  model.physics = read_physics(reader);
  model.kernel = read_kernel(reader);
  const Json& encoder = reader.member(*parsed, "encoder");
  model.encoder.one_hot = reader.member(encoder, "one_hot") == true;
  model.encoder.vocabulary = read_vocabulary(reader, reader.member(encoder, "vocabulary"));
  model.trees = read_trees(reader);
  read_errors(reader, model);
  if (!reader.fault().empty()) return bad_model(reader.fault());
  return model;
}

}  // namespace galley::estimator
