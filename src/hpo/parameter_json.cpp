#include "parameter_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "hpo/space_json.h"

namespace galley::hpo {
namespace {

constexpr std::size_t kShownLetters = 64;

const std::vector<std::string> kParameterKeys{"parameters", "distribution", "type", "p_range",
                                              "step"};

struct DistributionWord {
  const char* word;
  bool is_choice;
  bool is_ordered;
  bool is_log;
};
constexpr DistributionWord kDistributions[] = {
    {"uniform", false, false, false},     {"log_uniform", false, false, true},
    {"loguniform", false, false, true},   {"quniform", false, false, false},
    {"qlog_uniform", false, false, true}, {"categorical", true, false, false},
    {"choice", true, false, false},       {"ordered", true, true, false},
    {"ordinal", true, true, false}};

std::string shown(const Json& value) {
  std::string text = dump_json(value);
  if (text.size() > kShownLetters) text = to_valid_utf8(text.substr(0, kShownLetters)) + "...";
  return text;
}

bool is_whole(const Json& value) {
  if (value.is_number_integer()) return true;
  return value.is_number_float() && value.get<double>() == std::floor(value.get<double>());
}

/// A whole number, written with or without a point, fits both kinds; nothing else is stretched.
bool is_of_type(const Json& value, const std::string& type) {
  if (type == "float") return value.is_number();
  if (type == "int") return value.is_number() && is_whole(value);
  if (type == "str") return value.is_string();
  if (type == "bool") return value.is_boolean();
  return value.is_primitive();
}

Result<std::string> read_type(const Json& spec, const std::string& path) {
  const auto found = spec.find("type");
  if (found == spec.end()) return std::string();
  static const std::vector<std::pair<std::string, std::string>> kTypes{
      {"float", "float"}, {"double", "float"}, {"real", "float"}, {"int", "int"},
      {"integer", "int"}, {"str", "str"},      {"string", "str"}, {"bool", "bool"}};
  if (found->is_string())
    for (const auto& [word, type] : kTypes)
      if (found->get_ref<const std::string&>() == word) return type;
  return wrong_json(path + ".type", *found, "float, int, str or bool");
}

Result<DistributionWord> read_distribution(const Json& spec, const std::string& path,
                                           const std::string& type) {
  const auto found = spec.find("distribution");
  if (found == spec.end()) {
    const bool is_choice = type == "str" || type == "bool";
    if (type.empty())
      return Error{Errc::invalid_argument, path + " names neither its type nor its distribution",
                   path + ".distribution", "uniform, log_uniform, categorical or ordered"};
    return kDistributions[is_choice ? 5 : 0];
  }
  if (found->is_string())
    for (const auto& known : kDistributions)
      if (found->get_ref<const std::string&>() == known.word) return known;
  std::vector<std::string> words;
  for (const auto& known : kDistributions) words.emplace_back(known.word);
  const std::string close =
      found->is_string() ? nearest(found->get_ref<const std::string&>(), words) : "";
  return wrong_json(path + ".distribution", *found, "uniform, log_uniform, categorical or ordered",
                    close.empty() ? "" : fmt::format("did you mean '{}'?", close));
}

Choice to_choice(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)
    return value.get<double>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return std::monostate{};
}

Status read_choices(const Json& list, const std::string& path, const std::string& type,
                    Parameter& p) {
  if (!list.is_array() || list.empty() || list.size() > kMaxListed)
    return wrong_json(path, list, fmt::format("a list of 1 to {} values", kMaxListed));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_of_type(list[i], type))
      return wrong_json(
          fmt::format("{}[{}]", path, i), list[i],
          type.empty() ? "a number, a text, true, false or null" : "a value of type " + type);
    p.choices.push_back(to_choice(list[i]));
    if (std::ranges::find(p.choices, p.choices.back()) != p.choices.end() - 1)
      return wrong_json(fmt::format("{}[{}]", path, i), list[i],
                        "a value that is not there already");
  }
  return ok();
}

/// [low, high]; of hard bounds null is no bound, and so is an empty list.
Status read_range(const Json& list, const std::string& path, const std::string& type,
                  bool may_be_open, double& low, double& high) {
  if (may_be_open && list.is_array() && list.empty()) return ok();
  if (!list.is_array() || list.size() != 2)
    return wrong_json(path, list, may_be_open ? "[low, high] or []" : "[low, high]");
  for (std::size_t i = 0; i < 2; ++i) {
    if (may_be_open && list[i].is_null()) continue;
    if (!is_of_type(list[i], type) || !std::isfinite(list[i].get<double>()))
      return wrong_json(fmt::format("{}[{}]", path, i), list[i],
                        type == "int" ? "a whole number" : "a finite number");
    (i == 0 ? low : high) = list[i].get<double>();
  }
  if (low > high) return wrong_json(path, list, "the smaller number first");
  return ok();
}

