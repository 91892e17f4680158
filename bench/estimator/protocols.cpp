#include "estimator/protocols.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>

namespace galley::bench {
namespace {

using estimator::EstimatorModel;
using estimator::Familiarity;

std::vector<const Record*> pointers(const std::vector<Record>& records) {
  std::vector<const Record*> all;
  for (const Record& record : records) all.push_back(&record);
  return all;
}

double quantile_of(std::vector<double> values, double at) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(at * static_cast<double>(values.size() - 1) + 0.5)];
}

/// A row that a user would measure first: few GPUs, together, a middle batch.
std::vector<const Record*> in_probe_order(std::vector<const Record*> records) {
  std::vector<double> batches;
  for (const Record* record : records) batches.push_back(record->row.job.batch_per_gpu);
  const double middle = quantile_of(std::move(batches), 0.5);
  std::ranges::sort(records, {}, [&](const Record* record) {
    const auto& job = record->row.job;
    return std::tuple(job.gpus, job.nodes, std::abs(std::log(job.batch_per_gpu / middle)),
                      record->configuration);
  });
  return records;
}

/// Probes spread over the rows in probe order: the first, then the middle, then the last.
std::vector<const Record*> choose_probes(std::vector<const Record*> records, std::size_t count) {
  records = in_probe_order(std::move(records));
  std::vector<const Record*> chosen;
  const std::size_t last = records.size() - 1;
  for (const std::size_t at : {std::size_t{0}, last / 2, last})
    if (chosen.size() < count && std::ranges::find(chosen, records[at]) == chosen.end())
      chosen.push_back(records[at]);
  return chosen;
}

/// Calibrates on the probes and scores the rows that do not measure the same configuration.
Status probe_and_score(const EstimatorModel& model, const std::vector<const Record*>& probes,
                       const std::vector<const Record*>& records, std::vector<Scored>& out) {
  std::vector<estimator::Observation> observed;
  for (const Record* probe : probes) observed.push_back(probe->row);
  GALLEY_TRY(const auto calibrated, estimator::calibrate(model, observed));
  std::vector<const Record*> rest;
  for (const Record* record : records)
    if (std::ranges::none_of(probes, [&](const Record* probe) {
          return probe->configuration == record->configuration;
        }))
      rest.push_back(record);
  return score(calibrated, rest, out);
}

Status add_unseen_gpu(const EstimatorModel& model, const std::vector<const Record*>& rows,
                      UnseenGpu& out) {
  GALLEY_TRY_STATUS(score(model, rows, out.without_probe));
  // Every tenth row serves as the only probe once, so that no lucky one decides.
  for (std::size_t i = 0; i < rows.size(); i += std::max<std::size_t>(rows.size() / 10, 1))
    GALLEY_TRY_STATUS(probe_and_score(model, {rows[i]}, rows, out.one_probe));
  std::map<std::string, std::vector<const Record*>> by_network;
  std::map<std::string, std::vector<const Record*>> by_job;
  for (const Record* row : rows) {
    by_network[row->row.job.network.name].push_back(row);
    by_job[estimator::physics_key(row->row.job, true)].push_back(row);
  }
  for (const auto& [network, group] : by_network)
    GALLEY_TRY_STATUS(probe_and_score(model, choose_probes(group, 1), group, out.probe_of_network));
  std::vector<const Record*> of_each;
  for (const auto& [job, group] : by_job)
    GALLEY_TRY_STATUS(probe_and_score(model, choose_probes(group, 1), group, out.probe_of_job));
  for (const auto& [network, group] : by_network)
    of_each.push_back(choose_probes(group, 1).front());
  return probe_and_score(model, of_each, rows, out.probe_of_each);
}

std::map<std::string, std::vector<const Record*>> by_gpu(const std::vector<Record>& records) {
  std::map<std::string, std::vector<const Record*>> groups;
  for (const Record& record : records) groups[record.row.job.gpu.name].push_back(&record);
  return groups;
}

struct Choice {
  double cost = 0;  // of all items
  double seconds = 0;
  double estimated_cost = 0;
  double estimated_seconds = 0;
};

void add_regret(const std::vector<Choice>& choices, double deadline, std::vector<double>& regrets,
                std::size_t& missed, std::size_t& asked) {
  const Choice* chosen = nullptr;
  const Choice* best = nullptr;
  for (const Choice& choice : choices) {
    if (choice.seconds <= deadline && (best == nullptr || choice.cost < best->cost)) best = &choice;
    if (choice.estimated_seconds <= deadline &&
        (chosen == nullptr || choice.estimated_cost < chosen->estimated_cost))
      chosen = &choice;
  }
  if (best == nullptr || chosen == nullptr) return;
  ++asked;
  if (chosen->seconds > deadline) ++missed;
  regrets.push_back(100 * std::max(chosen->cost / best->cost - 1, 0.0));
}

}  // namespace

