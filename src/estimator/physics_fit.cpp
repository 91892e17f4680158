#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "estimator/physics.h"

namespace galley::estimator {
namespace {

using Factors = PhysicsModel::Factors;
constexpr std::size_t kTerms = std::tuple_size_v<Factors>;

struct PhysicsRow {
  StepTerms terms;
  double step_s = 0;
};

/// How log(combined_s) changes with the logarithm of each factor.
std::array<double, kTerms> slopes_of(const Factors& factors, const StepTerms& terms) {
  double computing = 1e-9;
  double synchronising = 0;
  std::array<double, kTerms> slopes{};
  for (std::size_t k = 0; k < StepTerms::kCount; ++k) {
    slopes[k] = factors[k] * terms.seconds[k];
    (k < sync_node ? computing : synchronising) += slopes[k];
  }
  const double lagging = factors[PhysicsModel::kLag] * terms.lag;
  const double working = computing;
  computing *= 1 + lagging;
  double share = 1;  // of computing in the combination
  if (synchronising > 0) {
    const double power = 1 + factors[PhysicsModel::kOverlap];
    const double ratio = std::log(synchronising / computing);
    const double raised = std::exp(std::clamp(power * ratio, -600.0, 600.0));
    share = 1 / (1 + raised);
    slopes[PhysicsModel::kOverlap] = factors[PhysicsModel::kOverlap] / power *
                                     ((1 - share) * ratio - std::log1p(raised) / power);
  }
  for (std::size_t k = 0; k < StepTerms::kCount; ++k)
    slopes[k] *=
        k < sync_node ? share / working : (synchronising > 0 ? (1 - share) / synchronising : 0);
  slopes[PhysicsModel::kLag] = share * lagging / (1 + lagging);
  return slopes;
}

/// How far factors may lie from where they are expected, as standard deviations of logarithms.
using Spreads = std::array<double, kTerms>;
constexpr double kRecordSpread = 0.07;

/// Cost of factors exp(u): errors of logarithms, large ones counted linearly (Huber), so that one
/// mistaken record cannot bend a network, and the distance to the prior.
double cost_of(std::span<const PhysicsRow* const> rows, const Factors& factors,
               const Factors& prior, const Spreads& spreads) {
  constexpr double kLinearFrom = 3 * kRecordSpread;
  double cost = 0;
  for (const PhysicsRow* row : rows) {
    const double error = std::abs(std::log(row->step_s / combined_s(factors, row->terms)));
    cost += error <= kLinearFrom ? error * error : kLinearFrom * (2 * error - kLinearFrom);
  }
  cost /= kRecordSpread * kRecordSpread;
  for (std::size_t k = 0; k < kTerms; ++k) {
    const double moved = std::log(factors[k] / prior[k]) / spreads[k];
    cost += moved * moved;
  }
  return cost;
}

using Normal = std::array<std::array<double, kTerms + 1>, kTerms>;

/// Solves the small system in place by elimination; its diagonal dominates, so nothing is swapped.
std::array<double, kTerms> solve_normal(Normal a) {
  for (std::size_t k = 0; k < kTerms; ++k)
    for (std::size_t i = k + 1; i < kTerms; ++i) {
      const double by = a[i][k] / a[k][k];
      for (std::size_t j = k; j <= kTerms; ++j) a[i][j] -= by * a[k][j];
    }
  std::array<double, kTerms> x{};
  for (std::size_t k = kTerms; k-- > 0;) {
    x[k] = a[k][kTerms];
    for (std::size_t j = k + 1; j < kTerms; ++j) x[k] -= a[k][j] * x[j];
    x[k] /= a[k][k];
  }
  return x;
}

Normal normal_of(std::span<const PhysicsRow* const> rows, const Factors& factors,
                 const Factors& prior, const Spreads& spreads) {
  constexpr double kLinearFrom = 3 * kRecordSpread;
  Normal normal{};
  for (const PhysicsRow* row : rows) {
    const double now = combined_s(factors, row->terms);
    const double error = std::log(row->step_s / now);
    const double weight = std::min(1.0, kLinearFrom / std::max(std::abs(error), 1e-9)) /
                          (kRecordSpread * kRecordSpread);
    const auto share = slopes_of(factors, row->terms);
    for (std::size_t i = 0; i < kTerms; ++i) {
      normal[i][kTerms] += weight * share[i] * error;
      for (std::size_t j = 0; j < kTerms; ++j) normal[i][j] += weight * share[i] * share[j];
    }
  }
  for (std::size_t k = 0; k < kTerms; ++k) {
    const double strength = 1 / (spreads[k] * spreads[k]);
    normal[k][k] += strength;
    normal[k][kTerms] -= strength * std::log(factors[k] / prior[k]);
  }
  return normal;
}

/// The most likely factors given the rows and a log-normal prior: Levenberg-Marquardt on their
/// logarithms, which keeps every factor above 0.
Factors solve_factors(std::span<const PhysicsRow* const> rows, const Factors& prior,
                      const Spreads& spreads) {
  Factors factors = prior;
  double cost = cost_of(rows, factors, prior, spreads);
  double damping = 1;
  for (int round = 0; round < 40 && damping < 1e6; ++round) {
    Normal normal = normal_of(rows, factors, prior, spreads);
    for (std::size_t k = 0; k < kTerms; ++k) normal[k][k] *= 1 + damping;
    const auto step = solve_normal(normal);
    Factors next = factors;
    for (std::size_t k = 0; k < kTerms; ++k) next[k] *= std::exp(std::clamp(step[k], -2.0, 2.0));
    const double next_cost = cost_of(rows, next, prior, spreads);
    if (next_cost < cost) {
      const bool settled = cost - next_cost < 1e-4 * cost;
      factors = next;
      cost = next_cost;
      damping = std::max(damping / 5, 1e-6);
      if (settled) break;
    } else {
      damping *= 8;
    }
  }
  return factors;
}

Factors scaled(const Factors& factors, double by) {
  Factors result = factors;
  // A network's specification may be wrong; how fast links are is not its doing.
  for (std::size_t k = 0; k < std::size_t{sync_node}; ++k) result[k] *= by;
  return result;
}

/// How far the rows lie above a prediction, as one factor; drawn to 1 where rows are few.
double offset_of(std::span<const PhysicsRow* const> rows, const Factors& factors) {
  std::vector<double> errors;
  errors.reserve(rows.size());
  for (const PhysicsRow* row : rows)
    errors.push_back(std::log(row->step_s / combined_s(factors, row->terms)));
  std::ranges::nth_element(errors, errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2));
  const double count = static_cast<double>(errors.size());
  return std::exp(errors[errors.size() / 2] * count / (count + 0.1));
}

/// What a few probes of a new network say of its jobs on other devices, as one factor. Either its
/// specification is right, and networks differ by how well they use a device, or its items are
/// other than it says, and any factor is as likely; probes lie off by the spread of shapes as well.
/// Mean of a mixture.
double offset_of_probes(std::span<const PhysicsRow* const> rows, const Factors& pooled,
                        double shape_spread) {
  constexpr double kUseSpread = 0.5;    // of networks that were described rightly
  constexpr double kOtherSpread = 3;    // of those that were not
  constexpr double kOtherShare = 0.15;  // how many those are
  const double off = std::log(offset_of(rows, pooled));
  const double local = shape_spread * shape_spread / static_cast<double>(rows.size());
  const auto density = [&](double spread) {
    const double variance = spread * spread + local;
    const double far = std::min(std::abs(off), 20.0);  // keeps the wider density above 0
    return std::exp(-far * far / (2 * variance)) / std::sqrt(variance);
  };
  const auto share = [&](double spread) { return spread * spread / (spread * spread + local); };
  const double right = (1 - kOtherShare) * density(kUseSpread);
  const double other = kOtherShare * density(kOtherSpread);
  return std::exp(off * (right * share(kUseSpread) + other * share(kOtherSpread)) /
                  (right + other));
}

// Launches and input depend on the host, of which a data sheet says nothing; the rest is bounded by
// it.
constexpr Spreads kPooledSpreads{0.5, 0.7, 1, 1.5, 1.5, 1, 1, 1, 1, 1};
constexpr Spreads kNetworkSpreads{0.7, 0.7, 1, 1.5, 2, 0.7, 0.7, 0.7, 1, 1.5};
constexpr Spreads kModeSpreads{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};

using RowsByKey = std::map<std::string, std::vector<const PhysicsRow*>>;

/// Factors of all networks together, each network's rows divided by its own offset first.
Factors pool_factors(const RowsByKey& networks, const Factors& start) {
  Factors pooled = start;
  for (int round = 0; round < 3; ++round) {
    std::vector<PhysicsRow> moved;
    for (const auto& [name, rows] : networks) {
      const double by = offset_of(rows, pooled);
      for (const PhysicsRow* row : rows) {
        moved.push_back(*row);
        moved.back().step_s /= by;
      }
    }
    std::vector<const PhysicsRow*> all;
    for (const PhysicsRow& row : moved) all.push_back(&row);
    pooled = solve_factors(all, start, kPooledSpreads);
  }
  return pooled;
}

constexpr std::size_t kMostPooledRows = 2'000;

/// PhysicsModel::shape_spread; networks of few records tell nothing of it.
double shape_spread_of(const RowsByKey& networks, const Factors& pooled) {
  constexpr std::size_t kLeastRecords = 6;
  double sum = 0, count = 0;
  for (const auto& [name, rows] : networks) {
    if (rows.size() < kLeastRecords) continue;
    const double offset = std::log(offset_of(rows, pooled));
    std::vector<double> away;
    for (const PhysicsRow* row : rows)
      away.push_back(std::abs(std::log(row->step_s / combined_s(pooled, row->terms)) - offset));
    const auto middle = away.begin() + static_cast<std::ptrdiff_t>(away.size() / 2);
    std::ranges::nth_element(away, middle);
    sum += std::pow(1.48 * *middle, 2);  // of normal values, the standard deviation
    ++count;
  }
  return count > 0 ? std::clamp(std::sqrt(sum / count), 0.05, 1.0) : PhysicsModel{}.shape_spread;
}

/// Remembers how far records beat the roofline of their network.
void loosen_bounds(PhysicsModel& model, std::span<const Observation> rows) {
  constexpr double kBelowRecord = 0.95;
  for (const auto& row : rows) {
    const double bound = physics_step(model, row.job).bound_s;
    if (bound <= 0 || row.step_s >= bound) continue;
    auto& ratio = model.bound_ratio.try_emplace(row.job.network.name, 1.0).first->second;
    ratio *= kBelowRecord * row.step_s / bound;
  }
}

}  // namespace

