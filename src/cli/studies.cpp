// Studies that run or have run: lists, results, what mattered.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "study_text.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

constexpr std::size_t kTopTrials = 10;
constexpr std::int64_t kListedStudies = 50;
constexpr std::int64_t kMostStudies = 100'000;
constexpr std::int64_t kTrialsOfARequest = 100'000;

/// The values of a trial in the order of the measures; the first decides.
double first_value(const Json& trial) {
  const Json& values = child_of(trial, "values");
  const bool told = values.is_array() && !values.empty() && values[0].is_number();
  return told ? values[0].get<double>() : std::numeric_limits<double>::quiet_NaN();
}

bool first_is_descending(const Json& study) {
  const Json& measures = child_of(study, "measures");
  return !measures.is_array() || measures.empty() || text_of(measures[0], "order") != "ascending";
}

/// "12", or "monday/12" of a trial of another study.
std::string number_of(const Json& trial) {
  const std::string number =
      trial.contains("number") ? std::to_string(count_of(trial, "number")) : "?";
  if (!trial.contains("study_id")) return number;
  const std::string study = text_of(trial, "study");
  return (study.empty() ? text_of(trial, "study_id") : study) + '/' + number;
}

/// All trials, and after them those of other studies that the study began with.
Result<Json> all_trials(Session& session, const Json& study) {
  const std::string base = "/api/v1/studies/" + encoded(text_of(study, "id"));
  GALLEY_TRY(const Json own,
             session.get(fmt::format("{}/trials?limit={}", base, kTrialsOfARequest)));
  Json trials = items_of(own);
  if (!child_of(study, "file").contains("warm_start")) return trials;
  GALLEY_TRY(const Json known, session.get(base + "/known"));
  for (const Json& trial : items_of(known)) trials.push_back(trial);
  return trials;
}

Result<int> show_importance(Session& session, const std::string& name) {
  GALLEY_TRY(const Json answer, session.get("/api/v1/studies/" + encoded(name) + "/importance"));
  if (session.flags.json) {
    session.print_json(answer);
    return 0;
  }
  Table table({{.title = "PARAMETER"}, {.title = "SHARE", .right = true}, {.title = ""}});
  constexpr double kBarColumns = 30;
  const auto add = [&](const std::string& title, double share) {
    std::string bar;
    for (int i = 0; i < static_cast<int>(std::lround(share * kBarColumns)); ++i) bar += "█";
    table.add({{title}, {fmt::format("{:.1f} %", 100 * share)}, {bar}});
  };
  for (const Json& one : items_of(answer)) add(text_of(one, "name"), real_of(one, "share"));
  for (const Json& pair : child_of(answer, "pairs")) {
    const Json& names = child_of(pair, "names");
    constexpr double kWorthALine = 0.01;
    if (real_of(pair, "share") >= kWorthALine && names.size() == 2)
      add(names[0].get<std::string>() + " × " + names[1].get<std::string>(),
          real_of(pair, "share"));
  }
  print_out(table.print(session.terminal.width, session.terminal.color));
  const std::int64_t known = count_of(answer, "known");
  session.note(
      fmt::format("share of the variance over the whole space that each explains, from {} trials{}",
                  count_of(answer, "trials"),
                  known > 0 ? fmt::format(", {} of them of earlier studies", known) : ""));
  return 0;
}

/// The finalists over their seeds: who won, and by how much of what chance does.
void print_finalists(const Session& session, const Json& study) {
  const Json& finalists = child_of(study, "finalists");
  if (!finalists.is_array() || finalists.empty()) return;
  Table table({{.title = "FINALIST", .right = true},
               {.title = "RUNS", .right = true},
               {.title = "MEAN", .right = true},
               {.title = "95 % OF THE MEAN"}});
  for (const Json& one : finalists) {
    const Json& interval = child_of(one, "interval");
    const bool known = interval.is_array() && interval.size() == 2 && interval[0].is_number();
    table.add({{std::to_string(count_of(one, "trial"))},
               {std::to_string(count_of(one, "runs"))},
               {value_text(child_of(one, "mean"))},
               {known ? value_text(interval[0]) + " to " + value_text(interval[1]) : "one run"}});
  }
  print_out("\n" + table.print(session.terminal.width, session.terminal.color));
}