ErrorSummary summarise(const std::vector<Scored>& scored) {
  std::vector<double> errors;
  std::vector<double> widths;
  ErrorSummary summary{.count = static_cast<double>(scored.size())};
  if (scored.empty()) return summary;
  for (const auto& one : scored) {
    errors.push_back(100 * std::abs(std::exp(one.log_error) - 1));
    widths.push_back(one.width_ratio);
    summary.mape_pct += errors.back() / summary.count;
    summary.coverage_pct += (one.covered ? 100.0 : 0.0) / summary.count;
  }
  summary.mdape_pct = quantile_of(errors, 0.5);
  summary.p90_pct = quantile_of(errors, 0.9);
  summary.width_ratio_median = quantile_of(widths, 0.5);
  return summary;
}

estimator::FitRows fit_rows(const std::vector<const Record*>& records) {
  estimator::FitRows rows;
  for (const Record* record : records) {
    rows.rows.push_back(record->row);
    rows.groups.push_back(record->configuration);
  }
  return rows;
}

Status score(const EstimatorModel& model, const std::vector<const Record*>& records,
             std::vector<Scored>& out) {
  for (const Record* record : records) {
    if (!record->counted) continue;
    GALLEY_TRY(const auto estimate, estimator::predict(model, record->row.job));
    const double actual = record->row.step_s;
    out.push_back({record, std::log(estimate.step_s / actual),
                   estimate.step_s_low <= actual && actual <= estimate.step_s_high,
                   (estimate.step_s_high - estimate.step_s_low) / actual});
  }
  return ok();
}

Result<std::vector<Scored>> cross_validate(const std::vector<Record>& records, std::uint64_t seed,
                                           Apart apart) {
  constexpr std::size_t kFolds = 5;
  const auto all = pointers(records);
  const auto rows_of = [&](const std::vector<const Record*>& some) {
    auto rows = fit_rows(some);
    if (apart == Apart::records) rows.groups.clear();
    return rows;
  };
  const auto folds = estimator::grouped_folds(rows_of(all), kFolds, seed);
  std::vector<Scored> scored;
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<const Record*> learned;
    std::vector<const Record*> asked;
    for (std::size_t i = 0; i < all.size(); ++i)
      (folds[i] == fold ? asked : learned).push_back(all[i]);
    GALLEY_TRY(const auto model, estimator::fit_estimator(rows_of(learned)));
    GALLEY_TRY_STATUS(score(model, asked, scored));
  }
  return scored;
}

Result<std::vector<Scored>> fit_and_score(const std::vector<Record>& records,
                                          const std::function<bool(const Record&)>& learn) {
  std::vector<const Record*> learned;
  std::vector<const Record*> asked;
  for (const Record& record : records) (learn(record) ? learned : asked).push_back(&record);
  GALLEY_TRY(const auto model, estimator::fit_estimator(fit_rows(learned)));
  std::vector<Scored> scored;
  GALLEY_TRY_STATUS(score(model, asked, scored));
  return scored;
}

Result<UnseenGpu> leave_gpus_out(const std::vector<Record>& records) {
  UnseenGpu out;
  for (const auto& [gpu, rows] : by_gpu(records)) {
    std::vector<const Record*> learned;
    for (const Record& record : records)
      if (record.row.job.gpu.name != gpu) learned.push_back(&record);
    if (learned.size() < 20) continue;
    GALLEY_TRY(const auto model, estimator::fit_estimator(fit_rows(learned)));
    GALLEY_TRY_STATUS(add_unseen_gpu(model, rows, out));
  }
  return out;
}

Result<UnseenGpu> unseen_gpus(const std::vector<Record>& fit, const std::vector<Record>& test) {
  UnseenGpu out;
  GALLEY_TRY(const auto model, estimator::fit_estimator(fit_rows(pointers(fit))));
  for (const auto& [gpu, rows] : by_gpu(test)) GALLEY_TRY_STATUS(add_unseen_gpu(model, rows, out));
  return out;
}

Result<std::vector<Scored>> with_probes(const std::vector<Record>& fit,
                                        const std::vector<Record>& test, std::size_t probes) {
  GALLEY_TRY(const auto model, estimator::fit_estimator(fit_rows(pointers(fit))));
  std::vector<Scored> scored;
  std::map<std::string, std::vector<const Record*>> by_network;
  for (const Record& row : test) by_network[row.row.job.network.name].push_back(&row);
  for (const auto& [network, rows] : by_network)
    GALLEY_TRY_STATUS(probe_and_score(model, choose_probes(rows, probes), rows, scored));
  return scored;
}

