#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace galley::cli {

/// Readers of answers that take what is there: an absent field, or one of another type, is empty.
/// A newer or older server must not stop a list from being shown.
std::string text_of(const Json& json, const char* key);
std::int64_t count_of(const Json& json, const char* key);
double real_of(const Json& json, const char* key);
/// The field itself, or null.
const Json& child_of(const Json& json, const char* key);
/// "items" of a list, or an empty list.
const Json& items_of(const Json& json);

}  // namespace galley::cli