Result<int> show_top(Session& session, const std::string& name, std::int64_t count) {
  GALLEY_TRY(const Json study, session.get("/api/v1/studies/" + encoded(name)));
  GALLEY_TRY(const Json all, all_trials(session, study));
  std::vector<Json> trials;
  for (const Json& trial : all)
    if (!std::isnan(first_value(trial)) && !trial.contains("repeat_of")) trials.push_back(trial);
  const bool descending = first_is_descending(study);
  std::ranges::stable_sort(trials, [descending](const Json& a, const Json& b) {
    return descending ? first_value(a) > first_value(b) : first_value(a) < first_value(b);
  });
  if (trials.size() > static_cast<std::size_t>(count))
    trials.resize(static_cast<std::size_t>(count));
  if (session.flags.json) {
    session.print_json({{"items", trials}, {"finalists", child_of(study, "finalists")}});
    return 0;
  }
  std::vector<Column> columns{{.title = "TRIAL", .right = true}, {.title = "STATE"}};
  for (const Json& measure : child_of(study, "measures"))
    columns.push_back({.title = text_of(measure, "name"), .right = true});
  columns.push_back({.title = text_of(study, "resource"), .right = true});
  columns.push_back({.title = "SETTINGS", .min_width = 20});
  const auto names = param_names(study);
  Table table(std::move(columns));
  for (const Json& trial : trials) {
    const std::string state = text_of(trial, "state");
    std::vector<Cell> row{{number_of(trial)}, {state, style_of_state(state)}};
    for (const Json& value : child_of(trial, "values")) row.push_back({value_text(value)});
    row.push_back({fmt::format("{:g}", real_of(trial, "resource"))});
    row.push_back({params_text(child_of(trial, "params"), names)});
    table.add(std::move(row));
  }
  if (table.empty())
    session.note(nothing_text(study, all));
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  print_finalists(session, study);
  return 0;
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return {};
  std::string text = value.is_string() ? value.get<std::string>() : dump_json(value);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  for (std::size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2)
    text.insert(i, 1, '"');
  return '"' + text + '"';
}

/// One line a trial: number, state, resource, the measures, the settings, and of trials that the
/// study began with where they come from.
Result<int> export_trials(Session& session, const std::string& name) {
  GALLEY_TRY(const Json study, session.get("/api/v1/studies/" + encoded(name)));
  GALLEY_TRY(const Json all, all_trials(session, study));
  if (session.flags.json) {
    session.print_json({{"study", study}, {"trials", all}});
    return 0;
  }
  const auto names = param_names(study);
  std::string out = "trial,state,resource";
  for (const Json& measure : child_of(study, "measures"))
    out += ',' + csv_cell(child_of(measure, "name"));
  for (const std::string& param : names) out += ',' + csv_cell(param);
  out += ",from\n";
  for (const Json& trial : all) {
    const bool is_known = trial.contains("study_id");
    out += fmt::format("{},{},{:g}", trial.contains("number") ? count_of(trial, "number") : -1,
                       text_of(trial, "state"), real_of(trial, "resource"));
    const Json& values = child_of(trial, "values");
    for (std::size_t i = 0; i < child_of(study, "measures").size(); ++i)
      out += ',' + (i < values.size() ? csv_cell(values[i]) : "");
    for (const std::string& param : names)
      out += ',' + csv_cell(child_of(child_of(trial, "params"), param.c_str()));
    out += ',' + (is_known ? csv_cell(child_of(trial, "study_id")) : "") + '\n';
  }
  print_out(out);
  return 0;
}

