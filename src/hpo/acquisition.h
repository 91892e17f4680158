#pragma once

#include <functional>
#include <vector>

#include "gp_model.h"
#include "hpo/random.h"
#include "hpo/space.h"

namespace galley::hpo {

/// A point's place in the model's cube; an inactive parameter sits in the middle, a category is its
/// index.
Eigen::VectorXd model_place(const Space& space, const Point& point);

/// log of the expected improvement of N(mean, deviation^2) below `best`; exact where that itself
/// would be 0 in double precision (Ament et al. 2023).
double log_expected_improvement(double mean, double deviation, double best);

struct AcquisitionSearch {
  double best = 0;                             // what is to be improved on, in the model's values
  std::vector<Point> starts;                   // good points: their neighbourhood is searched too
  std::function<bool(const Point&)> is_taken;  // points that may not be proposed again
  int random_candidates = 256;
  int local_candidates = 128;
  int climbs = 4;  // candidates that are improved by steps
};

/// A point of the space of high expected improvement that is not taken: the best of random ones
/// and of steps away from the starts, the foremost improved along gradients where parameters are
/// continuous and over neighbouring values where they are not. Empty if all that it saw are taken.
Point maximise_improvement(const Space& space, const GpModel& model,
                           const AcquisitionSearch& search, Rng& rng);

}  // namespace galley::hpo
