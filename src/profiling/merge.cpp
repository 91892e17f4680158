#include "profiling/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "answer_build.h"
#include "drift.h"
#include "merge_figures.h"

namespace galley::profiling {
namespace {

/// A machine that was slowed down by more is worth a warning.
constexpr double kSlowMachine = 0.1;

std::string place_of(const Profile& study) {
  return study.target.empty() ? study.machine.name : study.target;
}

/// "2026-11-22 14:55:35"
std::string moment_of(const Profile& study) {
  constexpr std::size_t kToSeconds = 19;
  std::string moment = study.started_at.substr(0, kToSeconds);
  std::ranges::replace(moment, 'T', ' ');
  return moment;
}

std::vector<std::string> names_of(const std::vector<Profile>& studies, bool same_model,
                                  bool same_machine) {
  std::vector<std::string> names;
  for (const Profile& study : studies) {
    std::string name = same_model && !same_machine ? place_of(study)
                       : same_machine && !same_model
                           ? study.model.name
                           : fmt::format("{} on {}", study.model.name, place_of(study));
    if (same_model && same_machine && !study.started_at.empty()) name = moment_of(study);
    int copy = 1;
    const std::string plain = name;
    while (std::ranges::find(names, name) != names.end())
      name = fmt::format("{} ({})", plain, ++copy);
    names.push_back(std::move(name));
  }
  return names;
}

bool same_model_of(const Profile& a, const Profile& b) {
  if (!a.model.snapshot.empty() && !b.model.snapshot.empty())
    return a.model.snapshot == b.model.snapshot;
  return a.model.name == b.model.name;
}

/// b ÷ a, as two independent estimates whose factors are spread evenly.
std::optional<Interval> ratio_of(const std::optional<Interval>& a,
                                 const std::optional<Interval>& b) {
  if (!a || !b || a->low <= 0 || b->low <= 0) return std::nullopt;
  const double down = std::hypot(std::log(b->value / b->low), std::log(a->high / a->value));
  const double up = std::hypot(std::log(b->high / b->value), std::log(a->value / a->low));
  const double ratio = b->value / a->value;
  return Interval{ratio, ratio * std::exp(-down), ratio * std::exp(up)};
}

/// What the machine's own speed explains of a ratio is not the model's.
Interval on_one_machine(const Interval& ratio, MergedFigure::Kind kind, const Profile& first,
                        const Profile& other, std::string_view experiment) {
  // Beats of a target are requests to it: a faster server has faster ones.
  if (!first.target.empty() || !other.target.empty()) return ratio;
  const Drift then = drift_of(first, experiment), now = drift_of(other, experiment);
  if (kind == MergedFigure::Kind::time) return widened_ratio(ratio, now, then);
  if (kind == MergedFigure::Kind::speed) return widened_ratio(ratio, then, now);
  return ratio;
}

Verdict better_of(const Interval& ratio, bool lower_is_better) {
  const bool less = ratio.high<1, more = ratio.low> 1;
  if (!less && !more) return Verdict::cannot_tell;
  return less == lower_is_better ? Verdict::yes : Verdict::no;
}

std::string sentence_of(const ComparedRow& row, const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 1; i < names.size(); ++i) {
    const ComparedFigure& study = row.studies[i];
    if (!text.empty()) text += " ";
    if (!study.better || !study.ratio) {
      text += fmt::format("{}: not measured on both sides.", names[i]);
      continue;
    }
    const char* verdict = *study.better == Verdict::yes  ? "better"
                          : *study.better == Verdict::no ? "worse"
                                                         : "cannot tell, the interval spans 1×";
    text += fmt::format("{}: {} of {}'s, {}.", names[i], in_unit(*study.ratio, Unit::ratio),
                        names[0], verdict);
  }
  return text;
}

std::vector<std::string> warnings_of(const std::vector<Profile>& studies) {
  std::vector<std::string> warnings;
  const auto differs = [&studies](auto member) {
    return std::ranges::any_of(
        studies, [&](const Profile& study) { return study.*member != studies.front().*member; });
  };
  if (differs(&Profile::seed))
    warnings.emplace_back("the seeds differ: the prompts are not the same");
  if (differs(&Profile::scale))
    warnings.emplace_back("the workloads' scales differ: their times cannot be compared fairly");
  if (differs(&Profile::effort))
    warnings.emplace_back("quick and full studies are mixed: the quick ones' intervals are wider");
  if (differs(&Profile::galley_version))
    warnings.emplace_back("the studies come from different versions of Galley");
  for (const Profile& study : studies) {
    const auto slowdown = largest_slowdown(study);
    if (slowdown && *slowdown > kSlowMachine)
      warnings.push_back(fmt::format(
          "{} took up to {} as long as in its best moments during the study of {} at {}: its "
          "intervals reach down to a free machine's",
          place_of(study), in_unit(1 + *slowdown, Unit::ratio), study.model.name,
          moment_of(study)));
  }
  return warnings;
}

nlohmann::json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return {{"value", interval->value}, {"low", interval->low}, {"high", interval->high}};
}

}  // namespace

