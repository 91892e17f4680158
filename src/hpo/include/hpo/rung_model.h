#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hpo/ladder.h"
#include "hpo/space.h"

namespace galley::hpo {

/// What settings promise, learned from trials that saw different shares of their budgets: a
/// Gaussian process (Matern 5/2, one length for each parameter, by maximum likelihood) over the
/// unit cube, of the normal scores of trials in the order of a Ladder. Ranks make it deaf to the
/// scale of the measure and to diverged runs. The last kRungRows trials count.
class RungModel {
 public:
  explicit RungModel(const Space& space) : space_(space) {}

  void add(TrialNumber trial, const Point& point);
  /// The trial's rung, counted from 0, and its loss there; -1: failed.
  void set(TrialNumber trial, int rung, double loss);
  void erase(TrialNumber trial);
  std::size_t known() const { return known_; }

  /// The candidate with the greatest sample of the posterior, each drawn by itself (Thompson): many
  /// workers then ask for different ones. Lengths are searched for as results come and not here, so
  /// that the model follows from what it was told, however often it was asked. O(rows^3).
  std::size_t choose(std::span<const Point> candidates, Rng& rng);
  /// The best known point; nullptr if none.
  const Point* best() const { return best_ ? &rows_.at(*best_).point : nullptr; }

 private:
  struct Row {
    Point point;
    std::vector<double> unit;
    int rung = -2;  // -2: nothing known yet
    double loss = 0;
  };
  struct Fit;
  std::vector<double> unit_of(const Point& point) const;
  void gather(Fit& fit) const;
  void search_lengths();
  static bool is_better(const Row& a, const Row& b);
  void find_best();

  const Space& space_;
  std::map<TrialNumber, Row> rows_;
  std::size_t known_ = 0;
  std::optional<TrialNumber> best_;
  std::vector<double> lengths_;
  double noise_ = 0.3;
  std::size_t lengths_from_ = 0;  // rows at the last search for lengths
};

/// Proposes by a RungModel among draws of the space and neighbours of the best: what BOHB does
/// with densities. A quarter is random. Observations at resources count as rungs in their order.
class RungSampler final : public Sampler {
 public:
  RungSampler(const Space& space, std::uint64_t seed);
  RungSampler(const RungSampler&) = delete;  // the model looks at the space beside it
  RungSampler& operator=(const RungSampler&) = delete;

  Point ask(TrialNumber trial) override;
  void adopt(TrialNumber trial, const Point& point) override { model_.add(trial, point); }
  void observe(const Observation& observation) override;
  void forget(TrialNumber trial) override { model_.erase(trial); }

 private:
  Space space_;
  std::uint64_t seed_;
  RungModel model_;
};

}  // namespace galley::hpo
