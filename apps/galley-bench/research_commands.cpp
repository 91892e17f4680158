// Tuning, estimates, records of experiments.
#include "research_commands.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "estimator/estimator_bench.h"
#include "eta/eta_bench.h"
#include "hpo/hpo_bench.h"
#include "hpo_study/multifidelity_bench.h"
#include "hpo_study/scale_bench.h"
#include "hpo_study/stopgo_bench.h"
#include "server_process.h"
#include "simulate/backfill_bench.h"
#include "tracking/outage.h"
#include "tracking/tracking_bench.h"

namespace {

/// A command whose options live as long as it does.
template <class Options>
CLI::App* add_research(CLI::App& app, const char* name, const char* help, Chosen& chosen,
                       std::shared_ptr<Options> options,
                       galley::Result<galley::bench::BenchReport> (*run)(const Options&)) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_flag("--json", chosen.json, "End stdout with the result as one JSON object");
  command->callback([options = std::move(options), run, &chosen] {
    chosen.run = [options, run] { return run(*options); };
  });
  return command;
}

void add_seeds(CLI::App* command, std::int64_t& seeds, const char* help, int least = 1) {
  command->add_option("--seeds", seeds, help)
      ->capture_default_str()
      ->check(CLI::Range(least, 1000));
}

void add_estimates(CLI::App& app, Chosen& chosen) {
  auto with = std::make_shared<galley::bench::EstimatorBenchOptions>();
  with->data = "data/gauge";
  CLI::App* estimator = add_research(app, "estimator", "Errors of estimates on public tables",
                                     chosen, with, galley::bench::run_estimator_bench);
  estimator->add_option("--data", with->data, "Folder with tables of measured step times")
      ->capture_default_str();
  estimator->add_option("--fit", with->fit, "Fit on the tables of this folder, and")
      ->excludes("--data");
  estimator->add_option("--test", with->test, "estimate those of this one")->excludes("--data");
  estimator->add_flag("--report", with->report, "Every model with every kind of features");
  estimator->add_option("--export", with->exported, "Only: fit one model on all tables, into FILE");
  estimator->add_option("--rows", with->rows,
                        "Only: write the tables' rows into this folder, for galley-train dnn");
  estimator->add_option("--dnn", with->dnn, "dnn.json, to be part of what --export writes")
      ->needs("--export");
  add_seeds(estimator, with->seeds, "Random splits to average over");

  auto replays = std::make_shared<galley::bench::EtaBenchOptions>();
  replays->data = "data/gauge";
  add_research(app, "eta", "Remaining time told while recorded runs are replayed", chosen, replays,
               galley::bench::run_eta_bench)
      ->add_option("--data", replays->data, "Folder with lambda/ and mlperf/")
      ->capture_default_str();

  auto queue = std::make_shared<galley::bench::BackfillBenchOptions>();
  queue->trace = "data/traces/philly";
  CLI::App* backfill = add_research(app, "backfill", "What noisy estimates are worth to a queue",
                                    chosen, queue, galley::bench::run_backfill_bench);
  backfill->add_option("--trace", queue->trace, "A trace as for galley simulate")
      ->capture_default_str();
  backfill
      ->add_option("--cluster", queue->cluster,
                   "As for galley simulate; 64x8 suits the whole Philly trace, 12x8 its excerpt")
      ->capture_default_str();
  add_seeds(backfill, queue->seeds, "Of the errors of estimates");
}

void add_proposals(CLI::App& app, Chosen& chosen) {
  auto overhead = std::make_shared<galley::bench::HpoOverheadOptions>();
  overhead->programs = galley::support::program_folder();
  CLI::App* command =
      add_research(app, "hpo-overhead", "What a proposal and a study cost, beside Optuna", chosen,
                   overhead, galley::bench::run_hpo_overhead_bench);
  command->add_option("--peers", overhead->peers, "Folder of the peers' scripts")
      ->capture_default_str();
  command->add_option("--rounds", overhead->rounds, "Measurements that the medians are over")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));

  auto regret = std::make_shared<galley::bench::HpoRegretOptions>();
  regret->tables = "data/hpo";
  regret->programs = galley::support::program_folder();
  command = add_research(app, "hpo-regret", "How good proposals are, beside Optuna's", chosen,
                         regret, galley::bench::run_hpo_regret_bench);
  command->add_option("--tables", regret->tables, "Folder with tables of trained configurations")
      ->capture_default_str();
  command->add_option("--peers", regret->peers, "Folder of the peers' scripts and curves")
      ->capture_default_str();
  add_seeds(command, regret->seeds, "Studies of each sampler on each problem");
}

void add_studies(CLI::App& app, Chosen& chosen) {
  auto curves = std::make_shared<galley::bench::MultifidelityBenchOptions>();
  CLI::App* command = add_research(app, "hpo-multifidelity",
                                   "Hours to a target on recorded curves, beside plain ASHA",
                                   chosen, curves, galley::bench::run_multifidelity_bench);
  command->add_option("--curves", curves->curves, "Folder with recorded learning curves")
      ->capture_default_str();
  command->add_option("--permutations", curves->permutations, "Orders of the recorded trials")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));

  auto stopgo = std::make_shared<galley::bench::StopgoBenchOptions>();
  add_seeds(add_research(app, "hpo-stopgo", "Tuning on GPUs that people take back", chosen, stopgo,
                         galley::bench::run_stopgo_bench),
            stopgo->seeds, "Simulated weeks to average over");

  auto scale = std::make_shared<galley::bench::ScaleBenchOptions>();
  add_seeds(add_research(app, "hpo-scale", "Hours to a target by method and number of workers",
                         chosen, scale, galley::bench::run_scale_bench),
            scale->seeds, "Worlds to average over", 6);
}

void add_tracking(CLI::App& app, Chosen& chosen) {
  auto with = std::make_shared<galley::bench::TrackingBenchOptions>();
  with->programs = galley::support::program_folder();
  CLI::App* tracking =
      add_research(app, "tracking", "Writing, searching and reading the records of experiments",
                   chosen, with, galley::bench::run_tracking_bench);
  tracking
      ->add_option("--outage", with->outage_s,
                   "Seconds for which the server is away while a job logs")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 86'400.0));
  tracking->add_flag("--outage-only", with->outage_only, "Measure only that");

  // The job that logs meanwhile.
  auto record = std::make_shared<std::filesystem::path>();
  add_research(app, "tracking-steps", "", chosen, record, galley::bench::run_steps)
      ->group("")
      ->add_option("RECORD", *record)
      ->required();
}

}  // namespace

void add_research_commands(CLI::App& app, Chosen& chosen) {
  add_proposals(app, chosen);
  add_studies(app, chosen);
  add_estimates(app, chosen);
  add_tracking(app, chosen);
}
