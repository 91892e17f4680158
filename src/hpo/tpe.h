#pragma once

#include <memory>

#include "hpo/sampler.h"

namespace galley::hpo {

/// Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate as BOHB's (Falkner et al.
/// 2018): two densities of product kernels, of the best trials and of the others; of points drawn
/// from the first the one that is likelier under it than under the second. Running trials are
/// counted among the others (constant liar). A parameter that a kernel's trial did not have is
/// uniform in that kernel. An ask costs O(dims * 24 * 300), whatever the number of trials.
std::unique_ptr<Sampler> make_tpe_sampler(const Space& space, const SamplerOptions& options);

}  // namespace galley::hpo
