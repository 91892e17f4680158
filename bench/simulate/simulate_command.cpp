#include "simulate/simulate_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "simulate/progress_bar.h"
#include "simulate/server_history.h"
#include "simulate/simulate_table.h"
#include "simulation/simulate.h"
#include "simulation/what_if.h"

namespace galley::bench {
namespace {

std::string help_text() {
  std::string text = R"(Examples:
  galley simulate --jobs traces/philly --cluster 64x8
      what became of those jobs under Galley and three peers, as a table
  galley simulate --jobs traces/philly --cluster 64x8 --policy galley,sjf-exact --html page.html
      the same as a page with plots that can be mailed
  galley simulate --from-history 30d --html page.html
      the last 30 days of the running server, on the nodes that it has
  galley simulate --what-if "add 4xH100x8" --from-history 30d
      whether buying nodes would help, and what would help for nothing

A trace is a folder with philly_jobs.csv or one openb_pod_list_*.csv, one of these files, or a file
with what `galley jobs --json` prints. A cluster is 64x8, 4xH100x8, parts joined by +, or a JSON file
of kind cluster with nodes, teams and guarantees.

Policies:
)";
  for (const simulation::PolicyKind& kind : simulation::policy_kinds())
    text += fmt::format("  {:<14} {}\n", kind.name, kind.help);
  return text;
}

ServerChoice server_of(const SimulateCommand& command, const std::filesystem::path& galley) {
  return {galley, command.server, command.data, command.token};
}

Result<simulation::Trace> trace_of(const SimulateCommand& command,
                                   const std::filesystem::path& galley) {
  auto trace = command.jobs.empty() ? history_of(server_of(command, galley))
                                    : simulation::read_trace(command.jobs);
  if (!trace || command.from_history.empty()) return trace;
  auto length = parse_duration(command.from_history);
  if (!length) {
    auto error = std::move(length).error();
    error.field = "--from-history";
    return error;
  }
  const WallTime last = trace->jobs.back().submit;
  return simulation::cut(*std::move(trace), {.from = last - *length});
}

Result<simulation::Cluster> cluster_for(const SimulateCommand& command,
                                        const simulation::Trace& trace,
                                        const std::filesystem::path& galley) {
  auto cluster = command.cluster.empty() ? cluster_of(server_of(command, galley))
                                         : simulation::read_cluster(command.cluster);
  if (cluster && command.guarantees == "share") simulation::guarantee_by_share(*cluster, trace);
  return cluster;
}

std::vector<std::string> names_in(const std::string& list) {
  std::vector<std::string> names;
  for (const std::string_view name : split(list, ',')) names.emplace_back(trim(name));
  return names;
}

Status check(const SimulateCommand& command) {
  if (!command.jobs.empty() && command.cluster.empty())
    return Error{Errc::invalid_argument, "the jobs are from a trace, on no cluster", "--cluster",
                 "a cluster such as 64x8"};
  if (!command.what_if.empty() && !command.html.empty())
    return Error{Errc::invalid_argument, "the answer to --what-if is a sentence, not a page",
                 "--html", "--json, or a simulation without --what-if"};
  return ok();
}

Result<Json> answer_what_if(const SimulateCommand& command, const simulation::Trace& trace,
                            const simulation::Cluster& today,
                            const simulation::SimulateOptions& options) {
  GALLEY_TRY(const auto added, simulation::parse_change(command.what_if));
  GALLEY_TRY(const auto result, simulation::what_if(trace, today, added, options));
  if (!command.json) fmt::print("{}\n", result.answer);
  return simulation::to_json(result, trace.teams);
}

}  // namespace

void add_simulate_options(CLI::App& app, SimulateCommand& command) {
  app.footer(help_text());
  app.add_option("--jobs", command.jobs, "Folder or file with a trace; else the server's history");
  app.add_option("--cluster", command.cluster,
                 "64x8, 4xH100x8+8xA100x4, or a JSON file; else the "
                 "server's nodes");
  app.add_option("--policy", command.policies, "Names of policies, joined by commas")
      ->capture_default_str();
  app.add_option("--guarantees", command.guarantees,
                 "Where the cluster states none: share gives each team whole nodes by its share of "
                 "the trace's GPU time, none leaves all GPUs to everybody")
      ->check(CLI::IsMember({"share", "none"}))
      ->capture_default_str();
  app.add_option("--what-if", command.what_if, "A change such as \"add 4xH100x8\": would it help?");
  app.add_option("--from-history", command.from_history,
                 "Only jobs submitted that long before the last one, such as 30d");
  app.add_option("--html", command.html, "Write a page with plots to this file");
  app.add_flag("--json", command.json, "End stdout with the result as one JSON object");
  app.add_option("--server", command.server, "Of the history: http://HOST:PORT or a socket's path");
  app.add_option("--data", command.data, "Of the history: the server of this data folder");
  app.add_option("--token", command.token, "Of the history: instead of the stored one");
  app.add_option("--seed", command.seed, "Of the random errors of easy-noisy")
      ->capture_default_str();
  app.add_option("--threads", command.threads, "Replays at once; 0: one for each core")
      ->capture_default_str();
}

Result<Json> run_simulate(const SimulateCommand& command, const std::filesystem::path& galley) {
  GALLEY_TRY_STATUS(check(command));
  GALLEY_TRY(auto trace, trace_of(command, galley));
  GALLEY_TRY(auto cluster, cluster_for(command, trace, galley));
  simulation::SimulateOptions options{.policies = names_in(command.policies),
                                      .policy = {.seed = command.seed},
                                      .threads = command.threads,
                                      .progress = {}};
  ProgressBar bar("replaying");
  options.progress = [&bar](double ratio) { bar.show(ratio); };
  if (!command.what_if.empty()) return answer_what_if(command, trace, cluster, options);

  GALLEY_TRY(auto workload, simulation::prepare(std::move(trace), std::move(cluster)));
  GALLEY_TRY(const auto result, simulation::simulate(std::move(workload), options));
  if (!command.html.empty())
    GALLEY_TRY_STATUS(
        write_file_atomic(command.html, simulation::to_html(result), Durability::memory));
  if (!command.json) print_simulation(result);
  return simulation::to_json(result);
}

}  // namespace galley::bench
