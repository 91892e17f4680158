#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "answer_build.h"
#include "answer_figures.h"
#include "answer_sets.h"
#include "answer_statistics.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

constexpr const char* kOneSetting = "fewer than two settings were measured twice";

/// One setting's times, by repetition.
struct Setting {
  std::string name;
  Repetitions latency_ms;
  double number = 0;  // the setting as a number, 0 where it is a word
  double parameters = 0, weight_bytes = 0, decode_tok_s = 0, nats = 0;
};

std::vector<Setting> settings_of(const Figures& figures) {
  std::vector<Setting> settings;
  for (const std::string& name : figures.distinct("setting")) {
    const auto typical_of = [&](std::string_view column) {
      return typical(by_repetition(figures, "setting", name, column));
    };
    Setting setting{.name = name,
                    .latency_ms = by_repetition(figures, "setting", name, "latency_ms"),
                    .number = std::strtod(name.c_str(), nullptr),
                    .parameters = typical_of("parameters"),
                    .weight_bytes = typical_of("weight_bytes"),
                    .decode_tok_s = typical_of("decode_tok_s"),
                    .nats = typical_of("nats_per_token")};
    if (!setting.latency_ms.empty()) settings.push_back(std::move(setting));
  }
  return settings;
}

std::string times_text(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& setting : settings) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", setting.name,
                        in_unit(typical(setting.latency_ms), Unit::ms));
    if (setting.weight_bytes > 0)
      text += fmt::format(" with {} of weights", in_unit(setting.weight_bytes, Unit::bytes));
  }
  return text.empty() ? text : "Times: " + text + ".";
}

const Setting* find(const std::vector<Setting>& settings, std::string_view name) {
  const auto found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? nullptr : &*found;
}

/// How many times as long `slow` takes as `fast`.
std::optional<Interval> slower(const Setting* slow, const Setting* fast,
                               double confidence = kConfidence) {
  if (slow == nullptr || fast == nullptr || slow == fast) return std::nullopt;
  return geometric_interval(paired_ratios(slow->latency_ms, fast->latency_ms), confidence);
}

const Setting* extreme(const std::vector<Setting>& settings, double Setting::*value, bool most) {
  if (settings.empty()) return nullptr;
  const auto found = std::ranges::max_element(settings, {}, [&](const Setting& setting) {
    return most ? setting.*value : -(setting.*value);
  });
  return &*found;
}

void answer_doubled(const Experiment& experiment, const std::vector<Setting>& settings,
                    Answers& out) {
  // A slope through all sizes for each repetition: what varies between them is the interval.
  std::map<double, std::vector<std::pair<double, double>>> sizes;
  for (const Setting& setting : settings)
    for (const auto& [repetition, latency] : setting.latency_ms)
      if (setting.parameters > 0)
        sizes[repetition].emplace_back(std::log2(setting.parameters), std::log(latency));
  std::vector<double> factors;
  for (const auto& [repetition, points] : sizes) {
    std::vector<double> x, y;
    std::vector<std::size_t> rows;
    for (const auto& [size, time] : points) {
      rows.push_back(x.size());
      x.push_back(size);
      y.push_back(time);
    }
    if (points.size() < 2) continue;
    if (const auto fit = least_squares({x}, y, rows)) factors.push_back(std::exp((*fit)[1]));
  }
  std::vector<Setting> ordered = settings;
  std::ranges::sort(ordered, {}, &Setting::parameters);
  std::string steps;
  for (std::size_t i = 1; i < ordered.size(); ++i)
    if (const auto step = slower(&ordered[i], &ordered[i - 1]))
      steps += fmt::format("{}From {} to {} parameters: {} the time.", steps.empty() ? "" : " ",
                           plot::short_number(ordered[i - 1].parameters),
                           plot::short_number(ordered[i].parameters), in_unit(*step, Unit::ratio));
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "less-than-double",
                   .question = "Does a model twice as large take less than twice the time?",
                   .measure = "the time of a model twice as large",
                   .unit = Unit::ratio,
                   .rule = {.kind = Rule::Kind::below, .bound = 2},
                   .if_yes = "a model twice as large takes less than twice the time",
                   .if_no = "a model twice as large takes at least twice the time"},
                  geometric_interval(factors), "fewer than two sizes were measured twice", steps));
}

