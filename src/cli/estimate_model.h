#pragma once

#include <string_view>

namespace galley::cli {

/// The estimator that is shipped (data/estimator/model.json), inside the program, so that estimates
/// need no server and no files.
std::string_view shipped_estimator();

}  // namespace galley::cli
