#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "base/units.h"
#include "commands.h"
#include "curve.h"
#include "fields.h"
#include "references.h"
#include "run_commands.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

/// Curves drawn when no --metric chooses: more would scroll the first ones away.
constexpr std::size_t kCurves = 4;
constexpr std::size_t kWidthWithoutTerminal = 80;

struct ShowOptions {
  std::string run;
  std::vector<std::string> metrics;
};

std::string number_text(const Json& value) {
  return short_number(value.is_number() ? value.get<double>()
                                        : std::numeric_limits<double>::quiet_NaN());
}

std::string metrics_text(const Json& metrics) {
  std::string text;
  if (!metrics.is_object()) return text;
  for (const auto& [key, value] : metrics.items())
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, number_text(value));
  return text;
}

Result<int> list_runs(Session& session, const std::string& filter, std::int64_t limit) {
  const std::string target =
      filter.empty() ? std::string("/api/v1/runs") : "/api/v1/runs?filter=" + encoded(filter);
  GALLEY_TRY(const Json runs, session.list(target, limit));
  if (session.flags.json) {
    session.print_json(runs);
    return 0;
  }
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 8},
               {.title = "EXPERIMENT", .min_width = 8, .drop_rank = 2},
               {.title = "STATE"},
               {.title = "CREATED", .drop_rank = 1},
               {.title = "METRICS", .min_width = 12}});
  for (const Json& run : items_of(runs)) {
    const std::string state = text_of(run, "state");
    table.add({{text_of(run, "id")},
               {text_of(run, "name")},
               {text_of(run, "experiment")},
               {state, style_of_state(state)},
               {relative_time(text_of(run, "created_at"), session.now())},
               {metrics_text(child_of(run, "metrics"))}});
  }
  if (table.empty())
    session.note("no runs");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

std::string pairs_text(std::string_view title, const Json& pairs) {
  if (!pairs.is_object() || pairs.empty()) return {};
  std::size_t longest = 0;
  for (const auto& [key, value] : pairs.items()) longest = std::max(longest, display_width(key));
  std::string out = fmt::format("\n{}\n", title);
  for (const auto& [key, value] : pairs.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : dump_json(value);
    out += fmt::format("  {}{}  {}\n", plain_line(key),
                       std::string(longest - std::min(longest, display_width(key)), ' '),
                       plain_line(text));
  }
  return out;
}

/// One line for each thing that is known, however deep it lies.
Json flat_lineage(const Json& lineage) {
  Json flat = Json::object();
  if (!lineage.is_object()) return flat;
  for (const auto& [group, value] : lineage.items()) {
    if (!value.is_object())
      flat[group] = value;
    else
      for (const auto& [key, text] : value.items()) flat[group + "." + key] = text;
  }
  return flat;
}

/// Those that lineage does not say.
Json other_tags(const Json& tags) {
  Json others = Json::object();
  if (tags.is_object())
    for (const auto& [key, value] : tags.items())
      if (!key.starts_with("galley.") && !key.starts_with("mlflow.")) others[key] = value;
  return others;
}

std::string series_table(const Session& session, const Json& series) {
  Table table({{.title = "METRIC", .min_width = 8},
               {.title = "LAST", .right = true},
               {.title = "MIN", .right = true},
               {.title = "MAX", .right = true},
               {.title = "STEP", .right = true},
               {.title = "POINTS", .right = true}});
  for (const Json& one : series)
    table.add({{text_of(one, "key")},
               {number_text(child_of(one, "last_value"))},
               {number_text(child_of(one, "min_value"))},
               {number_text(child_of(one, "max_value"))},
               {std::to_string(count_of(one, "last_step"))},
               {std::to_string(count_of(one, "point_count"))}});
  return table.empty() ? std::string{}
                       : "\n" + table.print(session.terminal.width, session.terminal.color);
}

std::string artifacts_table(const Session& session, const Json& artifacts) {
  Table table({{.title = "ARTIFACT", .min_width = 10},
               {.title = "KIND"},
               {.title = "SIZE", .right = true},
               {.title = "CREATED"}});
  for (const Json& one : artifacts)
    table.add({{text_of(one, "path")},
               {text_of(one, "kind")},
               {format_bytes(count_of(one, "size_bytes"))},
               {relative_time(text_of(one, "created_at"), session.now())}});
  return table.empty() ? std::string{}
                       : "\n" + table.print(session.terminal.width, session.terminal.color);
}

std::vector<double> numbers_of(const Json& list) {
  std::vector<double> numbers;
  if (!list.is_array()) return numbers;
  for (const Json& value : list)
    numbers.push_back(value.is_number() ? value.get<double>()
                                        : std::numeric_limits<double>::quiet_NaN());
  return numbers;
}

