#include "predict_spread.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace galley::profiling {
namespace {

constexpr double kTwoSided = 1.96;
constexpr double kSameSize = 1.1;  // models this near in parameters are one size
// With one size nothing tells how rates change: each doubling away may be so much off.
constexpr double kBlindDoubling = 0.15;
constexpr double kLeastHalf = 0.03;  // what a machine drifts between two runs
constexpr double kLeastMemoryHalf = 0.01;

const StudyRows& largest(std::span<const StudyRows* const> studies) {
  return **std::ranges::max_element(studies, {},
                                    [](const StudyRows* study) { return study->model.parameters; });
}

}  // namespace

SeenWrong errors_on(const Fit& fit, const StudyRows& study) {
  SeenWrong wrong;
  double weights = 0;
  for (const TimedRow& row : study.rows) {
    const double error =
        std::abs(fit.seconds(study.model, row.load, study.devices) / row.seconds - 1);
    wrong.time += error * row.weight;
    weights += row.weight;
    wrong.worst_time = std::max(wrong.worst_time, error);
  }
  if (weights > 0) wrong.time /= weights;
  if (fit.has_memory && !study.memory.empty()) {
    double sum = 0;
    for (const auto& row : study.memory)
      sum += std::abs(fit.memory(study.model, row.kv_bytes) / row.resident_bytes - 1);
    wrong.memory = sum / static_cast<double>(study.memory.size());
  }
  return wrong;
}

Spread spread_for(std::span<const StudyRows> studies, const ModelShape& target) {
  std::vector<const StudyRows*> all;
  for (const StudyRows& study : studies) all.push_back(&study);
  Spread spread;
  spread.fit = fit_studies(all, target.parameters);

  const double top = largest(all).model.parameters;
  std::vector<const StudyRows*> rest;
  for (const StudyRows* study : all)
    if (study->model.parameters * kSameSize < top) rest.push_back(study);
  double nearest = std::numeric_limits<double>::infinity();  // of a doubling
  double smallest = std::numeric_limits<double>::infinity();
  for (const StudyRows* study : all) {
    nearest = std::min(nearest, std::abs(std::log2(target.parameters / study->model.parameters)));
    smallest = std::min(smallest, study->model.parameters);
  }
  double time_reach = kBlindDoubling * nearest, memory_reach = kBlindDoubling * nearest / 2;
  if (!rest.empty()) {
    const StudyRows& left_out = largest(all);
    spread.left_out = errors_on(fit_studies(rest, left_out.model.parameters), left_out);
    const double step = std::log2(top / largest(rest).model.parameters);
    const bool between = target.parameters >= smallest && target.parameters <= top;
    // Two sizes are two points of a curve, so that the error seen once may be half of the next.
    const double scale = between ? 1 : std::max(1.0, 2 * nearest / step);
    time_reach = spread.left_out->time * scale;
    memory_reach = spread.left_out->memory.value_or(memory_reach) * scale;
  }
  const double time_scatter = kTwoSided * spread.fit.time_scatter;
  const double memory_scatter = kTwoSided * spread.fit.memory_scatter;
  spread.time_half = std::max(kLeastHalf, std::hypot(time_scatter, time_reach));
  spread.memory_half = std::max(kLeastMemoryHalf, std::hypot(memory_scatter, memory_reach));
  return spread;
}

}  // namespace galley::profiling
