#pragma once

#include <memory>

#include "hpo/sampler.h"

namespace galley::hpo {

/// NSGA-II (Deb et al. 2002) for one or more objectives, in its steady state: every result joins
/// the population, which then loses its worst by front and crowding, so that no worker waits for a
/// generation. An ask costs O(dims), a result O(population^2 objectives).
std::unique_ptr<Sampler> make_nsga2_sampler(const Space& space, const SamplerOptions& options);

/// The front of each row of objectives, 0 being those that no other dominates.
std::vector<std::size_t> fronts_of(const std::vector<std::vector<double>>& objectives);

}  // namespace galley::hpo
