#include "estimator/eta_history.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/linear_system.h"

namespace galley::estimator {
namespace {

constexpr std::size_t kMostEtaRuns = 256;
constexpr std::size_t kFewestEtaRuns = 3;
constexpr std::size_t kCoefficients = 6;
using EtaVector = std::array<double, kCoefficients>;

/// Half-widths of the likeness of runs, in natural logarithms.
constexpr double kSizeWidth = 0.6;
constexpr double kStepsWidth = 0.4;
constexpr double kWarmUpWidth = 1.0;
constexpr double kWeightOfUnlike = 1e-3;
constexpr int kReweightings = 4;

/// One earlier run at the share of progress that is asked about.
struct EtaCase {
  EtaVector features{1};  // 1, then differences to the run in question, the prior's ratio as it is
  double log_ratio = 0;   // true remaining time over the estimated one
  double weight = 0;
};

/// The run's newest state that is no further than this share of progress, and the true remaining
/// time over the estimated one. Not interpolated: between two states an epoch border may lie.
std::optional<std::pair<EtaCheckpoint, double>> eta_state_at(const EtaProfile& profile,
                                                             double ratio) {
  constexpr double kEtaRounding = 1e-9;
  const EtaCheckpoint* found = nullptr;
  for (const EtaCheckpoint& point : profile.checkpoints) {
    if (!(point.remaining_s > 0) || !(profile.total_s > point.elapsed_s)) continue;
    if (found != nullptr && point.progress_ratio > ratio + kEtaRounding) break;
    found = &point;
  }
  if (found == nullptr) return std::nullopt;
  return std::pair(*found, std::log((profile.total_s - found->elapsed_s) / found->remaining_s));
}

double bell(double distance, double width) {
  return std::exp(-0.5 * (distance / width) * (distance / width));
}

double warm_up_of(const EtaCheckpoint& point) {
  return std::clamp(point.first_log_ratio, -3.0, 3.0);
}

/// The value below which `share` of the weight lies, between neighbouring middles of weight.
double weighted_quantile(std::vector<std::pair<double, double>> values, double share) {
  std::ranges::sort(values);
  double all = 0;
  for (const auto& [value, weight] : values) all += weight;
  double sum = 0;
  double last_middle = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double middle = sum + values[i].second / 2;
    if (middle >= share * all) {
      if (i == 0) return values[0].first;
      const double gap = middle - last_middle;
      const double part = gap > 0 ? (share * all - last_middle) / gap : 1.0;
      return values[i - 1].first + (values[i].first - values[i - 1].first) * part;
    }
    sum += values[i].second;
    last_middle = middle;
  }
  return values.back().first;
}

double dot(const EtaVector& a, const EtaVector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Coefficients that make the weighted absolute deviations small, near (median, 0, 0, …).
EtaVector fit_eta_cases(const std::vector<EtaCase>& cases, double median, double deviation) {
  constexpr double kRidgeOfMedian = 0.05;
  constexpr double kRidge = 0.2;
  EtaVector coefficients{median};
  for (int pass = 0; pass < kReweightings; ++pass) {
    std::array<EtaVector, kCoefficients> matrix{};
    EtaVector right{};
    for (const EtaCase& one : cases) {
      const double residual = std::abs(one.log_ratio - dot(coefficients, one.features));
      const double weight = one.weight * deviation / std::max(residual, 0.5 * deviation);
      for (std::size_t i = 0; i < kCoefficients; ++i) {
        for (std::size_t j = 0; j < kCoefficients; ++j)
          matrix[i][j] += weight * one.features[i] * one.features[j];
        right[i] += weight * one.features[i] * one.log_ratio;
      }
    }
    matrix[0][0] += kRidgeOfMedian;
    right[0] += kRidgeOfMedian * median;
    for (std::size_t i = 1; i < kCoefficients; ++i) matrix[i][i] += kRidge;
    coefficients = solve_positive_definite(matrix, right);
  }
  return coefficients;
}

}  // namespace

void EtaHistory::add(EtaProfile profile) {
  if (profile.checkpoints.empty() || !(profile.total_progress > 0) || !(profile.total_s > 0))
    return;
  if (profiles_.size() == kMostEtaRuns) profiles_.erase(profiles_.begin());
  profiles_.push_back(std::move(profile));
}

std::optional<EtaCorrection> EtaHistory::correct(const EtaCheckpoint& now,
                                                 double total_progress) const {
  if (profiles_.size() < kFewestEtaRuns || !(now.remaining_s > 0) || !(total_progress > 0))
    return std::nullopt;
  std::vector<EtaCase> cases;
  std::size_t with_prior = 0;
  cases.reserve(profiles_.size());
  for (const EtaProfile& profile : profiles_) {
    const auto found = eta_state_at(profile, now.progress_ratio);
    if (!found) continue;
    const auto& [state, log_ratio] = *found;
    const double size = std::log(state.remaining_s / now.remaining_s);
    const double steps = std::log(profile.total_progress / total_progress);
    const double warm_up = warm_up_of(state) - warm_up_of(now);
    EtaCase one{
        .log_ratio = log_ratio,
        .weight = bell(size, kSizeWidth) * bell(steps, kStepsWidth) * bell(warm_up, kWarmUpWidth) +
                  kWeightOfUnlike};
    one.features = {1,
                    size,
                    steps,
                    warm_up,
                    state.pause_log_ratio - now.pause_log_ratio,
                    now.prior_log_ratio ? state.prior_log_ratio.value_or(0) : 0};
    with_prior += state.prior_log_ratio.has_value() ? 1 : 0;
    cases.push_back(one);
  }
  if (cases.size() < kFewestEtaRuns) return std::nullopt;

  const auto quantile = [&](double share, const auto& value_of) {
    std::vector<std::pair<double, double>> values;
    values.reserve(cases.size());
    for (const EtaCase& one : cases) values.emplace_back(value_of(one), one.weight);
    return weighted_quantile(std::move(values), share);
  };
  const double median = quantile(0.5, [](const EtaCase& one) { return one.log_ratio; });
  const double deviation =
      1.5 * quantile(0.5, [&](const EtaCase& one) { return std::abs(one.log_ratio - median); }) +
      1e-4;
  const EtaVector coefficients = fit_eta_cases(cases, median, deviation);

  double sum = 0;
  double squares = 0;
  for (const EtaCase& one : cases) {
    sum += one.weight;
    squares += one.weight * one.weight;
  }
  EtaCorrection correction;
  correction.effective_runs = sum * sum / squares;
  correction.knows_prior = now.prior_log_ratio.has_value() && 2 * with_prior > cases.size();
  correction.log_shift = coefficients[0] + coefficients[5] * now.prior_log_ratio.value_or(0);
  // Residuals of runs that were fitted themselves are too small, the more so the fewer there are.
  const double widening = 1.15 + 5 / correction.effective_runs;
  const auto residual = [&](const EtaCase& one) {
    return one.log_ratio - dot(coefficients, one.features);
  };
  correction.log_p10 = correction.log_shift + std::min(-1e-3, widening * quantile(0.1, residual));
  correction.log_p90 = correction.log_shift + std::max(1e-3, widening * quantile(0.9, residual));
  return correction;
}

}  // namespace galley::estimator
