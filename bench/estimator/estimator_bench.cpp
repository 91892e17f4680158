#include "estimator/estimator_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <set>

#include "estimator/advice.h"
#include "estimator/export_model.h"
#include "estimator/protocols.h"

namespace galley::bench {
namespace {

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Says it on stderr, and keeps it among the details of the report.
void note(const std::string& what, const ErrorSummary& errors, BenchReport& report) {
  report.details[what] = {{"rows", errors.count},
                          {"mdape_pct", errors.mdape_pct},
                          {"mape_pct", errors.mape_pct},
                          {"p90_pct", errors.p90_pct},
                          {"interval90_coverage_pct", errors.coverage_pct},
                          {"interval90_width_ratio_median", errors.width_ratio_median}};
  fmt::print(stderr,
             "{:<44} {:>5.0f} rows  MdAPE {:6.2f} %  MAPE {:6.2f} %  p90 {:6.1f} %  90 % interval "
             "covers {:5.1f} %, width {:.2f}\n",
             what, errors.count, errors.mdape_pct, errors.mape_pct, errors.p90_pct,
             errors.coverage_pct, errors.width_ratio_median);
}

/// Coverage and width over all tables, each with equal weight: one table has most of the rows.
struct Intervals {
  double coverage_pct = 0;
  double width = 0;
  double tables = 0;