Result<int> list_studies(Session& session, std::int64_t limit) {
  if (limit < 1 || limit > kMostStudies)
    return Error{Errc::invalid_argument, fmt::format("found {}", limit), "--limit",
                 fmt::format("1 to {}", kMostStudies)};
  GALLEY_TRY(const Json all, session.list("/api/v1/studies", limit));
  if (session.flags.json) {
    session.print_json(all);
    return 0;
  }
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 8},
               {.title = "STATE"},
               {.title = "TRIALS", .right = true},
               {.title = "BEST", .right = true},
               {.title = "BEGAN"},
               {.title = "BY", .drop_rank = 2},
               {.title = "WHY", .min_width = 12, .drop_rank = 1}});
  for (const Json& study : items_of(all)) {
    const std::string state = text_of(study, "state");
    const Json& summary = child_of(study, "summary");
    const Json& values = child_of(child_of(summary, "best"), "values");
    table.add({{text_of(study, "id")},
               {text_of(study, "name")},
               {state, style_of_state(state == "finished" ? "succeeded" : state)},
               {summary.is_object() ? std::to_string(count_of(summary, "trials")) : "-"},
               {values.is_array() && !values.empty() ? value_text(values[0]) : "-"},
               {relative_time(text_of(study, "created_at"), session.now())},
               {text_of(study, "principal"), Style::dim},
               {text_of(study, "reason"), Style::dim}});
  }
  if (table.empty())
    session.note("no studies; `galley tune study.json -- PROGRAM` begins one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  if (!text_of(all, "next_cursor").empty())
    session.note(fmt::format("these are the newest {}; --limit shows more", limit));
  return 0;
}

/// "6 trials of monday, 5 trials of tuesday": what a study began with.
Result<std::string> earlier_text(Session& session, const std::string& study) {
  GALLEY_TRY(const Json known, session.get("/api/v1/studies/" + encoded(study) + "/known"));
  std::vector<std::pair<std::string, std::int64_t>> counts;
  for (const Json& trial : items_of(known)) {
    const std::string name = text_of(trial, text_of(trial, "study").empty() ? "study_id" : "study");
    if (counts.empty() || counts.back().first != name) counts.emplace_back(name, 0);
    ++counts.back().second;
  }
  std::string text;
  for (const auto& [name, count] : counts)
    text += fmt::format("{}{} trials of {}", text.empty() ? "" : ", ", count, name);
  return text.empty() ? "nothing: earlier studies had no trial that it can take" : text;
}

Result<int> show_study(Session& session, const std::string& name) {
  GALLEY_TRY(const Json study, session.get("/api/v1/studies/" + encoded(name)));
  if (session.flags.json) {
    session.print_json(study);
    return 0;
  }
  const Json& pools = child_of(study, "pools");
  print_out(fmt::format("{}  {}  {}\n", text_of(study, "id"), text_of(study, "name"),
                        text_of(study, "state")));
  const std::string methods = text_of(study, "methods");
  const std::string reason = text_of(study, "reason");
  print_out(fmt::format("  methods   {}\n", methods.empty() ? reason : methods));
  if (child_of(study, "file").contains("warm_start")) {
    GALLEY_TRY(const std::string knows, earlier_text(session, text_of(study, "id")));
    print_out(fmt::format("  knows     {}\n", knows));
  }
  if (text_of(study, "state") != "running") print_out(fmt::format("  ended     {}\n", reason));
  print_out(fmt::format("  trials    {}: {} live, {} stopped, {} dead, {} ended\n",
                        count_of(study, "trials"), count_of(pools, "live"), count_of(pools, "stop"),
                        count_of(pools, "dead"), count_of(pools, "ended")));
  print_out(fmt::format(
      "  GPU time  {}\n",
      format_duration(Millis{static_cast<std::int64_t>(1e3 * real_of(study, "gpu_seconds"))})));
  print_out(fmt::format("  result    {}\n", best_text(study)));
  if (const std::string obstacle = obstacle_text(study); !obstacle.empty())
    print_out(fmt::format("  waits     {}\n", obstacle));
  return 0;
}

Result<int> stop_study(Session& session, const std::string& name) {
  GALLEY_TRY(const Json study,
             session.post("/api/v1/studies/" + encoded(name) + "/stop", Json::object()));
  if (session.flags.json)
    session.print_json(study);
  else
    session.note(fmt::format("{} is {}", text_of(study, "name"), text_of(study, "state")));
  return 0;
}

/// A command whose only argument is a study.
Command on_study(std::string name, std::string help,
                 std::function<Result<int>(const std::string&)> act) {
  return {.name = std::move(name),
          .help = std::move(help),
          .define = [act = std::move(act)](Options& options) -> Action {
            auto study = std::make_shared<std::string>();
            options.positional("STUDY", *study, "Id, or the newest of that name");
            return [act, study] { return act(*study); };
          }};
}

Action define_list(Session& session, Options& options) {
  auto limit = std::make_shared<std::int64_t>(kListedStudies);
  options.number("-n,--limit", *limit, "N", "How many; 50 when absent");
  return [&session, limit] { return list_studies(session, *limit); };
}