Result<UnseenNetwork> leave_networks_out(const std::vector<Record>& records) {
  std::map<std::string, std::vector<const Record*>> by_network;
  for (const Record& record : records) by_network[record.row.job.network.name].push_back(&record);
  UnseenNetwork out;
  for (const auto& [network, rows] : by_network) {
    std::vector<const Record*> learned;
    for (const Record& record : records)
      if (record.row.job.network.name != network) learned.push_back(&record);
    if (learned.size() < 20 || rows.size() < 4) continue;
    GALLEY_TRY(const auto model, estimator::fit_estimator(fit_rows(learned)));
    GALLEY_TRY_STATUS(score(model, rows, out.without_probe));
    GALLEY_TRY_STATUS(probe_and_score(model, choose_probes(rows, 1), rows, out.one_probe));
    GALLEY_TRY_STATUS(probe_and_score(model, choose_probes(rows, 3), rows, out.three_probes));
    for (std::size_t i = 0; i < rows.size(); i += std::max<std::size_t>(rows.size() / 6, 1))
      GALLEY_TRY_STATUS(probe_and_score(model, {rows[i]}, rows, out.any_probe));
  }
  return out;
}

double repeated_mape_pct(const std::vector<Record>& pollux) {
  std::map<std::string, std::vector<double>> same;
  for (const Record& record : pollux) {
    same[record.configuration].push_back(std::log(record.row.step_s));
  }
  double sum = 0, count = 0;
  for (const auto& [key, logs] : same) {
    if (logs.size() < 2) continue;
    const double n = static_cast<double>(logs.size());
    const double total = std::accumulate(logs.begin(), logs.end(), 0.0);
    for (const double one : logs) {
      const double others = (total - one) / (n - 1);
      sum += 100 * std::abs(std::exp(others - one) - 1) / std::sqrt(1 + 1 / (n - 1));
      ++count;
    }
  }
  return count > 0 ? sum / count : 0;
}

std::vector<Record> median_of_repeats(const std::vector<Record>& records) {
  std::map<std::string, std::vector<const Record*>> same;
  for (const Record& record : records) same[record.configuration].push_back(&record);
  std::vector<Record> result;
  for (const auto& [key, repeats] : same) {
    std::vector<double> steps;
    for (const Record* one : repeats) steps.push_back(one->row.step_s);
    result.push_back(*repeats.front());
    result.back().row.step_s = quantile_of(std::move(steps), 0.5);
    result.back().row.job.context.clear();  // of all of them, not of one
  }
  return result;
}

std::vector<Scored> against_medians(const std::vector<Record>& records,
                                    const std::vector<Scored>& scored) {
  constexpr std::size_t kLeastRepeats = 3;
  std::map<std::string, std::vector<double>> same;
  for (const Record& record : records)
    same[record.configuration].push_back(std::log(record.row.step_s));
  std::vector<Scored> result;
  for (Scored one : scored) {
    const auto& logs = same[one.record->configuration];
    if (logs.size() < kLeastRepeats) continue;
    one.log_error += std::log(one.record->row.step_s) - quantile_of(logs, 0.5);
    result.push_back(one);
  }
  return result;
}

Regret cost_regret(const std::vector<Scored>& scored) {
  std::map<std::string, std::vector<Choice>> tasks;
  for (const auto& one : scored) {
    const auto& job = one.record->row.job;
    if (!(one.record->price_per_h > 0)) continue;
    // Seconds of one item on all GPUs: batches differ between devices, the training does not.
    const double seconds = one.record->row.step_s / (job.batch_per_gpu * job.gpus);
    const double estimated = seconds * std::exp(one.log_error);
    const double hourly = one.record->price_per_h;
    tasks[job.network.name + "/" + std::string(to_string(job.precision))].push_back(
        {seconds * hourly, seconds, estimated * hourly, estimated});
  }
  std::vector<double> regrets;
  std::size_t missed = 0;
  std::size_t asked = 0;
  for (const auto& [task, choices] : tasks) {
    if (choices.size() < 3) continue;
    std::vector<double> seconds;
    for (const Choice& choice : choices) seconds.push_back(choice.seconds);
    add_regret(choices, 1e300, regrets, missed, asked);
    // A deadline lies half between two possible times, not on one of them.
    for (const double share : {0.25, 0.5, 0.75})
      add_regret(choices, quantile_of(seconds, share) * 1.05, regrets, missed, asked);
  }
  return {quantile_of(regrets, 0.5), quantile_of(regrets, 0.9),
          asked == 0 ? 0 : 100 * static_cast<double>(missed) / static_cast<double>(asked)};
}

}  // namespace galley::bench