  void add(const ErrorSummary& errors) {
    coverage_pct += errors.coverage_pct;
    width += errors.width_ratio_median;
    ++tables;
  }
  void put(std::map<std::string, double>& figures) const {
    if (tables == 0) return;
    figures["interval90_coverage_pct"] = coverage_pct / tables;
    figures["interval90_width_ratio_median"] = width / tables;
  }
};

void put(std::map<std::string, double>& figures, const std::string& name,
         const ErrorSummary& errors) {
  figures[name + "_mdape_pct"] = errors.mdape_pct;
  figures[name + "_mape_pct"] = errors.mape_pct;
}

/// Cross-validation of one table over all seeds; figures are of all of them together.
Result<std::vector<Scored>> seeds_together(const char* name, const std::vector<Record>& records,
                                           const EstimatorBenchOptions& options,
                                           BenchReport& report,
                                           Apart apart = Apart::configurations) {
  std::vector<Scored> all;
  for (std::int64_t seed = 1; seed <= options.seeds; ++seed) {
    GALLEY_TRY(const auto scored, cross_validate(records, static_cast<std::uint64_t>(seed), apart));
    all.insert(all.end(), scored.begin(), scored.end());
  }
  note(name, summarise(all), report);
  return all;
}

/// Readings of a table whose configurations were measured several times, by name: whole
/// configurations left out instead of single records; the median of their measurements estimated
/// instead of each; and how far measurements of one configuration lie from each other.
Status repeated_figures(const std::vector<Record>& pollux, const EstimatorBenchOptions& options,
                        BenchReport& report) {
  auto& figures = report.figures;
  GALLEY_TRY(const auto grouped,
             seeds_together("pollux, whole configurations", pollux, options, report));
  put(figures, "pollux_configurations", summarise(grouped));
  put(figures, "pollux_configurations_beside_median", summarise(against_medians(pollux, grouped)));
  GALLEY_TRY(const auto medians, seeds_together("pollux, medians of repeats",
                                                median_of_repeats(pollux), options, report));
  put(figures, "pollux_medians", summarise(medians));
  figures["pollux_noise_floor_pct"] = repeated_mape_pct(pollux);
  return ok();
}

Status cross_validated_figures(const Datasets& sets, const EstimatorBenchOptions& options,
                               BenchReport& report) {
  auto& figures = report.figures;
  Intervals intervals;
  struct Table {
    const char* name;
    const std::vector<Record>* records;
  };
  for (const Table& table : {Table{"gavel", &sets.gavel}, Table{"lambda", &sets.lambda},
                             Table{"pollux", &sets.pollux}, Table{"neusight", &sets.neusight}}) {
    if (table.records->empty()) continue;
    auto once = options;
    if (table.records->size() > 2'000) once.seeds = 1;
    // The floors in the research were measured on random single records; gavel and lambda list
    // nothing twice, so that only for pollux it is another protocol.
    const bool repeats = table.records == &sets.pollux;
    if (repeats) GALLEY_TRY_STATUS(repeated_figures(*table.records, once, report));
    GALLEY_TRY(const auto scored, seeds_together(table.name, *table.records, once, report,
                                                 repeats ? Apart::records : Apart::configurations));
    const auto errors = summarise(scored);
    put(figures, table.name, errors);
    figures[std::string(table.name) + "_interval90_coverage_pct"] = errors.coverage_pct;
    intervals.add(errors);
    if (table.records == &sets.lambda) {
      const auto regret = cost_regret(scored);
      figures["cost_regret_median_pct"] = regret.median_pct;
      figures["cost_regret_p90_pct"] = regret.p90_pct;
      figures["missed_deadlines_pct"] = regret.missed_deadlines_pct;
    }
  }
  if (!sets.neusight.empty()) figures["neusight_mean_pct"] = figures["neusight_mape_pct"];
  intervals.put(figures);
  return ok();
}

void put_unseen(const std::string& name, const UnseenGpu& unseen, BenchReport& report) {
  struct Reading {
    const char* words;
    const char* figure;
    const std::vector<Scored>* scored;
  };
  for (const auto& reading :
       {Reading{"no probe", "", &unseen.without_probe},
        Reading{"one probe of any job", "_any_probe", &unseen.one_probe},
        Reading{"one probe of the network", "_network_probe", &unseen.probe_of_network},
        Reading{"one probe of the job", "_one_probe", &unseen.probe_of_job},
        Reading{"one probe of each network", "_probe_of_each_network", &unseen.probe_of_each}}) {
    if (reading.scored->empty()) continue;
    const auto errors = summarise(*reading.scored);
    note(fmt::format("{}, unseen GPU, {}", name, reading.words), errors, report);
    put(report.figures, name + "_unseen_gpu" + reading.figure, errors);
  }
}

/// Does a probe of a network that nobody has trained help?
Status put_unseen_networks(const std::string& name, const std::vector<Record>& records,
                           BenchReport& report) {
  if (records.empty()) return ok();
  GALLEY_TRY(const auto unseen, leave_networks_out(records));
  for (const auto& [probes, scored] :
       {std::pair{"0", &unseen.without_probe}, std::pair{"1", &unseen.one_probe},
        std::pair{"any_1", &unseen.any_probe}, std::pair{"3", &unseen.three_probes}}) {
    const auto errors = summarise(*scored);
    if (scored->empty()) continue;
    note(fmt::format("{}, unseen network, probes: {}", name, probes), errors, report);
    put(report.figures, fmt::format("{}_unseen_network_probes_{}", name, probes), errors);
  }
  return ok();
}

Status split_figures(const Datasets& sets, BenchReport& report) {
  auto& figures = report.figures;
  for (const auto& [name, records] : kDatasetTables) {
    const auto& table = sets.*records;
    if (table.empty()) continue;
    GALLEY_TRY(const auto unseen, leave_gpus_out(table));
    put_unseen(name, unseen, report);
    GALLEY_TRY_STATUS(put_unseen_networks(name, table, report));
  }
  if (!sets.elasticflow.empty()) {
    GALLEY_TRY(const auto scored, fit_and_score(sets.elasticflow, [](const Record& record) {
                 return record.row.job.gpus <= 8;
               }));
    const auto errors = summarise(scored);
    note("elasticflow, 1-8 to 16-64 GPUs", errors, report);
    put(figures, "elasticflow", errors);
  }
  return ok();
}

bool has_new_gpus(const std::vector<Record>& fit, const std::vector<Record>& test) {
  std::set<std::string> known;
  for (const Record& record : fit) known.insert(record.row.job.gpu.name);
  return std::ranges::none_of(
      test, [&](const Record& record) { return known.contains(record.row.job.gpu.name); });
}

/// Estimates of tables that the fit has not seen: other devices, networks, placements.
Status transfer_figures(const Datasets& fit, const Datasets& test, BenchReport& report) {
  auto& figures = report.figures;
  Intervals intervals;
  for (const auto& [name, records] : kDatasetTables) {
    const auto& learned = fit.*records;
    const auto& asked = test.*records;
    if (learned.empty() || asked.empty()) continue;
    if (has_new_gpus(learned, asked)) {
      GALLEY_TRY(const auto unseen, unseen_gpus(learned, asked));
      put_unseen(name, unseen, report);
    }
    for (const std::size_t probes : {0U, 1U, 3U}) {
      GALLEY_TRY(const auto scored, with_probes(learned, asked, probes));
      const auto errors = summarise(scored);
      note(fmt::format("{}, {} probes a network", name, probes), errors, report);
      put(figures, probes == 0 ? std::string(name) : fmt::format("{}_probes_{}", name, probes),
          errors);
      if (probes == 0) intervals.add(errors);
      if (probes == 0 && &asked == &test.lambda) {
        const auto regret = cost_regret(scored);
        figures["cost_regret_median_pct"] = regret.median_pct;
        figures["cost_regret_p90_pct"] = regret.p90_pct;
      }
    }
  }
  if (figures.empty())
    return Error{Errc::invalid_argument, "no table is in both folders, --fit and --test", "--test",
                 "other rows of a table that --fit has"};
  if (!fit.neusight.empty() && !test.neusight.empty())
    figures["neusight_mean_pct"] = figures["neusight_mape_pct"];
  intervals.put(figures);
  return ok();
}

/// Records such as a busy cluster collects: networks, devices, sizes and noise drawn at random.
estimator::FitRows synthetic_rows(std::size_t count) {
  std::mt19937_64 random(1);
  const auto networks = estimator::known_networks();
  const auto gpus = estimator::known_gpus();
  const estimator::PhysicsModel truth;
  std::normal_distribution<double> normal;
  estimator::FitRows rows;
  std::vector<double> device_factor;
  std::vector<double> network_factor;
  for (std::size_t i = 0; i < 20; ++i) device_factor.push_back(0.15 * normal(random));
  for (std::size_t i = 0; i < 30; ++i) network_factor.push_back(0.3 * normal(random));
  while (rows.rows.size() < count) {
    const std::size_t network = random() % network_factor.size();
    const std::size_t gpu = random() % device_factor.size();
    estimator::JobFeatures job;
    job.network = networks[network + 2];
    job.gpu = gpus[(gpu * 4) % gpus.size()];
    job.gpus = static_cast<double>(1U << (random() % 6));
    job.nodes = std::ceil(job.gpus / 8);
    job.batch_per_gpu = static_cast<double>(8U << (random() % 6));
    job.precision = random() % 2 == 0 ? estimator::Precision::fp32 : estimator::Precision::fp16;
    const double step =
        estimator::physics_step_s(truth, job) *
        std::exp(device_factor[gpu] + network_factor[network] + 0.03 * normal(random));
    rows.rows.push_back({std::move(job), step});
  }
  return rows;
}

/// Processor time of a table of 500 different configurations, the median of nine.
Status advice_figure(const estimator::EstimatorModel& model,
                     std::map<std::string, double>& figures) {
  estimator::Workload work;
  work.job.network = estimator::known_networks()[5];
  work.global_batch = 1024;
  work.items = 1'281'167;
  work.epochs = 90;
  std::vector<estimator::Offer> offers;
  const auto gpus = estimator::known_gpus();
  for (std::size_t i = 0; i < 500; ++i) {
    estimator::Offer offer{.name = std::to_string(i), .gpu = gpus[i % gpus.size()]};
    offer.gpus = static_cast<double>(1U << (i / gpus.size()));
    offer.nodes = std::ceil(offer.gpus / 8);
    offer.usd_per_h = offer.gpus * (1 + static_cast<double>(i % 7));
    offers.push_back(std::move(offer));
  }
  std::vector<double> times;
  for (int round = 0; round < 9; ++round) {
    const double begin = processor_seconds();
    GALLEY_TRY(const auto advice, estimator::advise(model, work, offers));
    times.push_back((processor_seconds() - begin) * 1e3);
    if (advice.rows.size() != offers.size()) return Error{Errc::internal, "rows are missing"};
  }
  std::ranges::sort(times);
  figures["advice_500_ms"] = times[times.size() / 2];
  return ok();
}

Status speed_figures(std::map<std::string, double>& figures) {
  const auto data = synthetic_rows(10'000);
  const double begin = processor_seconds();
  const auto physics = estimator::fit_physics(data.rows);
  std::vector<estimator::FeatureRow> features;
  std::vector<double> targets;
  for (const auto& row : data.rows) {
    features.push_back(estimator::feature_row(row.job));
    targets.push_back(std::log(row.step_s / estimator::physics_step_s(physics, row.job)));
  }
  const estimator::DenseEncoder encoder{true, estimator::vocabulary_of(features)};
  const auto dense = estimator::encode_rows(encoder, features);
  const double after_physics = processor_seconds();
  const auto linear = estimator::fit_linear(dense, targets, 1);
  const double after_linear = processor_seconds();
  const auto cart = estimator::fit_trees(dense, targets, {.depth = 12});
  const double after_cart = processor_seconds();
  const auto forest = estimator::fit_trees(
      dense, targets, {.trees = 30, .depth = 12, .inputs_ratio = 0.3, .bootstrap = true});
  const double after_forest = processor_seconds();
  GALLEY_TRY(const auto boosting, estimator::fit_boosting(dense, targets, {}));
  const double after_boosting = processor_seconds();
  const auto kernel = estimator::fit_kernel(features, targets, {});
  const double after_kernel = processor_seconds();
  figures["fit_10k_s"] = after_kernel - begin;
  figures["fit_10k_physics_s"] = after_physics - begin;
  figures["fit_10k_linear_s"] = after_linear - after_physics;
  figures["fit_10k_cart_s"] = after_cart - after_linear;
  figures["fit_10k_forest_s"] = after_forest - after_cart;
  figures["fit_10k_boosting_s"] = after_boosting - after_forest;
  figures["fit_10k_kernel_s"] = after_kernel - after_boosting;

  const estimator::EstimatorModel model{.physics = physics,
                                        .kernel = kernel,
                                        .encoder = encoder,
                                        .trees = boosting,
                                        .kernel_weight = 0.5,
                                        .errors = {},
                                        .probed_errors = {},
                                        .probed = {},
                                        .unprobed = {},
                                        .records = 10'000};
  constexpr std::size_t kAsked = 3'000;
  double sum = evaluate(linear, dense.row(0)) + evaluate(cart, dense.row(0)) +
               evaluate(forest, dense.row(0));
  const double before = processor_seconds();
  for (std::size_t i = 0; i < kAsked; ++i) {
    GALLEY_TRY(const auto estimate, estimator::predict(model, data.rows[i].job));
    sum += estimate.step_s;
  }
  figures["predict_us"] = (processor_seconds() - before) / kAsked * 1e6;
  GALLEY_TRY_STATUS(advice_figure(model, figures));
  const double before_whole = processor_seconds();
  GALLEY_TRY(const auto whole, estimator::fit_estimator(data));
  figures["fit_10k_with_intervals_s"] = processor_seconds() - before_whole;
  sum += whole.records;
  if (!std::isfinite(sum)) return Error{Errc::internal, "an estimate is not finite"};
  return ok();
}

Status print_report(const char* name, const std::vector<Record>& records) {
  std::vector<const Record*> all;
  for (const Record& record : records) all.push_back(&record);
  if (all.empty()) return ok();
  GALLEY_TRY(const auto compared,
             estimator::compare_models(fit_rows(all), kReportFolds, kReportSeed));
  fmt::print(stderr,
             "\n{}: {} rows, 5 folds\n{:<10} {:<9} {:<8} {:>8} {:>8} {:>7} {:>7} {:>8}  {}\n", name,
             all.size(), "model", "features", "physics", "MdAPE %", "MAPE %", "R2", "<=15 %",
             "p95 %", "settings");
  for (const auto& one : compared) {
    fmt::print(stderr, "{:<10} {:<9} {:<8} {:>8.2f} {:>8.2f} {:>7.3f} {:>7.1f} {:>8.1f}  {}\n",
               one.model, one.features, one.with_physics ? "yes" : "no", one.mdape_pct,
               one.mape_pct, one.r2, one.within_15_pct,
               one.error_pct_cdf.empty() ? 0 : one.error_pct_cdf[19], one.settings);
    for (const auto& tried : one.tried) fmt::print(stderr, "             tried {}\n", tried);
  }
  return ok();
}

}  // namespace

Result<BenchReport> run_estimator_bench(const EstimatorBenchOptions& options) {
  BenchReport report{.name = "estimator", .figures = {}, .peers = {}, .seeds = {}};
  const bool transfers = !options.fit.empty() || !options.test.empty();
  if (transfers && (options.fit.empty() || options.test.empty()))
    return Error{Errc::invalid_argument, "--fit and --test are given together"};
  GALLEY_TRY(const auto sets, read_datasets(transfers ? options.fit : options.data));
  if (std::ranges::all_of(kDatasetTables,
                          [&](const DatasetTable& table) { return (sets.*table.records).empty(); }))
    return Error{
        .code = Errc::not_found,
        .message = "there is no table in " + (transfers ? options.fit : options.data).string(),
        .field = {},
        .expected = "folders gavel, lambda, pollux, elasticflow or neusight"};
  if (!options.exported.empty() || !options.rows.empty()) {
    if (!options.rows.empty()) GALLEY_TRY_STATUS(export_rows(sets, options.rows, report.figures));
    if (!options.exported.empty()) GALLEY_TRY_STATUS(export_model(sets, options, report.figures));
    return report;
  }
  if (transfers) {
    GALLEY_TRY(const auto test, read_datasets(options.test));
    GALLEY_TRY_STATUS(transfer_figures(sets, test, report));
  } else {
    GALLEY_TRY_STATUS(cross_validated_figures(sets, options, report));
    GALLEY_TRY_STATUS(split_figures(sets, report));
    for (std::int64_t seed = 1; seed <= options.seeds; ++seed) report.seeds.push_back(seed);
  }
  GALLEY_TRY_STATUS(speed_figures(report.figures));
  if (options.report) {
    GALLEY_TRY_STATUS(print_report("gavel", sets.gavel));
    GALLEY_TRY_STATUS(print_report("lambda", sets.lambda));
    GALLEY_TRY_STATUS(print_report("pollux", sets.pollux));
    GALLEY_TRY_STATUS(print_report("neusight", sets.neusight));
  }
  return report;
}

}  // namespace galley::bench
