#pragma once

#include <memory>

#include "hpo/sampler.h"

namespace galley::hpo {

/// CMA-ES (Hansen 2016, arXiv:1604.00772) in the unit cube of the parameters that are numbers or
/// ordered, with restarts that double the population (Auger and Hansen 2005). Results may come in
/// any order: a generation is the next so many that came. Categories are taken from one of the best
/// trials or drawn anew. An ask costs O(dims^2), a generation O(dims^3).
/// Errors: unsupported for spaces of categories alone.
Result<std::unique_ptr<Sampler>> make_cmaes_sampler(const Space& space,
                                                    const SamplerOptions& options);

}  // namespace galley::hpo
