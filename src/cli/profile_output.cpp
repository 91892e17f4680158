#include "profile_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "profiling/answers.h"
#include "profiling/catalogue.h"
#include "profiling/report.h"
#include "table.h"

namespace galley::cli {
namespace {

using profiling::Profile;
using profiling::Verdict;

Style style_of(Verdict verdict) {
  return verdict == Verdict::yes ? Style::good : verdict == Verdict::no ? Style::bad : Style::dim;
}

std::string title_of(std::string_view experiment) {
  const auto* kind =
      std::ranges::find(profiling::kExperiments, experiment, &profiling::ExperimentKind::id);
  return std::string(kind == std::end(profiling::kExperiments) ? experiment : kind->title);
}

void print_profile_answers(const Session& session, const Profile& profile) {
  const bool color = session.terminal.color;
  const auto answers = profiling::answer_all(profile);
  std::string out =
      paint(fmt::format("{} on {}", profile.model.name,
                        profile.target.empty() ? profile.machine.name : profile.target),
            Style::bold, color) +
      "\n";
  std::string shown;
  for (const auto& answer : answers) {
    const auto* experiment = profile.find(answer.experiment);
    if (experiment != nullptr && experiment->rows.empty()) continue;
    if (answer.experiment != shown) {
      out += "\n" + paint(title_of(answer.experiment), Style::bold, color) + "\n";
      shown = answer.experiment;
    }
    out += fmt::format("  {} {}\n", paint("•", style_of(answer.verdict), color),
                       plain_line(answer.sentence));
  }
  for (const auto& experiment : profile.experiments)
    if (experiment.rows.empty())
      out += fmt::format(
          "\n{}\n  {}\n", paint(title_of(experiment.id), Style::bold, color),
          plain_line(experiment.notes.empty() ? "Nothing was measured." : experiment.notes.back()));
  print_out(out);
}

/// A table for each experiment; what is surely better or worse than the first study has a colour.
void print_comparison(const Session& session, const profiling::Comparison& comparison) {
  const bool color = session.terminal.color;
  for (std::size_t first = 0; first < comparison.rows.size();) {
    const std::string& experiment = comparison.rows[first].experiment;
    std::vector<Column> columns{{.title = "FIGURE", .min_width = 16}};
    for (const auto& name : comparison.names) columns.push_back({.title = plain_line(name)});
    Table table(columns);
    for (; first < comparison.rows.size() && comparison.rows[first].experiment == experiment;
         ++first) {
      const auto& row = comparison.rows[first];
      std::vector<Cell> cells{{row.measure}};
      for (std::size_t study = 0; study < row.studies.size(); ++study) {
        const auto better = row.studies[study].better;
        cells.push_back(
            {profiling::figure_text(row, study) + (better == Verdict::yes  ? " better"
                                                   : better == Verdict::no ? " worse"
                                                                           : ""),
             better && *better != Verdict::cannot_tell ? style_of(*better) : Style::plain});
      }
      table.add(std::move(cells));
    }
    print_out("\n" + paint(title_of(experiment), Style::bold, color) + "\n" +
              table.print(session.terminal.width, color));
  }
}

/// A profile's name, told apart from those before it.
std::string unique_name(const Profile& profile, std::vector<std::string>& taken) {
  const std::string base = "profile-" + file_name_of(profile.model.name);
  std::string name = base;
  for (int number = 2; std::ranges::find(taken, name) != taken.end(); ++number)
    name = fmt::format("{}-{}", base, number);
  taken.push_back(name);
  return name;
}

}  // namespace

std::string file_name_of(const std::string& name) {
  constexpr std::size_t kLongest = 80;
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    const bool upper = c >= 'A' && c <= 'Z';
    if (plain)
      out += c;
    else if (upper)
      out += static_cast<char>(c - 'A' + 'a');
    else if (!out.empty() && out.back() != '-')
      out += '-';
    if (out.size() == kLongest) break;
  }
  while (out.ends_with('-') || out.ends_with('.')) out.pop_back();
  while (out.starts_with('.')) out.erase(0, 1);
  return out.empty() ? "model" : out;
}

Result<std::vector<std::filesystem::path>> write_profiles(
    const ProfileOutcome& outcome, const profiling::CapacityOptions& capacity,
    const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> written;
  GALLEY_TRY_STATUS(make_folders(folder));
  const auto write = [&](const std::string& name, const std::string& bytes) -> Status {
    GALLEY_TRY_STATUS(write_file_atomic(folder / name, bytes, Durability::memory));
    written.push_back(folder / name);
    return ok();
  };
  std::vector<std::string> taken;
  const std::size_t read = outcome.profiles.size() - outcome.measured;
  for (std::size_t i = read; i < outcome.profiles.size(); ++i) {
    const Profile& profile = outcome.profiles[i];
    const std::string name = unique_name(profile, taken);
    GALLEY_TRY_STATUS(write(name + ".json", print_profile(profile) + "\n"));
    GALLEY_TRY_STATUS(write(name + ".html", report_html(profile, capacity)));
  }
  if (outcome.comparison) {
    GALLEY_TRY_STATUS(
        write("profile-comparison.json", dump_json(comparison_json(*outcome.comparison)) + "\n"));
    GALLEY_TRY_STATUS(
        write("profile-comparison.html", comparison_html(*outcome.comparison, outcome.profiles)));
  }
  if (outcome.prediction) {
    const std::string name = "profile-prediction-" + file_name_of(outcome.prediction->model.name);
    GALLEY_TRY_STATUS(
        write(name + ".json", dump_json(prediction_json(*outcome.prediction)) + "\n"));
    GALLEY_TRY_STATUS(write(name + ".html", prediction_html(*outcome.prediction)));
  }
  return written;
}

void print_profiles_json(const Session& session, const ProfileOutcome& outcome,
                         const profiling::CapacityOptions& capacity) {
  Json profiles = Json::array();
  for (const Profile& profile : outcome.profiles) {
    // Printed by ourselves a moment ago, so it can be read.
    Json one = *parse_json(print_profile(profile));
    one["answers"] = profiling::answers_json(profiling::answer_all(profile));
    one["capacity"] = profiling::capacity_json(profiling::capacity_table(profile, capacity));
    profiles.push_back(std::move(one));
  }
  Json document{{"profiles", std::move(profiles)}};
  if (outcome.comparison) document["comparison"] = profiling::comparison_json(*outcome.comparison);
  if (outcome.prediction) document["prediction"] = profiling::prediction_json(*outcome.prediction);
  if (outcome.held_out) document["held_out"] = profiling::held_out_json(*outcome.held_out);
  session.print_json(document);
}

void print_answers(const Session& session, const ProfileOutcome& outcome,
                   const profiling::CapacityOptions& capacity) {
  const std::size_t read = outcome.profiles.size() - outcome.measured;
  for (std::size_t i = read; i < outcome.profiles.size(); ++i) {
    if (i > read) print_out("\n");
    print_profile_answers(session, outcome.profiles[i]);
    const auto rows = profiling::capacity_table(outcome.profiles[i], capacity);
    if (!rows.empty())
      print_out("\n" + paint("How many users", Style::bold, session.terminal.color) + "\n");
    for (const auto& row : rows) print_out("  • " + plain_line(row.sentence) + "\n");
  }
  if (outcome.comparison) {
    print_out("\n" + paint("Comparison", Style::bold, session.terminal.color) + "\n");
    for (const auto& warning : outcome.comparison->warnings)
      print_out("  ! " + plain_line(warning) + "\n");
    print_comparison(session, *outcome.comparison);
  }
}

}  // namespace galley::cli
