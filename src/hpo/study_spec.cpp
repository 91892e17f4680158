#include "hpo/study_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "hpo/space_json.h"
#include "key_reader.h"

namespace galley::hpo {
namespace {

constexpr std::int64_t kMaxMeasures = 8;

constexpr Range kShare{0, 1, "a number from 0 to 1"};
constexpr Range kPositive{1e-12, 1e15, "a number above 0"};

const std::vector<std::string> kOrders{"descending", "ascending"};
const std::vector<std::string> kResults{"last", "best"};
const std::vector<std::string> kExploits{"truncation", "binary_tournament"};
const std::vector<std::string> kExplores{"perturb", "resample", "pb2"};
const std::vector<std::string> kAshaTypes{"promote", "stop"};

Status read_measures(const KeyReader& keys, StudySpec& spec) {
  const Json* measure = keys.find("measure");
  if (!measure)
    return Error{Errc::invalid_argument, "a study names no measure", "measure",
                 "the name of a metric that its trials report"};
  std::size_t order = 0;
  GALLEY_TRY_STATUS(keys.find("order") && keys.find("order")->is_array()
                        ? ok()
                        : keys.word("order", kOrders, order));
  if (measure->is_string()) {
    std::string name;
    GALLEY_TRY_STATUS(keys.text("measure", name));
    spec.measures.push_back({name, order == 0});
    if (keys.find("order") && keys.find("order")->is_array())
      return spec_error("order", *keys.find("order"), "one word, as there is one measure");
    return ok();
  }
  if (!measure->is_array() || measure->empty() || measure->size() > kMaxMeasures)
    return spec_error("measure", *measure, "a name or a list of up to 8 names");
  for (std::size_t i = 0; i < measure->size(); ++i) {
    if (!(*measure)[i].is_string())
      return spec_error(fmt::format("measure[{}]", i), (*measure)[i], "a name");
    spec.measures.push_back({(*measure)[i].get<std::string>(), order == 0});
  }
  const Json* orders = keys.find("order");
  if (!orders || !orders->is_array()) return ok();
  if (orders->size() != spec.measures.size())
    return spec_error("order", *orders, fmt::format("{} words", spec.measures.size()));
  for (std::size_t i = 0; i < orders->size(); ++i) {
    const auto& word = (*orders)[i];
    if (word != kOrders[0] && word != kOrders[1])
      return spec_error(fmt::format("order[{}]", i), word, "descending or ascending");
    spec.measures[i].maximise = word == kOrders[0];
  }
  return ok();
}

Status read_rungs(const KeyReader& keys, StoppingSpec& spec) {
  const Json* rungs = keys.find("rungs");
  if (!rungs || !rungs->is_array()) return keys.whole("rungs", 1, 10, spec.rungs);
  double last = 0;
  for (const auto& mark : *rungs) {
    if (!mark.is_number() || mark.get<double>() <= last || mark.get<double>() >= 1)
      return spec_error(keys.path_of("rungs"), *rungs,
                        "rising shares of the budget between 0 and 1");
    last = mark.get<double>();
    spec.marks.push_back(last);
  }
  return spec.marks.empty() || spec.marks.size() > 20
             ? spec_error(keys.path_of("rungs"), *rungs, "1 to 20 shares of the budget")
             : ok();
}

Status read_stopping(const Json& json, const std::string& word, const std::string& path,
                     StudySpec& spec) {
  auto& out = spec.stopping;
  if (word == "median") {
    out.method = Stopping::median;
    const KeyReader keys(json, path, {"warm_up", "least"});
    GALLEY_TRY_STATUS(keys.check());
    GALLEY_TRY_STATUS(keys.number("warm_up", kShare, out.warm_up));
    return keys.whole("least", 1, 1'000'000, out.least);
  }
  std::vector<std::string> known{"eta", "rungs", "warm_up"};
  if (word == "asha") known.emplace_back("type");
  const KeyReader keys(json, path, known);
  GALLEY_TRY_STATUS(keys.check());
  out.method = word == "asha"                 ? Stopping::asha
               : word == "successive_halving" ? Stopping::successive_halving
                                              : Stopping::hyperband;
  if (word == "bohb") spec.sampler = "rungs";
  GALLEY_TRY_STATUS(keys.number("eta", {1.5, 100, "a number from 1.5 to 100"}, out.eta));
  GALLEY_TRY_STATUS(read_rungs(keys, out));
  std::size_t type = out.promote ? 0 : 1;
  GALLEY_TRY_STATUS(keys.word("type", kAshaTypes, type));
  out.promote = type == 0;
  return keys.number("warm_up", kShare, out.warm_up);
}

Status read_population(const Json& json, const std::string& word, const std::string& path,
                       StudySpec& spec) {
  auto& out = spec.pbt;
  out.enabled = true;
  const KeyReader keys(json, path,
                       {"exploit", "explore", "truncation_ratio", "factor", "resample_ratio"});
  GALLEY_TRY_STATUS(keys.check());
  std::size_t exploit = 0;
  std::size_t explore = word == "pb2" ? 2 : 0;
  GALLEY_TRY_STATUS(keys.word("exploit", kExploits, exploit));
  GALLEY_TRY_STATUS(keys.word("explore", kExplores, explore));
  out.exploit = static_cast<PopulationSpec::Exploit>(exploit);
  out.explore = static_cast<PopulationSpec::Explore>(explore);
  GALLEY_TRY_STATUS(keys.number("truncation_ratio", {0.01, 0.5, "a number from 0.01 to 0.5"},
                                out.truncation_ratio));
  GALLEY_TRY_STATUS(keys.number("factor", {1.001, 10, "a number from 1.001 to 10"}, out.factor));
  return keys.number("resample_ratio", kShare, out.resample_ratio);
}

/// "asha", or {"tpe": {}, "asha": {"eta": 4}}: at most one that proposes, one that paces.
Status read_tune(const KeyReader& study, StudySpec& spec) {
  const Json* tune = study.find("tune");
  if (!tune) return ok();
  Json object = Json::object();
  if (tune->is_string())
    object[tune->get<std::string>()] = Json::object();
  else if (tune->is_object() && !tune->empty())
    object = *tune;
  else
    return spec_error("tune", *tune, "a method, as \"asha\" or {\"asha\": {\"eta\": 3}}");
  std::vector<std::string> known = sampler_methods();
  known.insert(known.end(), pace_methods().begin(), pace_methods().end());
  std::string sampler;
  std::string pace;
  for (const auto& [key, value] : object.items()) {
    const bool proposes = std::ranges::find(sampler_methods(), key) != sampler_methods().end();
    if (!proposes && std::ranges::find(pace_methods(), key) == pace_methods().end())
      return unknown_key("tune", key, known);
    auto& slot = proposes ? sampler : pace;
    const std::string path = "tune." + key;
    if (!slot.empty())
      return Error{Errc::invalid_argument,
                   fmt::format("tune names both '{}' and '{}', which do the same work", slot, key),
                   path,
                   "one of them",
                   {}};
    slot = key;
    if (proposes) {
      const KeyReader none(value, path, {});
      GALLEY_TRY_STATUS(none.check());
    } else if (key == "pbt" || key == "pb2") {
      GALLEY_TRY_STATUS(read_population(value, key, path, spec));
    } else {
      GALLEY_TRY_STATUS(read_stopping(value, key, path, spec));
    }
  }
  if (sampler == "auto" && !pace.empty())
    return Error{Errc::invalid_argument,
                 fmt::format("tune names both 'auto', which chooses all, and '{}'", pace),
                 "tune.auto",
                 "one of them",
                 {}};
  if (pace != "bohb")
    spec.sampler = sampler.empty() ? "random" : sampler;
  else if (!sampler.empty())
    spec.sampler = sampler;
  return ok();
}

Status read_termination(const KeyReader& study, Termination& out) {
  const Json* json = study.find("termination");
  if (!json) return ok();
  const KeyReader keys(*json, "termination",
                       {"max_session_number", "max_gpu_hours", "max_hours", "target"});
  GALLEY_TRY_STATUS(keys.check());
  GALLEY_TRY_STATUS(keys.whole("max_session_number", 1, 100'000'000, out.max_sessions));
  GALLEY_TRY_STATUS(keys.number("max_gpu_hours", kPositive, out.max_gpu_hours));
  GALLEY_TRY_STATUS(keys.number("max_hours", kPositive, out.max_hours));
  return keys.number("target", {-1e300, 1e300, "a number"}, out.target);
}

Status read_gpus(const KeyReader& study, GpuSpec& out) {
  const Json* json = study.find("gpus");
  if (!json) return ok();
  const KeyReader keys(*json, "gpus", {"min", "max", "per_trial", "preemptible"});
  GALLEY_TRY_STATUS(keys.check());
  GALLEY_TRY_STATUS(keys.whole("per_trial", 0, 4096, out.per_trial));
  GALLEY_TRY_STATUS(keys.whole("min", 0, 1'000'000, out.min));
  if (const Json* max = keys.find("max"); max && *max != "idle")
    GALLEY_TRY_STATUS(keys.whole("max", 0, 1'000'000, out.max));
  if (out.max && *out.max < out.min)
    return spec_error("gpus.max", *keys.find("max"), fmt::format("at least gpus.min, {}", out.min));
  return keys.truth("preemptible", out.preemptible);
}

Status read_budget(const KeyReader& keys, StudySpec& spec) {
  GALLEY_TRY_STATUS(keys.text("resource", spec.resource));
  const Json* budget = keys.find("max_resource");
  if (budget && budget->is_string()) return keys.text("max_resource", spec.budget_parameter);
  return keys.number("max_resource", kPositive, spec.max_resource);
}

}  // namespace

const std::vector<std::string>& study_keys() {
  static const std::vector<std::string> kKeys{
      "measure", "order",       "resource", "max_resource", "step",  "population", "stop_ratio",
      "tune",    "termination", "gpus",     "seed",         "seeds", "result"};
  return kKeys;
}

const std::vector<std::string>& sampler_methods() {
  static const std::vector<std::string> kWords{"auto", "random", "grid",  "sobol",  "tpe",
                                               "gp",   "cmaes",  "nsga2", "hybrid", "rungs"};
  return kWords;
}

const std::vector<std::string>& pace_methods() {
  static const std::vector<std::string> kWords{
      "median", "successive_halving", "hyperband", "asha", "bohb", "pbt", "pb2"};
  return kWords;
}

Result<StudySpec> parse_study_spec(const Json& study, const std::vector<std::string>& others) {
  std::vector<std::string> known = study_keys();
  known.insert(known.end(), space_keys().begin(), space_keys().end());
  known.insert(known.end(), {"kind", "version", "name"});
  known.insert(known.end(), others.begin(), others.end());
  const KeyReader keys(study, "", known);
  GALLEY_TRY_STATUS(keys.check());
  StudySpec spec;
  GALLEY_TRY_STATUS(read_measures(keys, spec));
  GALLEY_TRY_STATUS(read_budget(keys, spec));
  if (const Json* step = keys.find("step"); step && *step != -1)
    GALLEY_TRY_STATUS(
        keys.number("step", {1e-12, 1e15, "a number above 0, or -1 for none"}, spec.step));
  GALLEY_TRY_STATUS(keys.whole("population", 1, 100'000, spec.population));
  GALLEY_TRY_STATUS(keys.number("stop_ratio", kShare, spec.stop_ratio));
  GALLEY_TRY_STATUS(read_tune(keys, spec));
  GALLEY_TRY_STATUS(read_termination(keys, spec.termination));
  GALLEY_TRY_STATUS(read_gpus(keys, spec.gpus));
  GALLEY_TRY_STATUS(keys.whole("seed", 0, 1LL << 53, spec.seed));
  GALLEY_TRY_STATUS(keys.whole("seeds", 1, 1'000, spec.seeds));
  std::size_t result = 0;
  GALLEY_TRY_STATUS(keys.word("result", kResults, result));
  spec.best_report = result == 1;
  if (spec.best_report && spec.pbt.enabled)
    return spec_error("result", *keys.find("result"),
                      "last: members of a population are what they are now");
  if (spec.pbt.enabled && spec.step <= 0)
    return Error{Errc::invalid_argument,
                 "a population needs to know how often it compares",
                 "step",
                 fmt::format("a number of {}s", spec.resource),
                 {}};
  if (spec.pbt.enabled && spec.population == 0) spec.population = 8;
  return spec;
}

namespace {

Json print_tune(const StudySpec& spec) {
  Json tune = Json::object();
  const auto& stop = spec.stopping;
  if (spec.pbt.enabled) {
    tune["pbt"] = {{"exploit", kExploits[static_cast<std::size_t>(spec.pbt.exploit)]},
                   {"explore", kExplores[static_cast<std::size_t>(spec.pbt.explore)]},
                   {"truncation_ratio", spec.pbt.truncation_ratio},
                   {"factor", spec.pbt.factor},
                   {"resample_ratio", spec.pbt.resample_ratio}};
  } else if (stop.method == Stopping::median) {
    tune["median"] = {{"warm_up", stop.warm_up}, {"least", stop.least}};
  } else if (stop.method != Stopping::none) {
    Json json{{"eta", stop.eta}, {"warm_up", stop.warm_up}};
    json["rungs"] = stop.marks.empty() ? Json(stop.rungs) : Json(stop.marks);
    if (stop.method == Stopping::asha) json["type"] = stop.promote ? "promote" : "stop";
    tune[stop.method == Stopping::asha                 ? "asha"
         : stop.method == Stopping::successive_halving ? "successive_halving"
                                                       : "hyperband"] = std::move(json);
  }
  tune[spec.sampler] = Json::object();
  return tune;
}

}  // namespace

Json print_study_spec(const StudySpec& spec) {
  Json out{{"resource", spec.resource},
           {"step", spec.step <= 0 ? Json(-1) : Json(spec.step)},
           {"stop_ratio", spec.stop_ratio},
           {"tune", print_tune(spec)},
           {"seed", spec.seed},
           {"seeds", spec.seeds},
           {"result", kResults[spec.best_report ? 1 : 0]}};
  Json names = Json::array();
  Json orders = Json::array();
  for (const auto& measure : spec.measures) {
    names.push_back(measure.name);
    orders.push_back(kOrders[measure.maximise ? 0 : 1]);
  }
  const bool one = spec.measures.size() == 1;
  out["measure"] = one ? names[0] : names;
  out["order"] = one ? orders[0] : orders;
  out["max_resource"] =
      spec.budget_parameter.empty() ? Json(spec.max_resource) : Json(spec.budget_parameter);
  if (spec.population > 0) out["population"] = spec.population;
  Json ends = Json::object();
  const auto& end = spec.termination;
  if (end.max_sessions) ends["max_session_number"] = *end.max_sessions;
  if (end.max_gpu_hours) ends["max_gpu_hours"] = *end.max_gpu_hours;
  if (end.max_hours) ends["max_hours"] = *end.max_hours;
  if (end.target) ends["target"] = *end.target;
  out["termination"] = std::move(ends);
  out["gpus"] = {{"min", spec.gpus.min},
                 {"max", spec.gpus.max ? Json(*spec.gpus.max) : Json("idle")},
                 {"per_trial", spec.gpus.per_trial},
                 {"preemptible", spec.gpus.preemptible}};
  return out;
}

}  // namespace galley::hpo
