#pragma once

#include <memory>

#include "hpo/sampler.h"

namespace galley::hpo {

/// Independent uniform draws.
std::unique_ptr<Sampler> make_random_sampler(const Space& space, const SamplerOptions& options);

/// The points of a scrambled Sobol sequence: as random ones, spread evenly.
std::unique_ptr<Sampler> make_sobol_sampler(const Space& space, const SamplerOptions& options);

/// Every point once, in an order that jumps about the space, then again from the start. The points
/// of forgotten trials come next. Points that conditions make equal come once.
/// Errors: unsupported where a parameter is a continuum or the points are more than 2^53.
Result<std::unique_ptr<Sampler>> make_grid_sampler(const Space& space,
                                                   const SamplerOptions& options);

}  // namespace galley::hpo
