#include "fields.h"

namespace galley::cli {

const Json& child_of(const Json& json, const char* key) {
  static const Json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}

std::string text_of(const Json& json, const char* key) {
  const Json& value = child_of(json, key);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::int64_t count_of(const Json& json, const char* key) {
  const Json& value = child_of(json, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

double real_of(const Json& json, const char* key) {
  const Json& value = child_of(json, key);
  return value.is_number() ? value.get<double>() : 0;
}

const Json& items_of(const Json& json) {
  static const Json kEmpty = Json::array();
  const Json& items = child_of(json, "items");
  return items.is_array() ? items : kEmpty;
}

}  // namespace galley::cli
