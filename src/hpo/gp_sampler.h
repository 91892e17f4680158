#pragma once

#include <memory>

#include "hpo/sampler.h"

namespace galley::hpo {

struct GpOptions {
  std::size_t history = 300;  // points that the model may hold
};

std::unique_ptr<Sampler> make_gp_sampler(const Space& space, const SamplerOptions& options,
                                         const GpOptions& gp = {});

}  // namespace galley::hpo
