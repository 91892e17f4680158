#include <fmt/format.h>

#include "base/units.h"
#include "commands.h"
#include "eta_text.h"
#include "fields.h"
#include "filter.h"
#include "references.h"
#include "table.h"
#include "watch.h"
#include "when.h"

namespace galley::cli {
namespace {

struct ListOptions {
  std::string state;
  std::string team;
  std::string filter;
  std::int64_t limit = 50;
  bool watch = false;
};

std::string jobs_table(const Session& session, const Json& jobs) {
  Table table({{.title = "ID"},
               {.title = "NAME", .min_width = 8},
               {.title = "TEAM", .min_width = 6, .drop_rank = 3},
               {.title = "STATE"},
               {.title = "GPUS", .right = true, .drop_rank = 2},
               {.title = "CPUS", .right = true, .drop_rank = 4},
               {.title = "CREATED", .drop_rank = 1},
               {.title = "TIME", .right = true, .drop_rank = 5},
               {.title = "DONE", .drop_rank = 3},
               {.title = "EXIT", .right = true, .drop_rank = 6},
               {.title = "REASON", .min_width = 10, .drop_rank = 7}});
  for (const Json& job : items_of(jobs)) {
    const std::string state = text_of(job, "state");
    const Json& resources = child_of(child_of(job, "spec"), "resources");
    const Json& exit_code = child_of(job, "exit_code");
    const std::int64_t gpus = count_of(resources, "gpus");
    table.add(
        {{text_of(job, "id")},
         {text_of(job, "name")},
         {text_of(job, "team")},
         {state, style_of_state(state)},
         {gpus > 0 ? std::to_string(gpus) : ""},
         {std::to_string(count_of(resources, "cpus"))},
         {relative_time(text_of(job, "created_at"), session.now())},
         {elapsed_time(text_of(job, "started_at"), text_of(job, "finished_at"), session.now())},
         {eta_time(child_of(job, "eta"), session.now())},
         {exit_code.is_number_integer() ? std::to_string(count_of(job, "exit_code")) : ""},
         {text_of(job, "reason"), Style::dim}});
  }
  return table.empty() ? std::string{}
                       : table.print(session.terminal.width, session.terminal.color);
}

Result<int> list_jobs(Session& session, const ListOptions& options) {
  if (options.limit < 1)
    return Error{Errc::invalid_argument, fmt::format("found {}", options.limit), "--limit",
                 "1 or more"};
  std::vector<std::string> parts;
  if (!options.state.empty()) {
    GALLEY_TRY(const auto states, parse_states(options.state));
    parts.push_back(filter_any_of("state", states));
  }
  if (!options.team.empty()) parts.push_back(filter_any_of("team", {options.team}));
  parts.push_back(options.filter);
  const std::string filter = filter_all(parts);
  const std::string target =
      filter.empty() ? std::string("/api/v1/jobs") : "/api/v1/jobs?filter=" + encoded(filter);
  if (options.watch)
    return watch(session, "job", [&]() -> Result<std::string> {
      GALLEY_TRY(const Json jobs, session.list(target, options.limit));
      return items_of(jobs).empty() ? "no jobs\n" : jobs_table(session, jobs);
    });
  GALLEY_TRY(const Json jobs, session.list(target, options.limit));
  if (session.flags.json) {
    session.print_json(jobs);
    return 0;
  }
  print_out(jobs_table(session, jobs));
  if (items_of(jobs).empty())
    session.note(filter.empty() ? "no jobs yet; `galley run -- PROGRAM` starts one"
                                : "no job fits " + filter);
  else if (!text_of(jobs, "next_cursor").empty())
    session.note(fmt::format("these are the newest {}; --limit shows more", options.limit));
  return 0;
}

std::string attempts_table(const Session& session, const Json& attempts) {
  Table table({{.title = "ATTEMPT", .right = true},
               {.title = "STATE"},
               {.title = "NODE", .min_width = 8},
               {.title = "STARTED"},
               {.title = "TIME", .right = true},
               {.title = "EXIT", .right = true},
               {.title = "LOG", .right = true},
               {.title = "REASON", .min_width = 10}});
  for (const Json& attempt : attempts) {
    const std::string state = text_of(attempt, "state");
    const Json& signal = child_of(attempt, "signal");
    const Json& exit_code = child_of(attempt, "exit_code");
    const std::string end =
        signal.is_number_integer()      ? fmt::format("signal {}", count_of(attempt, "signal"))
        : exit_code.is_number_integer() ? std::to_string(count_of(attempt, "exit_code"))
                                        : std::string{};
    table.add({{std::to_string(count_of(attempt, "number"))},
               {state, style_of_state(state)},
               {text_of(attempt, "node_id")},
               {relative_time(text_of(attempt, "started_at"), session.now())},
               {elapsed_time(text_of(attempt, "started_at"), text_of(attempt, "finished_at"),
                             session.now())},
               {end},
               {format_bytes(count_of(attempt, "log_bytes"))},
               {text_of(attempt, "reason"), Style::dim}});
  }
  return table.empty() ? std::string{}
                       : "\n" + table.print(session.terminal.width, session.terminal.color);
}

/// A program and its arguments as a shell would take them.
std::string command_line(const Json& command) {
  std::string line;
  if (!command.is_array()) return line;
  for (const Json& word : command) {
    const std::string text = word.is_string() ? word.get<std::string>() : dump_json(word);
    const bool plain = !text.empty() && text.find_first_of(" \t\n'\"\\$&|;<>()*?`") == text.npos;
    line += line.empty() ? "" : " ";
    if (plain) {
      line += text;
      continue;
    }
    line += '\'';
    for (const char c : text) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

Result<int> show_job(Session& session, const std::string& name) {
  GALLEY_TRY(const std::string id, resolve_job(session, name));
  GALLEY_TRY(const Json job, session.get("/api/v1/jobs/" + id));
  if (session.flags.json) {
    session.print_json(job);
    return 0;
  }
  const Json& spec = child_of(job, "spec");
  const Json& resources = child_of(spec, "resources");
  const std::string state = text_of(job, "state");
  std::string out;
  const auto line = [&out](std::string_view title, const std::string& value) {
    if (!value.empty()) out += fmt::format("{:<10} {}\n", title, plain_line(value));
  };
  const auto when = [&](const char* key) {
    return relative_time(text_of(job, key), session.now());
  };
  line("id", text_of(job, "id"));
  line("name", text_of(job, "name"));
  out += fmt::format("{:<10} {}\n", "state",
                     paint(plain_line(state), style_of_state(state), session.terminal.color));
  line("reason", text_of(job, "reason"));
  line("progress", eta_sentence(child_of(job, "eta"), session.now()));
  line("target", eta_target(child_of(job, "eta"), session.now()));
  if (child_of(job, "exit_code").is_number_integer())
    line("exit code", std::to_string(count_of(job, "exit_code")));
  line("command", command_line(child_of(spec, "command")));
  line("folder", text_of(spec, "workdir"));
  const std::int64_t memory = count_of(resources, "memory");
  line("resources",
       fmt::format("{} CPUs, {} GPUs{}", count_of(resources, "cpus"), count_of(resources, "gpus"),
                   memory > 0 ? ", " + format_bytes(memory) : ""));
  line("team", fmt::format("{} ({})", text_of(job, "team"), text_of(job, "priority_class")));
  line("by", text_of(job, "principal"));
  line("run", text_of(job, "run_id"));
  line("created", when("created_at"));
  line("started", when("started_at"));
  line("finished", when("finished_at"));
  line("ran for",
       elapsed_time(text_of(job, "started_at"), text_of(job, "finished_at"), session.now()));
  const Json& attempts = child_of(job, "attempt_list");
  if (attempts.is_array()) out += attempts_table(session, attempts);
  print_out(out);
  return 0;
}

Action with_job(Session& session, Options& options,
                Result<int> (*action)(Session&, const std::string&)) {
  auto job = std::make_shared<std::string>();
  options.positional("JOB", *job, "Id of the job, its beginning or end, or last");
  return [&session, job, action] { return action(session, *job); };
}

}  // namespace

void add_job_list_commands(std::vector<Command>& commands, Session& session) {
  const auto show = [&session](Options& options) { return with_job(session, options, show_job); };
  commands.push_back(
      {.name = "jobs",
       .help = "List jobs, newest first",
       .group = kJobGroup,
       .aliases = {"job"},
       .examples = {"galley jobs", "galley jobs --state queued,running --watch",
                    "galley jobs --filter 'team = \"nlp\" and gpus >= 4'", "galley jobs show last"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<ListOptions>();
         options.text("--state", wanted->state, "STATE,…", "Only jobs in these states")
             .text("--team", wanted->team, "TEAM", "Only this team's")
             .text("--filter", wanted->filter, "EXPRESSION", "Over name, team, state, gpus, …")
             .number("-n,--limit", wanted->limit, "N", "How many; 50 when absent")
             .flag("-w,--watch", wanted->watch, "Show every change until Ctrl-C");
         return [&session, wanted] { return list_jobs(session, *wanted); };
       },
       .children = {{.name = "show", .help = "Everything about one job", .define = show}}});
  commands.push_back({.name = "show",
                      .help = "Everything about one job",
                      .group = kJobGroup,
                      .examples = {"galley show last", "galley show JOB --json"},
                      .define = show});
}

}  // namespace galley::cli