PhysicsModel fit_physics(std::span<const Observation> rows) {
  PhysicsModel model;
  std::vector<PhysicsRow> table;
  table.reserve(rows.size());
  for (const auto& row : rows) table.push_back({step_terms(row.job), row.step_s});
  RowsByKey networks;
  RowsByKey modes;
  RowsByKey pool;
  const std::size_t stride = rows.size() / kMostPooledRows + 1;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto key = physics_key(rows[i].job, false);
    networks[key].push_back(&table[i]);
    modes[physics_key(rows[i].job, true)].push_back(&table[i]);
    if (i % stride == 0) pool[key].push_back(&table[i]);
  }
  if (rows.empty()) return model;
  loosen_bounds(model, rows);
  model.pooled = pool_factors(pool, model.pooled);
  model.shape_spread = shape_spread_of(pool, model.pooled);
  for (const auto& [name, of_network] : networks)
    model.of_network[name] = solve_factors(
        of_network, scaled(model.pooled, offset_of(of_network, model.pooled)), kNetworkSpreads);
  for (const auto& [name, of_mode] : modes) {
    const auto& parent = model.of_network.at(name.substr(0, name.rfind('|')));
    model.of_network[name] =
        solve_factors(of_mode, scaled(parent, offset_of(of_mode, parent)), kModeSpreads);
  }
  return model;
}