Command top_command(Session& session) {
  return {.name = "top",
          .help = "The best trials of a study",
          .examples = {"galley tune top nsmc", "galley tune top nsmc --count 3 --json"},
          .define = [&session](Options& options) -> Action {
            auto study = std::make_shared<std::string>();
            auto count = std::make_shared<std::int64_t>(kTopTrials);
            options.positional("STUDY", *study, "Id, or the newest of that name")
                .number("--count", *count, "N", "How many; 10 when absent");
            return [&session, study, count] { return show_top(session, *study, *count); };
          }};
}

}  // namespace

std::string value_text(const Json& value) {
  return value.is_number() ? fmt::format("{:.5g}", value.get<double>()) : "-";
}

std::vector<std::string> param_names(const Json& study) {
  const Json& file = child_of(study, "file");
  std::vector<std::string> names;
  if (const Json& order = child_of(file, "axes"); order.is_array())
    for (const Json& name : order)
      if (name.is_string()) names.push_back(name.get<std::string>());
  for (const auto& [name, unused] : child_of(file, "h_params").items())
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

/// "lr=0.1 depth=3"
std::string params_text(const Json& params, const std::vector<std::string>& order) {
  std::string text;
  for (const std::string& name : order) {
    const Json& value = child_of(params, name.c_str());
    if (!params.contains(name)) continue;
    if (!text.empty()) text += ' ';
    text += name + '=';
    text += value.is_number_float() ? fmt::format("{:.4g}", value.get<double>())
            : value.is_string()     ? value.get<std::string>()
                                    : dump_json(value);
  }
  return text;
}

std::string best_text(const Json& study) {
  const Json& best = child_of(study, "best");
  if (!best.is_object()) return "no result yet";
  const Json& values = child_of(best, "values");
  const Json& measures = child_of(study, "measures");
  const bool named = measures.is_array() && !measures.empty();
  return fmt::format(
      "best {}{} of trial {}: {}", named ? text_of(measures[0], "name") + ' ' : std::string(),
      value_text(values.is_array() && !values.empty() ? values[0] : Json()),
      count_of(best, "trial"), params_text(child_of(best, "params"), param_names(study)));
}

std::string nothing_text(const Json& study, const Json& trials) {
  std::int64_t failed = 0;
  std::string why;
  for (const Json& trial : trials)
    if (text_of(trial, "state") == "failed" && !trial.contains("study_id")) {
      ++failed;
      if (why.empty())
        why = fmt::format("trial {}: {}", count_of(trial, "number"), text_of(trial, "why"));
    }
  const Json& measures = child_of(study, "measures");
  const std::string measure =
      measures.is_array() && !measures.empty() ? text_of(measures[0], "name") : "";
  if (failed == 0) return fmt::format("no trial has reported {} yet", measure);
  return fmt::format("no trial reported {}; {} failed, {}", measure, failed, why);
}

std::string obstacle_text(const Json& study) {
  const Json& obstacle = child_of(study, "obstacle");
  if (!obstacle.is_object()) return {};
  const std::string help = text_of(obstacle, "help");
  return text_of(obstacle, "reason") + (help.empty() ? "" : "\n            help: " + help);
}

std::vector<Command> study_result_commands(Session& session) {
  return {
      top_command(session),
      on_study("importance", "How much each parameter matters",
               [&session](const std::string& study) { return show_importance(session, study); }),
      on_study("export", "All trials of a study as CSV, or JSON with --json",
               [&session](const std::string& study) { return export_trials(session, study); })};
}

void add_study_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "studies",
       .help = "Studies of hyperparameters: list, show, stop",
       .group = kJobGroup,
       .aliases = {"study"},
       .examples = {"galley studies", "galley studies show STUDY", "galley studies stop STUDY"},
       .define = [&session](Options& options) { return define_list(session, options); },
       .children = {
           {.name = "list",
            .help = "All studies, newest first",
            .define = [&session](Options& options) { return define_list(session, options); }},
           on_study("show", "How far a study is, and its best trial",
                    [&session](const std::string& study) { return show_study(session, study); }),
           on_study("stop", "End a study and let its trials go",
                    [&session](const std::string& study) { return stop_study(session, study); })}});
}

}  // namespace galley::cli
