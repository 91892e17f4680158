// What `galley bench` starts: measurements of the real programs beside it, one JSON form for all.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/agent_bench.h"
#include "classifier/classifier_bench.h"
#include "failover/failover_bench.h"
#include "faults/faults_bench.h"
#include "fleet/fleet_bench.h"
#include "hpo/function_server.h"
#include "http/http_bench.h"
#include "kernels/kernels_bench.h"
#include "llm/llm_bench.h"
#include "llm_server_command.h"
#include "llm_vs_torch/llm_vs_torch_bench.h"
#include "locality/locality_bench.h"
#include "machine.h"
#include "metrics/metrics_bench.h"
#include "output.h"
#include "perplexity/perplexity_bench.h"
#include "placement/placement_bench.h"
#include "research_commands.h"
#include "scheduler/scheduler_bench.h"
#include "server_process.h"
#include "simulate/simulate_command.h"
#include "slurm/slurm_bench.h"
#include "start/start_bench.h"
#include "stop.h"
#include "submit/submit_bench.h"
#include "tokenizers/tokenizers_bench.h"

namespace {

using galley::Result;
using galley::bench::BenchReport;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr const char* kHelp = R"(Examples:
  galley bench start                        how soon `galley up` answers, and its memory
  galley bench http --json | tail -n 1      requests per second, as one JSON object
  galley bench classifier --data data/nsmc  accuracy and speed of the trainer, and a baseline

Each benchmark starts the programs beside this one on folders of its own and removes them. Progress
goes to stderr. With --json the last line of stdout is one object: name, figures, peers, machine,
commit, seeds, seconds. Client and server share this machine's cores.)";

struct BenchOptions {
  bool json = false;
  std::filesystem::path data = "data/nsmc";
  std::uint32_t seeds = 5;
  std::uint32_t threads = 0;
  std::optional<std::int64_t> rounds;
  std::filesystem::path trace = "data/traces/openb";
  std::string workload = "default";
  std::int64_t worlds = 20;
  std::string scale = "10000x8";
  std::int64_t queued = 100'000;
  std::int64_t nodes = 1'000;
  std::string store = "sqlite";
  std::int64_t agents = 1'000;
  std::int64_t faults = 20;
  std::filesystem::path fault_cases = "data/faults";
  std::int64_t replays = 10;
  std::int64_t seconds = 60;
  std::filesystem::path tokenizers = "data/tokenizers";
  std::filesystem::path model;
  std::filesystem::path peer;
  std::filesystem::path text = "data/lm";
  galley::bench::LlmServerBenchOptions llm_server;
};

using RunOptions = Result<BenchReport> (*)(const BenchOptions& options);

Result<BenchReport> run_http(const BenchOptions& options) {
  galley::bench::HttpBenchOptions chosen{.programs = galley::support::program_folder()};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_http_bench(chosen);
}

Result<BenchReport> run_agent(const BenchOptions& options) {
  return galley::bench::run_agent_bench(
      {.programs = galley::support::program_folder(), .seconds = options.seconds});
}

Result<BenchReport> run_fleet(const BenchOptions& options) {
  return galley::bench::run_fleet_bench(
      {.programs = galley::support::program_folder(), .agents = options.agents});
}

Result<BenchReport> run_faults(const BenchOptions& options) {
  return galley::bench::run_faults_bench({.data = options.fault_cases, .seeds = options.replays});
}

Result<BenchReport> run_failover(const BenchOptions& options) {
  return galley::bench::run_failover_bench(
      {.programs = galley::support::program_folder(), .faults = options.faults});
}

Result<BenchReport> run_slurm(const BenchOptions& options) {
  galley::bench::SlurmBenchOptions chosen{.programs = galley::support::program_folder()};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_slurm_bench(chosen);
}

Result<BenchReport> run_submit(const BenchOptions& options) {
  galley::bench::SubmitBenchOptions chosen{.programs = galley::support::program_folder()};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  chosen.on_postgresql = options.store == "postgresql";
  return galley::bench::run_submit_bench(chosen);
}

Result<BenchReport> run_start(const BenchOptions& options) {
  galley::bench::StartBenchOptions chosen{.programs = galley::support::program_folder()};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_start_bench(chosen);
}

Result<BenchReport> run_classifier(const BenchOptions& options) {
  return galley::bench::run_classifier_bench(
      {.data = options.data, .seeds = options.seeds, .threads = options.threads});
}

Result<BenchReport> run_kernels(const BenchOptions& options) {
  return galley::bench::run_kernels_bench({.threads = options.threads});
}

Result<BenchReport> run_placement(const BenchOptions& options) {
  return galley::bench::run_placement_bench(
      {.trace = options.trace, .workload = options.workload, .seeds = options.worlds});
}

Result<BenchReport> run_locality(const BenchOptions& options) {
  return galley::bench::run_locality_bench({.seeds = options.worlds});
}

Result<BenchReport> run_metrics(const BenchOptions& options) {
  galley::bench::MetricsBenchOptions chosen{.nodes = options.nodes};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_metrics_bench(chosen);
}

Result<BenchReport> run_scheduler(const BenchOptions& options) {
  galley::bench::SchedulerBenchOptions chosen{
      .nodes = 0, .gpus_of_a_node = 0, .queued = options.queued};
  const auto cross = options.scale.find('x');
  const char* const end = options.scale.data() + options.scale.size();
  if (cross != std::string::npos) {
    const auto nodes = std::from_chars(options.scale.data(), end, chosen.nodes);
    const auto gpus = std::from_chars(options.scale.data() + cross + 1, end, chosen.gpus_of_a_node);
    if (nodes.ptr != options.scale.data() + cross || gpus.ptr != end) chosen.nodes = 0;
  }
  return galley::bench::run_scheduler_bench(chosen);
}

Result<BenchReport> run_llm(const BenchOptions& options) {
  galley::bench::LlmBenchOptions chosen{.programs = galley::support::program_folder(),
                                        .model = options.model,
                                        .threads = options.threads,
                                        .peer = options.peer};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_llm_bench(chosen);
}

Result<BenchReport> run_llm_server(const BenchOptions& options) {
  auto chosen = options.llm_server;
  chosen.programs = galley::support::program_folder();
  return galley::bench::run_llm_server_bench(chosen);
}

Result<BenchReport> run_perplexity(const BenchOptions& options) {
  return galley::bench::run_perplexity_bench(
      {.model = options.model, .text = options.text, .threads = options.threads});
}

Result<BenchReport> run_tokenizers(const BenchOptions& options) {
  galley::bench::TokenizersBenchOptions chosen{.data = options.tokenizers, .text = options.text};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_tokenizers_bench(chosen);
}

Result<BenchReport> run_llm_vs_torch(const BenchOptions& options) {
  galley::bench::LlmVsTorchOptions chosen{.programs = galley::support::program_folder(),
                                          .model = options.model,
                                          .threads = options.threads};
  chosen.rounds = options.rounds.value_or(chosen.rounds);
  return galley::bench::run_llm_vs_torch_bench(chosen);
}

CLI::App* add_command(CLI::App& app, const char* name, const char* help, BenchOptions& options,
                      RunOptions run, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_flag("--json", options.json, "End stdout with the result as one JSON object");
  command->callback([run, &options, &chosen] {
    // These start no process and keep no folder, so that Ctrl-C may simply end them.
    const bool may_end = run == run_classifier || run == run_tokenizers || run == run_kernels;
    chosen = {[run, &options] { return run(options); }, may_end, options.json};
  });
  return command;
}

CLI::App* with_rounds(CLI::App* command, BenchOptions& options) {
  command->add_option("--rounds", options.rounds, "Measurements that the medians are over")
      ->check(CLI::Range(1, 1000));
  return command;
}

void add_commands(CLI::App& app, BenchOptions& options, Chosen& chosen) {
  add_llm_server_options(
      *add_command(app, "llm-server", "Streamed answers of a server with OpenAI's API", options,
                   run_llm_server, chosen),
      options.llm_server);
  with_rounds(add_command(app, "start", "First answer of `galley up`, memory at rest", options,
                          run_start, chosen),
              options);
  with_rounds(add_command(app, "http", "Requests per second and latency, by wrk", options, run_http,
                          chosen),
              options);
  with_rounds(add_command(app, "slurm", "Submit rate and submit to start beside a real Slurm",
                          options, run_slurm, chosen),
              options);
  CLI::App* submit = add_command(app, "submit", "Durable jobs per second; submit to finished",
                                 options, run_submit, chosen);
  with_rounds(submit, options);
  submit->add_option("--store", options.store, "Where the jobs are kept; each started for the run")
      ->capture_default_str()
      ->check(CLI::IsMember({"sqlite", "postgresql"}));
  CLI::App* agent = add_command(app, "agent", "What an agent takes from a machine of eight GPUs",
                                options, run_agent, chosen);
  agent->add_option("--seconds", options.seconds, "How long it is watched")
      ->capture_default_str()
      ->check(CLI::Range(5, 86'400));
  CLI::App* fleet = add_command(app, "fleet", "One controller with a thousand simulated agents",
                                options, run_fleet, chosen);
  fleet->add_option("--agents", options.agents, "How many")
      ->capture_default_str()
      ->check(CLI::Range(1, 3'500));
  CLI::App* faults = add_command(app, "faults", "GPU faults found, and programs not blamed",
                                 options, run_faults, chosen);
  faults->add_option("--data", options.fault_cases, "Folder with recorded cases")
      ->capture_default_str();
  faults->add_option("--seeds", options.replays, "Mutated replays of each case")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  CLI::App* failover =
      add_command(app, "failover", "Three controllers on one PostgreSQL, and faults", options,
                  run_failover, chosen);
  failover->add_option("--faults", options.faults, "How many, one after the other")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  CLI::App* kernels = add_command(app, "kernels", "Matrix products of every format, and the limits",
                                  options, run_kernels, chosen);
  kernels->add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
  CLI::App* placement =
      add_command(app, "placement", "GPUs allocated on a trace, and other policies", options,
                  run_placement, chosen);
  placement->add_option("--trace", options.trace, "Folder with lists of nodes and tasks")
      ->capture_default_str();
  placement->add_option("--workload", options.workload, "The list of tasks openb_pod_list_NAME.csv")
      ->capture_default_str();
  placement->add_option("--seeds", options.worlds, "Replays to average over")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000));
  CLI::App* locality = add_command(app, "locality", "Start delay with known images and data sets",
                                   options, run_locality, chosen);
  locality->add_option("--seeds", options.worlds, "Sequences of jobs to average over")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  CLI::App* metrics =
      with_rounds(add_command(app, "metrics", "Scrapes and queries of the time series of a fleet",
                              options, run_metrics, chosen),
                  options);
  metrics->add_option("--nodes", options.nodes, "Machines of eight GPUs")
      ->capture_default_str()
      ->check(CLI::Range(1, 20'000));
  CLI::App* scheduler = add_command(app, "scheduler", "Passes and guides on a large, busy fleet",
                                    options, run_scheduler, chosen);
  scheduler->add_option("--scale", options.scale, "Nodes and GPUs of each, as 10000x8")
      ->capture_default_str();
  scheduler->add_option("--queued", options.queued, "Jobs that wait")
      ->capture_default_str()
      ->check(CLI::Range(0, 10'000'000));
  CLI::App* llm = with_rounds(add_command(app, "llm", "Prompt, decode and batch speed of a model",
                                          options, run_llm, chosen),
                              options);
  llm->add_option("--model", options.model, "GGUF file or Hugging Face folder")->required();
  llm->add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
  llm->add_option("--peer", options.peer, "Folder with llama-bench and llama-batched-bench");
  CLI::App* llm_vs_torch =
      with_rounds(add_command(app, "llm-vs-torch", "Generation beside libtorch's eager operations",
                              options, run_llm_vs_torch, chosen),
                  options);
  llm_vs_torch->add_option("--model", options.model,
                           "Model in f32, f16 or bf16 (default: 125 million random weights)");
  llm_vs_torch->add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
  CLI::App* perplexity =
      add_command(app, "perplexity", "What rounding a model's weights costs on real text", options,
                  run_perplexity, chosen);
  perplexity->add_option("--model", options.model, "Model in f32, as `galley-train lm` writes it");
  perplexity->add_option("--text", options.text, "Text, or a folder of them: the held-out part")
      ->capture_default_str();
  perplexity->add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
  CLI::App* tokenizers =
      with_rounds(add_command(app, "tokenizers", "Ids of public vocabularies, and encoding speed",
                              options, run_tokenizers, chosen),
                  options);
  tokenizers->add_option("--data", options.tokenizers, "Folder of vocabularies with expected ids")
      ->capture_default_str();
  tokenizers->add_option("--text", options.text, "Folder of texts to measure the speed on")
      ->capture_default_str();
  CLI::App* classifier = add_command(app, "classifier", "Accuracy and speed of galley-train",
                                     options, run_classifier, chosen);
  classifier->add_option("--data", options.data, "Folder with a training and a test file")
      ->capture_default_str();
  classifier->add_option("--seeds", options.seeds, "Trainings to average over")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  classifier->add_option("--threads", options.threads, "Threads; 0: one for each core")
      ->capture_default_str();
}

int measure(const Chosen& chosen) {
  if (!chosen.may_end) galley::support::catch_stop_signals();
  const auto machine = describe_machine(std::filesystem::temp_directory_path());
  const auto begin = std::chrono::steady_clock::now();
  const auto report = chosen.run();
  if (galley::support::stop_requested()) return kInterrupted;
  if (!report) {
    fmt::print(stderr, "galley bench: {}\n", describe(report.error()));
    return kFailed;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (chosen.json)
    fmt::print("{}\n", galley::dump_json(to_json(*report, machine, seconds.count())));
  else
    print_table(*report);
  return 0;
}

int simulate(int argc, char** argv) {
  CLI::App app{"Replays a history of jobs on a cluster, under Galley's scheduler and others",
               "galley simulate"};
  galley::bench::SimulateCommand command;
  galley::bench::add_simulate_options(app, command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const auto machine = describe_machine(std::filesystem::temp_directory_path());
  auto result = galley::bench::run_simulate(command, galley::support::program_folder() / "galley");
  if (!result) {
    fmt::print(stderr, "galley simulate: {}\n", describe(result.error()));
    return result.error().code == galley::Errc::invalid_argument ? kUsage : kFailed;
  }
  if (command.json) fmt::print("{}\n", galley::dump_json(with_machine(*result, machine)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "simulate") return simulate(argc - 1, argv + 1);
  // For programs in other languages, which start it themselves.
  if (argc == 2 && std::string_view(argv[1]) == "hpo-functions")
    return galley::bench::serve_functions() ? 0 : kFailed;
  CLI::App app{"Measures Galley on this machine", "galley bench"};
  app.require_subcommand(1);
  app.footer(kHelp);
  BenchOptions options;
  Chosen chosen;
  add_commands(app, options, chosen);
  add_research_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return measure(chosen);
}
