#include "hpo/space_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "parameter_json.h"

namespace galley::hpo {
namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}

Status read_term_range(const Json& range, const std::string& path, Term& term) {
  static const std::vector<std::string> kKeys{"min", "max"};
  for (const auto& [key, value] : range.items()) {
    if (key != "min" && key != "max") return unknown_json_key(path, key, kKeys);
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      return wrong_json(path + "." + key, value, "a number");
    (key == "min" ? term.low : term.high) = value.get<double>();
  }
  if (range.empty() || term.low > term.high)
    return wrong_json(path, range, R"({"min": low, "max": high} or one of the two)");
  return ok();
}

/// {"opt": "sgd", "depth": [18, 34], "lr": {"max": 0.1}}
Result<std::vector<Term>> read_terms(const Json& when, const std::string& path,
                                     const std::vector<Parameter>& parameters) {
  if (!when.is_object() || when.empty())
    return wrong_json(path, when, R"(an object such as {"opt": "sgd"})");
  std::vector<Term> terms;
  for (const auto& [name, value] : when.items()) {
    const auto found = std::ranges::find(parameters, name, &Parameter::name);
    if (found == parameters.end()) return unknown_json_key(path, name, names_of(parameters));
    Term term{.parameter = static_cast<std::size_t>(found - parameters.begin())};
    const std::string at = path + "." + name;
    if (value.is_object()) {
      if (!found->is_number()) return wrong_json(at, value, "a value or a list of values");
      GALLEY_TRY_STATUS(read_term_range(value, at, term));
    } else if (value.is_array()) {
      if (value.empty() || value.size() > kMaxListed)
        return wrong_json(at, value, "a list of values");
      for (std::size_t i = 0; i < value.size(); ++i) {
        GALLEY_TRY(const double one, read_value(*found, value[i], fmt::format("{}[{}]", at, i)));
        term.values.push_back(one);
      }
    } else {
      GALLEY_TRY(const double one, read_value(*found, value, at));
      term.values.push_back(one);
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

/// The list under `key`, or an empty one.
Result<Json> read_list(const Json& study, const std::string& key) {
  const auto found = study.find(key);
  if (found == study.end()) return Json(Json::array());
  if (!found->is_array() || found->size() > kMaxListed) return wrong_json(key, *found, "a list");
  return *found;
}

Result<std::vector<Condition>> read_conditions(const Json& study,
                                               const std::vector<Parameter>& parameters) {
  static const std::vector<std::string> kKeys{"param", "when"};
  GALLEY_TRY(const Json list, read_list(study, "h_params_conditions"));
  std::vector<Condition> conditions;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = fmt::format("h_params_conditions[{}]", i);
    if (!list[i].is_object())
      return wrong_json(path, list[i], R"({"param": "momentum", "when": {"opt": "sgd"}})");
    for (const auto& [key, value] : list[i].items())
      if (key != "param" && key != "when") return unknown_json_key(path, key, kKeys);
    const Json param = list[i].value("param", Json());
    const auto found =
        param.is_string()
            ? std::ranges::find(parameters, param.get_ref<const std::string&>(), &Parameter::name)
            : parameters.end();
    if (found == parameters.end()) {
      const std::string close =
          param.is_string() ? nearest(param.get_ref<const std::string&>(), names_of(parameters))
                            : "";
      return wrong_json(path + ".param", param, "the name of a parameter",
                        close.empty() ? "" : fmt::format("did you mean '{}'?", close));
    }
    GALLEY_TRY(auto terms, read_terms(list[i].value("when", Json()), path + ".when", parameters));
    for (Term& term : terms)
      conditions.push_back({static_cast<std::size_t>(found - parameters.begin()), std::move(term)});
  }
  return conditions;
}

bool is_implication(const Json& rule) {
  return rule.is_object() && rule.size() == 2 && rule.contains("if") && rule.contains("then") &&
         rule["if"].is_object() && rule["then"].is_object();
}

Status read_rules(const Json& study, const std::string& key, Rule::Kind kind,
                  const std::vector<Parameter>& parameters, std::vector<Rule>& rules) {
  GALLEY_TRY(const Json list, read_list(study, key));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", key, i);
    Rule rule{.kind = kind, .terms = {}};
    if (kind == Rule::Kind::together && is_implication(list[i])) {
      rule.kind = Rule::Kind::implies;
      GALLEY_TRY(rule.terms, read_terms(list[i]["if"], path + ".if", parameters));
      rule.then_from = rule.terms.size();
      GALLEY_TRY(const auto then, read_terms(list[i]["then"], path + ".then", parameters));
      rule.terms.insert(rule.terms.end(), then.begin(), then.end());
    } else {
      GALLEY_TRY(rule.terms, read_terms(list[i], path, parameters));
      if (kind == Rule::Kind::together && rule.terms.size() < 2)
        return wrong_json(path, list[i], "values of two or more parameters");
    }
    rules.push_back(std::move(rule));
  }
  return ok();
}

Json print_terms(const Space& space, const std::vector<Term>& terms, std::size_t from,
                 std::size_t to) {
  Json object = Json::object();
  for (std::size_t i = from; i < to; ++i) {
    const Term& term = terms[i];
    const Parameter& p = space.parameter(term.parameter);
    Json value = Json::object();
    if (!term.values.empty()) {
      value = Json::array();
      for (const double one : term.values)
        value.push_back(p.is_number() ? Json(one) : print_value(p, one));
      if (value.size() == 1) value = Json(value[0]);
    } else {
      if (std::isfinite(term.low)) value["min"] = term.low;
      if (std::isfinite(term.high)) value["max"] = term.high;
    }
    object[p.name] = std::move(value);
  }
  return object;
}

}  // namespace

