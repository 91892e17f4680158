#include "eta_prior.h"

#include <cmath>
#include <map>
#include <string>

#include "statistics.h"

namespace galley::bench {
namespace {

struct PriorRow {
  std::size_t kind;  // program and precision
  std::size_t program;
  std::size_t machine;
  double log_step;  // mean after the first interval
  double log_count;
};

std::size_t number_of(std::map<std::string, std::size_t>& numbers, const std::string& name) {
  return numbers.try_emplace(name, numbers.size()).first->second;
}

/// Effects of kinds and machines without the rows of one kind on one machine.
class AdditiveFit {
 public:
  AdditiveFit(const std::vector<PriorRow>& rows, std::size_t kinds, std::size_t machines,
              const PriorRow& without)
      : kind_(kinds), machine_(machines) {
    constexpr double kRidge = 0.3;
    for (int pass = 0; pass < 15; ++pass) {
      average(rows, without, kind_, 1e-9, [&](const PriorRow& row) {
        return std::pair(row.kind, row.log_step - machine_[row.machine]);
      });
      average(rows, without, machine_, kRidge, [&](const PriorRow& row) {
        return std::pair(row.machine, row.log_step - kind_[row.kind]);
      });
    }
  }
  double at(const PriorRow& row) const { return kind_[row.kind] + machine_[row.machine]; }

 private:
  template <class Value>
  static void average(const std::vector<PriorRow>& rows, const PriorRow& without,
                      std::vector<double>& effects, double ridge, const Value& value) {
    std::vector<double> sums(effects.size());
    std::vector<double> counts(effects.size(), ridge);
    for (const PriorRow& row : rows) {
      if (row.kind == without.kind && row.machine == without.machine) continue;
      const auto [index, residual] = value(row);
      sums[index] += residual;
      counts[index] += 1;
    }
    for (std::size_t i = 0; i < effects.size(); ++i) effects[i] = sums[i] / counts[i];
  }

  std::vector<double> kind_;
  std::vector<double> machine_;
};

double expected_log_step(const std::vector<PriorRow>& rows, const PriorRow& wanted,
                         const AdditiveFit& fit) {
  double beside = 0, beside_count = 0, alike = 0, alike_weight = 0.5;
  for (const PriorRow& row : rows) {
    if (row.program != wanted.program) continue;
    if (row.kind == wanted.kind && row.machine == wanted.machine) continue;
    const double residual = row.log_step - fit.at(row);
    if (row.machine == wanted.machine) {
      beside += residual;
      beside_count += 1;
    }
    const double distance = (row.log_count - wanted.log_count) / 0.5;
    const double weight = std::exp(-0.5 * distance * distance);
    alike += weight * residual;
    alike_weight += weight;
  }
  return fit.at(wanted) + (beside_count > 0 ? 0.8 * beside / beside_count : alike / alike_weight);
}

}  // namespace

std::vector<estimator::Spread> expect_steps(const std::vector<RecordedRun>& runs) {
  std::map<std::string, std::size_t> kinds;
  std::map<std::string, std::size_t> programs;
  std::map<std::string, std::size_t> machines;
  std::vector<PriorRow> rows;
  for (const RecordedRun& run : runs) {
    double sum = 0;
    for (std::size_t i = 1; i < run.intervals_s.size(); ++i) sum += run.intervals_s[i];
    rows.push_back({.kind = number_of(kinds, run.program + "/" + run.variant),
                    .program = number_of(programs, run.program),
                    .machine = number_of(machines, run.machine),
                    .log_step = std::log(sum / static_cast<double>(run.intervals_s.size() - 1)),
                    .log_count = std::log(static_cast<double>(run.intervals_s.size()))});
  }
  std::map<std::pair<std::size_t, std::size_t>, AdditiveFit> fits;
  std::vector<double> expected;
  for (const PriorRow& row : rows) {
    const auto key = std::pair(row.kind, row.machine);
    auto found = fits.find(key);
    if (found == fits.end())
      found = fits.emplace(key, AdditiveFit(rows, kinds.size(), machines.size(), row)).first;
    expected.push_back(expected_log_step(rows, row, found->second));
  }
  std::map<std::pair<std::size_t, std::string>, double> deviations;
  std::vector<estimator::Spread> spreads;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto key = std::pair(rows[i].program, runs[i].group);
    auto found = deviations.find(key);
    if (found == deviations.end()) {
      std::vector<double> errors;
      for (std::size_t j = 0; j < rows.size(); ++j)
        if (rows[j].program == rows[i].program && runs[j].group != runs[i].group)
          errors.push_back(std::abs(rows[j].log_step - expected[j]));
      constexpr double kWithoutOthers = 0.3;
      found =
          deviations
              .emplace(key, errors.size() < 5 ? kWithoutOthers : 1.4826 * support::median(errors))
              .first;
    }
    const double decile = 1.2816 * found->second;
    spreads.push_back({.p10 = std::exp(expected[i] - decile),
                       .p50 = std::exp(expected[i]),
                       .p90 = std::exp(expected[i] + decile)});
  }
  return spreads;
}

}  // namespace galley::bench
