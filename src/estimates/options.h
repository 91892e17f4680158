#pragma once

#include <span>
#include <vector>

#include "base/json.h"
#include "cluster_offers.h"
#include "estimator/prices.h"

namespace galley::estimates {

/// What a form for a question can offer.
Json print_options(const std::vector<ClusterGpu>& cluster,
                   const std::vector<estimator::PriceRow>& prices);

/// The least that a list asks for an hour of one such GPU on demand; 0 when it has none.
double rent_of(const estimator::GpuSpec& gpu, std::span<const estimator::PriceRow> prices);

}  // namespace galley::estimates