const std::vector<std::string>& space_keys() {
  static const std::vector<std::string> kKeys{"h_params", "h_params_conditions",
                                              "h_params_conjunctions", "h_params_forbidden"};
  return kKeys;
}

Result<Space> parse_space(const Json& study) {
  if (!study.is_object()) return wrong_json("study", study, "an object");
  for (const auto& [key, value] : study.items())
    if (key.starts_with("h_param") && std::ranges::find(space_keys(), key) == space_keys().end())
      return unknown_json_key("study", key, space_keys());
  const auto found = study.find("h_params");
  if (found == study.end())
    return Error{Errc::invalid_argument, "the study names no parameters to tune", "h_params",
                 R"({"lr": {"type": "float", "distribution": "log_uniform", )"
                 R"("parameters": [0.001, 0.1]}})"};
  if (!found->is_object() || found->empty())
    return wrong_json("h_params", *found, "an object with a key for each parameter");
  std::vector<Parameter> parameters;
  for (const auto& [name, spec] : found->items()) {
    GALLEY_TRY(Parameter p, read_parameter(name, spec));
    parameters.push_back(std::move(p));
  }
  GALLEY_TRY(auto conditions, read_conditions(study, parameters));
  std::vector<Rule> rules;
  GALLEY_TRY_STATUS(
      read_rules(study, "h_params_conjunctions", Rule::Kind::together, parameters, rules));
  GALLEY_TRY_STATUS(
      read_rules(study, "h_params_forbidden", Rule::Kind::forbidden, parameters, rules));
  auto space = Space::make(std::move(parameters), std::move(conditions), std::move(rules));
  if (!space && !space.error().field.empty())
    space.error().field = "h_params." + space.error().field;
  return space;
}

Json print_space(const Space& space) {
  Json study{{"h_params", Json::object()}};
  for (const Parameter& p : space.parameters()) study["h_params"][p.name] = print_parameter(p);
  for (const Condition& condition : space.conditions())
    study["h_params_conditions"].push_back({{"param", space.parameter(condition.parameter).name},
                                            {"when", print_terms(space, {condition.when}, 0, 1)}});
  for (const Rule& rule : space.rules()) {
    const std::size_t count = rule.terms.size();
    if (rule.kind == Rule::Kind::implies)
      study["h_params_conjunctions"].push_back(
          {{"if", print_terms(space, rule.terms, 0, rule.then_from)},
           {"then", print_terms(space, rule.terms, rule.then_from, count)}});
    else
      study[rule.kind == Rule::Kind::together ? "h_params_conjunctions" : "h_params_forbidden"]
          .push_back(print_terms(space, rule.terms, 0, count));
  }
  return study;
}

Json print_point(const Space& space, const Point& point) {
  Json values = Json::object();
  for (std::size_t i = 0; i < space.size(); ++i)
    if (!std::isnan(point[i]))
      values[space.parameter(i).name] = print_value(space.parameter(i), point[i]);
  return values;
}

Result<Point> parse_point(const Space& space, const Json& values) {
  if (!values.is_object()) return wrong_json("parameters", values, "an object of values by name");
  for (const auto& [name, value] : values.items())
    if (!space.find(name))
      return unknown_json_key("parameters", name, names_of(space.parameters()));
  Point point(space.size(), std::nan(""));
  for (const std::size_t i : space.order()) {
    const Parameter& p = space.parameter(i);
    if (!space.is_active(point, i)) continue;
    const auto found = values.find(p.name);
    if (found == values.end())
      return Error{Errc::invalid_argument, fmt::format("no value for '{}'", p.name),
                   "parameters." + p.name};
    GALLEY_TRY(const double value, read_value(p, *found, "parameters." + p.name));
    if (p.is_number() &&
        std::abs(space.nearest(i, value) - value) > 1e-9 * std::max(1.0, std::abs(value)))
      return wrong_json("parameters." + p.name, *found,
                        fmt::format("a value of [{}, {}]{}", p.low, p.high,
                                    p.step > 0 ? fmt::format(" in steps of {}", p.step) : ""));
    point[i] = value;
  }
  if (!space.contains(point))
    return Error{Errc::invalid_argument, "the values break a rule of the study", "parameters",
                 "values that h_params_conjunctions and h_params_forbidden allow"};
  return point;
}

}  // namespace galley::hpo