Status read_numeric(const Json& spec, const std::string& path, const std::string& type,
                    Parameter& p) {
  if (type != "float" && type != "int")
    return Error{Errc::invalid_argument, path + " is a range of no numeric type", path + ".type",
                 "float or int"};
  p.kind = type == "int" ? ParameterKind::integer : ParameterKind::real;
  GALLEY_TRY_STATUS(
      read_range(spec["parameters"], path + ".parameters", type, false, p.low, p.high));
  if (p.log && p.low <= 0)
    return wrong_json(path + ".parameters[0]", spec["parameters"][0],
                      "a number above 0, since the range is logarithmic");
  if (const auto step = spec.find("step"); step != spec.end()) {
    if (!is_of_type(*step, type) || !(step->get<double>() > 0) ||
        !std::isfinite(step->get<double>()))
      return wrong_json(path + ".step", *step,
                        type == "int" ? "a whole number above 0" : "a number above 0");
    p.step = step->get<double>();
  }
  if (const auto bounds = spec.find("p_range"); bounds != spec.end()) {
    GALLEY_TRY_STATUS(read_range(*bounds, path + ".p_range", type, true, p.hard_low, p.hard_high));
    if (p.hard_low > p.low || p.hard_high < p.high ||
        (p.log && std::isfinite(p.hard_low) && p.hard_low <= 0))
      return wrong_json(path + ".p_range", *bounds,
                        fmt::format("bounds that contain [{}, {}]{}", p.low, p.high,
                                    p.log ? " and are above 0" : ""));
  }
  return ok();
}

Json number_json(const Parameter& p, double value) {
  if (p.kind == ParameterKind::integer) return static_cast<std::int64_t>(std::llround(value));
  return value;
}

}  // namespace

Json print_choice(const Choice& choice) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return nullptr;
        else
          return value;
      },
      choice);
}

Error wrong_json(std::string path, const Json& found, std::string expected, std::string hint) {
  return Error{Errc::invalid_argument, fmt::format("{} is {}", path, shown(found)), path,
               std::move(expected), std::move(hint)};
}

Error unknown_json_key(const std::string& parent, const std::string& key,
                       const std::vector<std::string>& known) {
  const std::string close = nearest(key, known);
  return Error{Errc::invalid_argument,
               fmt::format("{} has no '{}'", parent, to_valid_utf8(key.substr(0, kShownLetters))),
               parent + "." + key, fmt::format("one of {}", fmt::join(known, ", ")),
               close.empty() ? "" : fmt::format("did you mean '{}'?", close)};
}

Result<Parameter> read_parameter(const std::string& name, const Json& spec) {
  const std::string path = "h_params." + to_valid_utf8(name);
  if (!spec.is_object())
    return wrong_json(path, spec, R"(an object such as {"type": "float", "parameters": [0, 1]})");
  for (const auto& [key, value] : spec.items())
    if (std::ranges::find(kParameterKeys, key) == kParameterKeys.end())
      return unknown_json_key(path, key, kParameterKeys);
  if (!spec.contains("parameters"))
    return Error{Errc::invalid_argument, path + " has no range or list of values",
                 path + ".parameters", "[low, high] or a list"};
  Parameter p{.name = name};
  GALLEY_TRY(const std::string type, read_type(spec, path));
  GALLEY_TRY(const DistributionWord distribution, read_distribution(spec, path, type));
  if (!distribution.is_choice) {
    p.log = distribution.is_log;
    GALLEY_TRY_STATUS(read_numeric(spec, path, type, p));
    return p;
  }
  p.kind = distribution.is_ordered ? ParameterKind::ordered : ParameterKind::categorical;
  GALLEY_TRY_STATUS(read_choices(spec["parameters"], path + ".parameters", type, p));
  if (spec.contains("step"))
    return wrong_json(path + ".step", spec["step"], "no step, since the values are listed");
  if (spec.contains("p_range") && spec["p_range"] != Json::array())
    return wrong_json(path + ".p_range", spec["p_range"], "[], since the values are listed");
  return p;
}

Json print_parameter(const Parameter& p) {
  if (!p.is_number()) {
    Json choices = Json::array();
    for (const Choice& choice : p.choices) choices.push_back(print_choice(choice));
    const bool is_ordered = p.kind == ParameterKind::ordered;
    return {{"distribution", is_ordered ? "ordered" : "categorical"}, {"parameters", choices}};
  }
  const bool is_integer = p.kind == ParameterKind::integer;
  Json spec{{"type", is_integer ? "int" : "float"},
            {"distribution", p.log ? "log_uniform" : "uniform"},
            {"parameters", Json::array({number_json(p, p.low), number_json(p, p.high)})}};
  if (p.step != 0 && !(is_integer && p.step == 1)) spec["step"] = number_json(p, p.step);
  if (std::isfinite(p.hard_low) || std::isfinite(p.hard_high)) {
    const auto bound = [&](double value) {
      return std::isfinite(value) ? number_json(p, value) : Json();
    };
    spec["p_range"] = Json::array({bound(p.hard_low), bound(p.hard_high)});
  }
  return spec;
}

Result<double> read_value(const Parameter& p, const Json& value, const std::string& path) {
  if (p.is_number()) {
    if (value.is_number() && std::isfinite(value.get<double>())) return value.get<double>();
    return wrong_json(path, value, "a number");
  }
  for (std::size_t i = 0; i < p.choices.size(); ++i)
    if (value == print_choice(p.choices[i])) return static_cast<double>(i);
  Json choices = Json::array();
  for (const Choice& choice : p.choices) choices.push_back(print_choice(choice));
  return wrong_json(path, value, "one of " + shown(choices));
}

Json print_value(const Parameter& p, double value) {
  if (p.is_number()) return number_json(p, value);
  return print_choice(p.choices[static_cast<std::size_t>(value)]);
}

}  // namespace galley::hpo
