#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "estimator/advice.h"
#include "estimator/prices.h"

namespace galley::estimator {

/// A machine that a request asks about buying.
struct Purchase {
  std::string name;
  OwnedMachine machine;
  double rent_usd_per_h = 0;  // of a machine like it
};

/// What `galley estimate FILE` and POST /estimates ask.
struct EstimateRequest {
  std::string name;
  Workload work;
  std::vector<Offer> offers;        // "configurations"
  std::vector<Observation> probes;  // measured steps of this job
  std::vector<double> gpu_counts;   // of machines from a price list; empty: as the list has them
  std::vector<Purchase> purchases;  // "buy"
  AdviceLimits limits;
};

/// Reads a document of kind "estimate", version 1 (docs/estimates.md). Unknown fields are errors. A
/// configuration whose device nobody knows gets typical_gpu, and says so. The network and the
/// length of the training may be absent when every configuration tells its runtime. Errors:
/// invalid_argument with the path of the field, what it holds and what it may.
Result<EstimateRequest> parse_request(const nlohmann::json& document);

/// Offers of a price list: every row that names a device whose data sheet is known, on demand and,
/// where `spot` is set, as spot machines. `skipped` counts rows of unknown devices.
std::vector<Offer> offers_from_prices(const std::vector<PriceRow>& prices, bool spot,
                                      const std::vector<double>& gpu_counts, std::size_t& skipped);

/// The answer as the API gives it.
nlohmann::json print_advice(const Advice& advice, const std::vector<Offer>& offers);

}  // namespace galley::estimator