Result<std::string> curves(Session& session, const std::string& run,
                           const std::vector<std::string>& keys) {
  if (keys.empty()) return std::string{};
  const std::size_t width =
      session.terminal.width == 0 ? kWidthWithoutTerminal : session.terminal.width;
  // Two dots fit in a column; more points than dots would be thrown away here.
  std::string target = fmt::format("/api/v1/runs/{}/metrics?max_points={}", run, width * 2);
  for (const std::string& key : keys) target += "&key=" + encoded(key);
  GALLEY_TRY(const Json answer, session.get(target));
  std::string out;
  const Json& series = child_of(answer, "series");
  if (!series.is_array()) return out;
  for (const Json& one : series) {
    auto steps = numbers_of(child_of(one, "steps"));
    auto values = numbers_of(child_of(one, "values"));
    const std::size_t count = std::min(steps.size(), values.size());
    const std::string drawing = draw_curve(std::span(steps).first(count),
                                           std::span(values).first(count), {.columns = width});
    if (!drawing.empty())
      out += fmt::format(
          "\n{}\n{}", paint(plain_line(text_of(one, "key")), Style::bold, session.terminal.color),
          drawing);
  }
  return out;
}

/// The metrics to draw. Errors: not_found for one that the run has not reported.
Result<std::vector<std::string>> choose_metrics(const Json& series,
                                                const std::vector<std::string>& wanted) {
  std::vector<std::string> known;
  std::vector<std::string> worth_drawing;
  if (series.is_array())
    for (const Json& one : series) {
      known.push_back(text_of(one, "key"));
      if (count_of(one, "point_count") > 1) worth_drawing.push_back(known.back());
    }
  if (wanted.empty()) {
    if (worth_drawing.size() > kCurves) worth_drawing.resize(kCurves);
    return worth_drawing;
  }
  for (const std::string& key : wanted)
    if (std::ranges::find(known, key) == known.end()) {
      const std::string close = nearest(key, known);
      return Error{Errc::not_found,
                   fmt::format("the run has no metric '{}'", key),
                   {},
                   {},
                   close.empty() ? "" : fmt::format("did you mean {}?", close)};
    }
  return wanted;
}

Result<int> show_run(Session& session, const ShowOptions& options) {
  GALLEY_TRY(const std::string id, resolve_run(session, options.run));
  GALLEY_TRY(const Json run, session.get("/api/v1/runs/" + id));
  const Json& series = child_of(run, "series");
  GALLEY_TRY(const auto keys, choose_metrics(series, options.metrics));
  if (session.flags.json) {
    session.print_json(run);
    return 0;
  }
  const std::string state = text_of(run, "state");
  std::string out =
      fmt::format("{}  {}  {}  {}\n", id, plain_line(text_of(run, "name")),
                  paint(plain_line(state), style_of_state(state), session.terminal.color),
                  relative_time(text_of(run, "created_at"), session.now()));
  if (const std::string job = text_of(run, "job_id"); !job.empty()) out += "job " + job + "\n";
  out += pairs_text("PARAMETERS", child_of(run, "params"));
  out += pairs_text("LINEAGE", flat_lineage(child_of(run, "lineage")));
  out += pairs_text("TAGS", other_tags(child_of(run, "tags")));
  if (series.is_array()) out += series_table(session, series);
  const Json& artifacts = child_of(run, "artifacts");
  if (artifacts.is_array()) out += artifacts_table(session, artifacts);
  GALLEY_TRY(const std::string drawings, curves(session, id, keys));
  print_out(out + drawings);
  return 0;
}

}  // namespace

void add_run_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "runs",
       .help = "List runs and what they measured",
       .group = kRecordGroup,
       .examples = {"galley runs", "galley runs show last", "galley runs show JOB --metric loss",
                    "galley runs diff RUN last"},
       .define = [&session](Options& options) -> Action {
         auto filter = std::make_shared<std::string>();
         auto limit = std::make_shared<std::int64_t>(50);
         options.text("--filter", *filter, "EXPRESSION", "Over name, experiment, state, …")
             .number("-n,--limit", *limit, "N", "How many; 50 when absent");
         return [&session, filter, limit] { return list_runs(session, *filter, *limit); };
       },
       .children = {{.name = "show",
                     .help = "Parameters, metrics with their curves, and artifacts",
                     .define = [&session](Options& options) -> Action {
                       auto wanted = std::make_shared<ShowOptions>();
                       options
                           .positional("RUN", wanted->run,
                                       "Id of a run or of its job, its beginning or end, or last")
                           .texts("-m,--metric", wanted->metrics, "KEY", "Draw this one's curve");
                       return [&session, wanted] { return show_run(session, *wanted); };
                     }},
                    run_diff_command(session)}});
}

}  // namespace galley::cli
