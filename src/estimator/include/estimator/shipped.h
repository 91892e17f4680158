#pragma once

#include <string_view>

namespace galley::estimator {

/// The estimator's file that came with this program (data/estimator/model.json), for parse_model.
std::string_view shipped_model();

/// Its price list (data/estimator/prices.csv), for parse_prices.
std::string_view shipped_prices();

}  // namespace galley::estimator
