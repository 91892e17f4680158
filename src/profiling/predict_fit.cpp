#include "predict_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace galley::profiling {
namespace {

// A study of a model e times smaller or larger counts this much less: e^(−1/kReach).
constexpr double kReach = 1.0;

double nearness(double parameters, double target) {
  return std::exp(-std::abs(std::log(parameters / target)) / kReach);
}

/// |predicted ÷ measured − 1| that two thirds of the weighted rows stay below.
double scatter_of(std::vector<std::pair<double, double>> errors) {
  std::ranges::sort(errors);
  double total = 0, sum = 0;
  for (const auto& [error, weight] : errors) total += weight;
  for (const auto& [error, weight] : errors) {
    sum += weight;
    if (sum >= 0.683 * total) return error;
  }
  return 0;
}

const StudyRows& nearest(std::span<const StudyRows* const> studies, double target) {
  return **std::ranges::max_element(studies, {}, [target](const StudyRows* study) {
    return nearness(study->model.parameters, target);
  });
}

void fit_times(std::span<const StudyRows* const> studies, double target, Fit& fit) {
  std::vector<std::vector<double>> rows;
  std::vector<double> ones;
  for (const StudyRows* study : studies) {
    const double near = nearness(study->model.parameters, target);
    for (const TimedRow& row : study->rows) {
      // Relative errors count: a row of 5 ms is as good as one of 5 s.
      const double scale = std::sqrt(near * row.weight);
      const Terms terms = terms_of(study->model, row.load, study->devices);
      std::vector<double> scaled(terms.begin(), terms.end());
      for (double& term : scaled) term *= scale / row.seconds;
      rows.push_back(std::move(scaled));
      ones.push_back(scale);
    }
  }
  const auto rates = non_negative_least_squares(rows, ones);
  std::ranges::copy(rates, fit.rates.begin());
  std::vector<std::pair<double, double>> errors;
  const StudyRows& near = nearest(studies, target);
  for (const TimedRow& row : near.rows)
    errors.emplace_back(std::abs(fit.seconds(near.model, row.load, near.devices) / row.seconds - 1),
                        row.weight);
  fit.time_scatter = scatter_of(std::move(errors));
}

void fit_memory(std::span<const StudyRows* const> studies, double target, Fit& fit) {
  std::vector<std::vector<double>> rows;
  std::vector<double> rests;
  for (const StudyRows* study : studies) {
    const double near = nearness(study->model.parameters, target);
    for (const auto& row : study->memory) {
      const double scale =
          std::sqrt(near / static_cast<double>(study->memory.size())) / row.resident_bytes;
      rows.push_back({scale, scale * study->model.hidden});
      rests.push_back(scale * (row.resident_bytes - study->model.weight_bytes - row.kv_bytes));
    }
  }
  if (rows.empty()) return;
  const auto rates = non_negative_least_squares(rows, rests);
  fit.memory_base_bytes = rates[0];
  fit.memory_per_width = rates[1];
  fit.has_memory = true;
  std::vector<std::pair<double, double>> errors;
  const StudyRows& near = nearest(studies, target);
  for (const auto& row : near.memory)
    errors.emplace_back(std::abs(fit.memory(near.model, row.kv_bytes) / row.resident_bytes - 1),
                        1.0);
  fit.memory_scatter = scatter_of(std::move(errors));
}

}  // namespace

double Fit::seconds(const ModelShape& model, const PredictedLoad& load, double devices) const {
  const Terms terms = terms_of(model, load, devices);
  double sum = 0;
  for (std::size_t i = 0; i < kTerms; ++i) sum += rates[i] * terms[i];
  return sum;
}

double Fit::memory(const ModelShape& model, double kv_bytes) const {
  return memory_base_bytes + memory_per_width * model.hidden + model.weight_bytes + kv_bytes;
}

Fit fit_studies(std::span<const StudyRows* const> studies, double target_parameters) {
  Fit fit;
  fit_times(studies, target_parameters, fit);
  fit_memory(studies, target_parameters, fit);
  return fit;
}

// Coordinate descent on the normal equations: slower to the last digit than an active set, but it
// cannot cycle, and columns that are nearly alike only share their rate.
std::vector<double> non_negative_least_squares(const std::vector<std::vector<double>>& a,
                                               const std::vector<double>& b) {
  const std::size_t terms = a.empty() ? 0 : a.front().size();
  std::vector<double> scale(terms, 0);
  for (const auto& row : a)
    for (std::size_t i = 0; i < terms; ++i) scale[i] += row[i] * row[i];
  for (double& value : scale) value = value > 0 ? 1 / std::sqrt(value) : 0;
  std::vector<std::vector<double>> normal(terms, std::vector<double>(terms, 0));
  std::vector<double> right(terms, 0);
  for (std::size_t row = 0; row < a.size(); ++row)
    for (std::size_t i = 0; i < terms; ++i) {
      const double scaled = a[row][i] * scale[i];
      right[i] += scaled * b[row];
      for (std::size_t j = 0; j < terms; ++j) normal[i][j] += scaled * a[row][j] * scale[j];
    }
  // A trace of ridge decides between columns that the rows cannot tell apart: they share.
  constexpr double kRidge = 1e-6;
  std::vector<double> x(terms, 0);
  for (int sweep = 0; sweep < 20'000; ++sweep) {
    double moved = 0;
    for (std::size_t i = 0; i < terms; ++i) {
      if (!(normal[i][i] > 0)) continue;
      double gradient = right[i] - kRidge * x[i];
      for (std::size_t j = 0; j < terms; ++j) gradient -= normal[i][j] * x[j];
      const double next = std::max(0.0, x[i] + gradient / (normal[i][i] + kRidge));
      moved = std::max(moved, std::abs(next - x[i]));
      x[i] = next;
    }
    if (moved < 1e-9) break;
  }
  for (std::size_t i = 0; i < terms; ++i) x[i] *= scale[i];
  return x;
}

}  // namespace galley::profiling