void calibrate_physics(PhysicsModel& model, std::span<const Observation> probes) {
  loosen_bounds(model, probes);
  std::vector<PhysicsRow> table;
  table.reserve(probes.size());
  RowsByKey unknown, on_device;
  for (const auto& probe : probes) {
    table.push_back({step_terms(probe.job), probe.step_s});
    const auto key = physics_key(probe.job, false);
    if (model.of_network.contains(key)) continue;
    unknown[key].push_back(&table.back());
    on_device[probed_key(probe.job)].push_back(&table.back());
  }
  for (const auto& [name, rows] : on_device) {
    // Probes on several devices tell together what is the network's; one device may be odd.
    if (rows.size() < unknown.at(name.substr(0, name.rfind(kProbedOn))).size()) continue;
    model.of_network[name] =
        solve_factors(rows, scaled(model.pooled, offset_of(rows, model.pooled)), kNetworkSpreads);
  }
  for (const auto& [name, rows] : unknown) {
    const auto likely =
        scaled(model.pooled, offset_of_probes(rows, model.pooled, model.shape_spread));
    // One step does not say which of its parts it is that differs.
    model.of_network[name] =
        rows.size() == 1 ? likely : solve_factors(rows, likely, kNetworkSpreads);
  }
}

}  // namespace galley::estimator
