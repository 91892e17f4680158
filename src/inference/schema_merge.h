#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galley::inference {

/// A schema keeps the order of its properties: it is the order of the answer's.
using OrderedJson = nlohmann::ordered_json;

/// Keywords that say nothing about which values are right.
bool is_annotation(std::string_view keyword);

/// A schema that holds exactly where both hold. Errors: invalid_argument (nothing can satisfy
/// both), unsupported (a keyword in both that cannot be merged).
Result<OrderedJson> merge_schemas(const OrderedJson& a, const OrderedJson& b);

}  // namespace galley::inference
