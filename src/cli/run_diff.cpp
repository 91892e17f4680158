#include "run_diff.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "commands.h"
#include "curve.h"
#include "fields.h"
#include "references.h"
#include "run_commands.h"
#include "table.h"

namespace galley::cli {
namespace {

using Flat = std::map<std::string, Json>;

void flatten(const Json& json, const std::string& path, Flat& out) {
  if (!json.is_object()) {
    out[path] = json;
    return;
  }
  for (const auto& [key, value] : json.items())
    flatten(value, path.empty() ? key : path + "." + key, out);
}

Flat section_of(const Json& run, std::string_view section) {
  Flat flat;
  if (section == "metrics") {
    const Json& series = child_of(run, "series");
    if (series.is_array())
      for (const Json& one : series) flat[text_of(one, "key")] = child_of(one, "last_value");
    return flat;
  }
  if (section == "tags") {
    // What lineage says is said there.
    const Json& tags = child_of(run, "tags");
    if (tags.is_object())
      for (const auto& [key, value] : tags.items())
        if (!key.starts_with("galley.") && !key.starts_with("mlflow.")) flat[key] = value;
    return flat;
  }
  flatten(child_of(run, std::string(section).c_str()), {}, flat);
  flat.erase("");
  return flat;
}

std::string diff_value_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_number()) return short_number(value.get<double>());
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

/// How far a number has moved, where that says something.
std::string change_text(const Json& first, const Json& second) {
  if (!first.is_number() || !second.is_number()) return {};
  const double before = first.get<double>();
  const double after = second.get<double>();
  if (before == 0 || before == after) return {};
  return fmt::format("{:+.1f} %", 100 * (after - before) / std::abs(before));
}

struct RunDiffOptions {
  std::string first;
  std::string second;
  bool all = false;
};

Result<int> show_diff(Session& session, const RunDiffOptions& options) {
  GALLEY_TRY(const std::string first_id, resolve_run(session, options.first));
  GALLEY_TRY(const std::string second_id, resolve_run(session, options.second));
  GALLEY_TRY(const Json first, session.get("/api/v1/runs/" + first_id));
  GALLEY_TRY(const Json second, session.get("/api/v1/runs/" + second_id));
  const auto differences = diff_runs(first, second, options.all);
  if (session.flags.json) {
    Json json{{"first", first_id}, {"second", second_id}};
    for (const char* section : {"params", "metrics", "lineage", "tags"})
      json[section] = Json::object();
    for (const auto& one : differences)
      json[one.section][one.key] = Json::array({one.first, one.second});
    session.print_json(json);
    return 0;
  }
  print_out(fmt::format("A  {}  {}\nB  {}  {}\n", first_id, plain_line(text_of(first, "name")),
                        second_id, plain_line(text_of(second, "name"))));
  if (differences.empty()) {
    session.note("they are the same in parameters, final metrics, lineage and tags");
    return 0;
  }
  std::string section;
  std::string out;
  for (std::size_t i = 0; i < differences.size();) {
    section = differences[i].section;
    Table table({{.title = section == "params"    ? "PARAMETER"
                           : section == "metrics" ? "METRIC"
                           : section == "lineage" ? "LINEAGE"
                                                  : "TAG",
                  .min_width = 8},
                 {.title = "A", .min_width = 8},
                 {.title = "B", .min_width = 8},
                 {.title = "CHANGE", .right = true, .drop_rank = 1}});
    for (; i < differences.size() && differences[i].section == section; ++i) {
      const auto& one = differences[i];
      const Style style = one.first == one.second ? Style::dim : Style::plain;
      table.add({{one.key, style},
                 {diff_value_text(one.first), style},
                 {diff_value_text(one.second), style},
                 {section == "metrics" ? change_text(one.first, one.second) : "", style}});
    }
    out += "\n" + table.print(session.terminal.width, session.terminal.color);
  }
  print_out(out);
  return 0;
}

}  // namespace

std::vector<RunDifference> diff_runs(const Json& first, const Json& second, bool all) {
  std::vector<RunDifference> differences;
  for (const char* section : {"params", "metrics", "lineage", "tags"}) {
    std::map<std::string, std::pair<Json, Json>> both;
    for (auto& [key, value] : section_of(first, section)) both[key].first = value;
    for (auto& [key, value] : section_of(second, section)) both[key].second = value;
    for (auto& [key, values] : both)
      if (all || values.first != values.second)
        differences.push_back({section, key, values.first, values.second});
  }
  return differences;
}

Command run_diff_command(Session& session) {
  return {.name = "diff",
          .help = "What two runs have different: parameters, final metrics, lineage",
          .examples = {"galley runs diff RUN last", "galley runs diff --all RUN RUN",
                       "galley runs diff --json RUN RUN"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<RunDiffOptions>();
            options.positional("A", wanted->first, "Id of a run or of its job, or last")
                .positional("B", wanted->second, "The other one")
                .flag("-a,--all", wanted->all, "Also what they have in common");
            return [&session, wanted] { return show_diff(session, *wanted); };
          }};
}

}  // namespace galley::cli