void answer_instruction_sets(const Experiment& experiment, const std::vector<Setting>& settings,
                             Answers& out) {
  const auto time = [](const Setting& setting) { return typical(setting.latency_ms); };
  std::optional<Interval> ratio;
  std::string facts = times_text(settings);
  if (settings.size() >= 2) {
    const auto [fast, slow] = std::ranges::minmax_element(settings, {}, time);
    // The best and the worst were picked after the fact: the confidence is shared among all pairs.
    const double pairs = static_cast<double>(settings.size() * (settings.size() - 1)) / 2;
    ratio = slower(&*slow, &*fast, 1 - (1 - kConfidence) / pairs);
    facts = fmt::format("{} took the longest, {} the shortest. {}", slow->name, fast->name, facts);
  }
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "matter",
                             .question = "Does the instruction set matter?",
                             .measure = "the slowest one's time over the fastest one's",
                             .unit = Unit::ratio,
                             .rule = {.bound = 1.05},
                             .if_yes = "the instruction set matters",
                             .if_no = "the instruction set makes no difference worth naming"},
                            ratio, kOneSetting, facts));
}

void answer_threads(const Experiment& experiment, const std::vector<Setting>& settings,
                    Answers& out) {
  const Setting* few = extreme(settings, &Setting::number, false);
  const Setting* many = extreme(settings, &Setting::number, true);
  const auto speedup = slower(few, many);
  std::string facts = times_text(settings);
  if (speedup && few->number > 0)
    facts = fmt::format(
        "{} threads instead of {}; {} of what as many times the threads could "
        "give. {}",
        many->name, few->name, in_unit(speedup->value * few->number / many->number, Unit::share),
        facts);
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "pay",
                             .question = "Do more threads make it faster?",
                             .measure = "the time with the fewest threads over that with the most",
                             .unit = Unit::ratio,
                             .rule = {.bound = 1.1},
                             .if_yes = "more threads make it faster",
                             .if_no = "more threads make it no faster worth naming"},
                            speedup, kOneSetting, facts));
}

void answer_formats(const Experiment& experiment, const std::vector<Setting>& settings,
                    Answers& out) {
  const Setting* small = extreme(settings, &Setting::weight_bytes, false);
  const Setting* large = extreme(settings, &Setting::weight_bytes, true);
  out.push_back(answered_if(
      {.experiment = experiment.id,
       .id = "smaller-is-faster",
       .question = "Does the smallest format make it faster than the largest?",
       .measure = "the largest format's time over the smallest one's",
       .unit = Unit::ratio,
       .rule = {.bound = 1.05},
       .if_yes = "the smallest format is faster than the largest",
       .if_no = "the smallest format is no faster worth naming than the largest"},
      slower(large, small), kOneSetting,
      (small != nullptr && small != large ? fmt::format("{} against {}. ", small->name, large->name)
                                          : "") +
          times_text(settings)));
}

void answer_cache(const Experiment& experiment, const std::vector<Setting>& settings,
                  Answers& out) {
  out.push_back(answered_if({.experiment = experiment.id,
                             .id = "pays",
                             .question = "Does keeping keys and values make it faster?",
                             .measure = "the time without the cache over that with it",
                             .unit = Unit::ratio,
                             .rule = {.bound = 1.1},
                             .if_yes = "keeping keys and values makes it faster",
                             .if_no = "keeping keys and values makes it no faster worth naming"},
                            slower(find(settings, "off"), find(settings, "on")),
                            "with and without the cache were not both measured twice",
                            times_text(settings)));
}

void answer_framework(const Experiment& experiment, const std::vector<Setting>& settings,
                      Answers& out) {
  const auto best = [&settings](bool torch) -> const Setting* {
    const Setting* found = nullptr;
    for (const Setting& setting : settings)
      if ((setting.name.find("torch") != std::string::npos) == torch &&
          (found == nullptr || typical(setting.latency_ms) < typical(found->latency_ms)))
        found = &setting;
    return found;
  };
  const Setting* ours = best(false);
  const Setting* torch = best(true);
  out.push_back(
      answered_if({.experiment = experiment.id,
                   .id = "faster",
                   .question = "Is the engine faster than the training framework?",
                   .measure = "the framework's time over the engine's",
                   .unit = Unit::ratio,
                   .rule = {.bound = 1.1},
                   .if_yes = "the engine is faster than the training framework",
                   .if_no = "the engine is no faster worth naming than the training framework"},
                  slower(torch, ours), "the engine and the framework were not both measured twice",
                  (torch != nullptr && ours != nullptr
                       ? fmt::format("The framework's best setting counts: {}. ", torch->name)
                       : "") +
                      times_text(settings)));
}

}  // namespace

void answer_settings(const Experiment& experiment, Answers& out) {
  const auto settings = settings_of(Figures(experiment));
  if (experiment.id == "doubled") answer_doubled(experiment, settings, out);
  if (experiment.id == "instruction-sets") answer_instruction_sets(experiment, settings, out);
  if (experiment.id == "threads") answer_threads(experiment, settings, out);
  if (experiment.id == "formats") answer_formats(experiment, settings, out);
  if (experiment.id == "cache") answer_cache(experiment, settings, out);
  if (experiment.id == "training-framework") answer_framework(experiment, settings, out);
}

}  // namespace galley::profiling