Result<Comparison> compare(const std::vector<Profile>& studies) {
  if (studies.size() < 2)
    return Error{.code = Errc::invalid_argument,
                 .message = fmt::format("a comparison needs at least two studies, and {} came",
                                        studies.size()),
                 .hint = "name two or more profile files"};
  Comparison out;
  out.same_model = std::ranges::all_of(
      studies, [&](const Profile& study) { return same_model_of(study, studies.front()); });
  out.same_machine = std::ranges::all_of(
      studies, [&](const Profile& study) { return place_of(study) == place_of(studies.front()); });
  out.names = names_of(studies, out.same_model, out.same_machine);
  out.warnings = warnings_of(studies);
  for (MergedFigure& merged : merged_figures(studies)) {
    ComparedRow row{.experiment = std::move(merged.experiment),
                    .measure = std::move(merged.measure),
                    .lower_is_better = merged.kind != MergedFigure::Kind::speed,
                    .studies = {},
                    .sentence = {}};
    for (std::size_t i = 0; i < merged.studies.size(); ++i) {
      ComparedFigure figure{.figure = merged.studies[i], .ratio = {}, .better = {}};
      if (i > 0) figure.ratio = ratio_of(merged.studies[0], merged.studies[i]);
      if (figure.ratio && out.same_machine)
        figure.ratio =
            on_one_machine(*figure.ratio, merged.kind, studies[0], studies[i], row.experiment);
      if (figure.ratio) figure.better = better_of(*figure.ratio, row.lower_is_better);
      row.studies.push_back(std::move(figure));
    }
    row.sentence = sentence_of(row, out.names);
    out.rows.push_back(std::move(row));
  }
  return out;
}

std::string figure_text(const ComparedRow& row, std::size_t study) {
  const ComparedFigure& one = row.studies[study];
  if (!one.figure) return "not measured";
  const Unit unit = row.measure.ends_with("bytes") ? Unit::bytes
                    : row.measure.ends_with("ms")  ? Unit::ms
                                                   : Unit::plain;
  if (!one.ratio) return in_unit(*one.figure, unit);
  return in_unit(one.figure->value, unit) + ", " + in_unit(*one.ratio, Unit::ratio);
}

nlohmann::json comparison_json(const Comparison& comparison) {
  auto rows = nlohmann::json::array();
  for (const ComparedRow& row : comparison.rows) {
    auto studies = nlohmann::json::array();
    for (const ComparedFigure& study : row.studies) {
      nlohmann::json one{{"figure", interval_json(study.figure)}};
      if (study.ratio) one["ratio"] = interval_json(study.ratio);
      if (study.better) one["better"] = to_string(*study.better);
      studies.push_back(std::move(one));
    }
    rows.push_back({{"experiment", row.experiment},
                    {"measure", row.measure},
                    {"lower_is_better", row.lower_is_better},
                    {"studies", std::move(studies)},
                    {"sentence", row.sentence}});
  }
  return {{"kind", "profile_comparison"},        {"names", comparison.names},
          {"same_model", comparison.same_model}, {"same_machine", comparison.same_machine},
          {"warnings", comparison.warnings},     {"rows", std::move(rows)}};
}

}  // namespace galley::profiling
