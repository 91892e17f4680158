#include "estimator_fit/site_fit.h"

#include <algorithm>
#include <cmath>

asm(".section .rodata\n"
    ".global galley_rows_begin\n"
    ".global galley_rows_end\n"
    "galley_rows_begin:\n"
    ".incbin \"" GALLEY_ESTIMATOR_FOLDER
    "/rows.json\"\n"
    "galley_rows_end:\n"
    ".byte 0\n"
    ".text\n");

extern "C" {
extern const char galley_rows_begin[];
extern const char galley_rows_end[];
}

namespace galley::estimator {
namespace {

constexpr std::size_t kSiteFolds = 5;
constexpr std::size_t kLeastSiteRows = 8;
constexpr std::size_t kRowsForIntervals = 30;
constexpr double kClamped = 5;  // a logarithm: no error counts for more

FitRows joined(const RowsFile& open, const RowsFile& site, const std::vector<bool>& is_out) {
  FitRows all{open.rows, {}};
  for (std::size_t i = 0; i < open.rows.size(); ++i)
    all.groups.push_back(i < open.groups.size() ? open.groups[i] : std::to_string(i));
  for (std::size_t i = 0; i < site.rows.size(); ++i) {
    if (is_out[i]) continue;
    all.rows.push_back(site.rows[i]);
    all.groups.push_back("site " + (site.groups[i].empty() ? std::to_string(i) : site.groups[i]));
  }
  return all;
}

double log_error(const EstimatorModel& model, const Observation& row) {
  return std::clamp(std::log(row.step_s) - predict_log_step(model, row.job), -kClamped, kClamped);
}

double median_pct(std::vector<double> log_errors) {
  if (log_errors.empty()) return 0;
  for (double& one : log_errors) one = 100 * std::abs(std::exp(-one) - 1);
  const auto middle = log_errors.begin() + static_cast<std::ptrdiff_t>(log_errors.size() / 2);
  std::ranges::nth_element(log_errors, middle);
  return *middle;
}

/// Each row's error by a model that saw no job of its kind.
Result<std::vector<double>> errors_left_out(const RowsFile& site, const RowsFile& open,
                                            const EstimatorModel& before) {
  std::vector<double> errors(site.rows.size(), 0);
  const auto folds = grouped_folds({site.rows, site.groups}, kSiteFolds, 1);
  for (std::size_t fold = 0; fold < kSiteFolds; ++fold) {
    std::vector<bool> is_out(site.rows.size());
    for (std::size_t i = 0; i < folds.size(); ++i) is_out[i] = folds[i] == fold;
    if (std::ranges::find(is_out, true) == is_out.end()) continue;
    GALLEY_TRY(const auto model,
               fit_estimator(joined(open, site, is_out), {.folds = 3, .novelty = false}, &before));
    for (std::size_t i = 0; i < site.rows.size(); ++i)
      if (is_out[i]) errors[i] = log_error(model, site.rows[i]);
  }
  return errors;
}

/// Quantiles of the site's errors: at k / (n + 1) the k-th covers that share of new ones.
void take_intervals(std::vector<double> errors, EstimatorModel& model) {
  if (errors.size() < kRowsForIntervals) return;
  std::ranges::sort(errors);
  const double count = static_cast<double>(errors.size());
  ErrorQuantiles own{.count = count};
  for (std::size_t i = 0; i < own.log_error.size(); ++i) {
    const double level = ErrorQuantiles::kLevels[i];
    const double at =
        (level < 0.5 ? std::floor(level * (count + 1)) : std::ceil(level * (count + 1))) - 1;
    own.log_error[i] = errors[static_cast<std::size_t>(std::clamp(at, 0.0, count - 1))];
  }
  for (const auto kind : {Familiarity::seen, Familiarity::near})
    model.errors[static_cast<std::size_t>(kind)] = own;
}

}  // namespace

std::string_view shipped_rows() {
  return {galley_rows_begin, static_cast<std::size_t>(galley_rows_end - galley_rows_begin)};
}

Result<SiteFit> fit_site(const RowsFile& site, const RowsFile& open, const EstimatorModel& before,
                         std::size_t seen) {
  if (site.rows.size() < kLeastSiteRows || site.groups.size() != site.rows.size())
    return Error{.code = Errc::invalid_argument,
                 .message = std::to_string(site.rows.size()) + " measured jobs are too few",
                 .field = "rows",
                 .expected = "at least " + std::to_string(kLeastSiteRows)};
  GALLEY_TRY(const auto errors, errors_left_out(site, open, before));
  SiteFit fit{.rows = site.rows.size()};
  const std::vector<bool> none(site.rows.size(), false);
  GALLEY_TRY(fit.model, fit_estimator(joined(open, site, none), {}, &before));
  take_intervals(errors, fit.model);
  const std::size_t from = seen + kLeastSiteRows <= site.rows.size() ? seen : 0;
  std::vector<double> now, then;
  for (std::size_t i = from; i < site.rows.size(); ++i) {
    now.push_back(errors[i]);
    then.push_back(log_error(before, site.rows[i]));
  }
  fit.compared = now.size();
  fit.mdape_pct = median_pct(now);
  fit.before_mdape_pct = median_pct(std::move(then));
  const auto& known = fit.model.errors[static_cast<std::size_t>(Familiarity::seen)].log_error;
  const auto covered = std::ranges::count_if(
      errors, [&](double error) { return error >= known.front() && error <= known.back(); });
  fit.coverage90_pct = 100 * static_cast<double>(covered) / static_cast<double>(errors.size());
  return fit;
}

}  // namespace galley::estimator
