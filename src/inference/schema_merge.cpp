#include "schema_merge.h"

#include <algorithm>
#include <array>

namespace galley::inference {
namespace {

constexpr std::array<std::string_view, 18> kAnnotations{
    "title",    "description", "default",  "examples", "example",         "$schema",
    "$id",      "$anchor",     "$comment", "$defs",    "definitions",     "deprecated",
    "readOnly", "writeOnly",   "format",   "strict",   "contentEncoding", "contentMediaType"};

Error contradiction(std::string_view keyword) {
  return {Errc::invalid_argument, "two parts of the schema contradict each other in '" +
                                      std::string(keyword) + "': nothing satisfies both"};
}

OrderedJson as_list(const OrderedJson& value) {
  return value.is_array() ? value : OrderedJson::array({value});
}

bool holds(const OrderedJson& list, const OrderedJson& value) {
  return std::ranges::find(list, value) != list.end();
}

Result<OrderedJson> common_types(const OrderedJson& a, const OrderedJson& b) {
  OrderedJson both = OrderedJson::array();
  for (const auto& type : as_list(a)) {
    const bool narrower = type == "integer" && holds(as_list(b), "number");
    if (narrower || holds(as_list(b), type)) both.push_back(type);
    if (type == "number" && holds(as_list(b), "integer") && !holds(as_list(b), "number"))
      both.push_back("integer");
  }
  if (both.empty()) return contradiction("type");
  return both.size() == 1 ? both[0] : both;
}

Result<OrderedJson> common_values(const OrderedJson& a, const OrderedJson& b) {
  if (!a.is_array() || !b.is_array()) return contradiction("enum");
  OrderedJson both = OrderedJson::array();
  for (const auto& value : a)
    if (holds(b, value)) both.push_back(value);
  if (both.empty()) return contradiction("enum");
  return both;
}

OrderedJson both_of(const OrderedJson& a, const OrderedJson& b) {
  return a == b ? a : OrderedJson{{"allOf", OrderedJson::array({a, b})}};
}

const OrderedJson* member(const OrderedJson& schema, const char* keyword) {
  const auto found = schema.find(keyword);
  return found == schema.end() ? nullptr : &*found;
}

/// Adds the properties of `from` as `other`, the schema that they are merged with, lets them be.
Status add_properties(const OrderedJson& from, const OrderedJson& other, OrderedJson& merged) {
  const OrderedJson* properties = member(from, "properties");
  if (properties == nullptr) return ok();
  if (!properties->is_object())
    return Error{Errc::invalid_argument, "'properties' of a JSON Schema is not an object"};
  const OrderedJson* further = member(other, "additionalProperties");
  const OrderedJson* others = member(other, "properties");
  for (const auto& [name, schema] : properties->items()) {
    const bool declared = others != nullptr && others->is_object() && others->contains(name);
    if (declared)
      merged[name] = both_of(schema, (*others)[name]);
    else if (further == nullptr || *further == OrderedJson(true))
      merged[name] = schema;
    else if (*further != OrderedJson(false))
      merged[name] = both_of(schema, *further);
  }
  return ok();
}

Status merge_objects(const OrderedJson& a, const OrderedJson& b, OrderedJson& merged) {
  OrderedJson properties = OrderedJson::object();
  GALLEY_TRY_STATUS(add_properties(a, b, properties));
  GALLEY_TRY_STATUS(add_properties(b, a, properties));
  if (a.contains("properties") || b.contains("properties")) merged["properties"] = properties;
  const OrderedJson* further_a = member(a, "additionalProperties");
  const OrderedJson* further_b = member(b, "additionalProperties");
  if (further_a != nullptr && further_b != nullptr) {
    if (*further_a == OrderedJson(false) || *further_b == OrderedJson(false))
      merged["additionalProperties"] = false;
    else
      merged["additionalProperties"] = both_of(*further_a, *further_b);
  }
  OrderedJson required = OrderedJson::array();
  for (const auto* schema : {&a, &b})
    if (const OrderedJson* names = member(*schema, "required"))
      for (const auto& name : as_list(*names))
        if (!holds(required, name)) required.push_back(name);
  if (!required.empty()) merged["required"] = required;
  return ok();
}

/// The keyword of both schemas, where it is one that can be merged on its own.
Result<OrderedJson> merge_keyword(const std::string& keyword, const OrderedJson& a,
                                  const OrderedJson& b) {
  if (keyword == "type") return common_types(a, b);
  if (keyword == "enum") return common_values(a, b);
  if (keyword == "items") return both_of(a, b);
  const bool numbers = a.is_number() && b.is_number();
  for (const std::string_view lower : {"minimum", "exclusiveMinimum", "minLength", "minItems"})
    if (numbers && keyword == lower) return std::max(a, b);
  for (const std::string_view upper : {"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
    if (numbers && keyword == upper) return std::min(a, b);
  if (keyword == "allOf" && a.is_array() && b.is_array()) {
    OrderedJson parts = a;
    for (const auto& part : b) parts.push_back(part);
    return parts;
  }
  if (a == b || is_annotation(keyword)) return a;
  if (keyword == "const") return contradiction(keyword);
  return Error{Errc::unsupported, "two parts of the schema both have '" + keyword +
                                      "', and such parts cannot be combined"};
}

}  // namespace

bool is_annotation(std::string_view keyword) {
  return keyword.starts_with("x-") ||
         std::ranges::find(kAnnotations, keyword) != kAnnotations.end();
}

Result<OrderedJson> merge_schemas(const OrderedJson& a, const OrderedJson& b) {
  if (a == OrderedJson(false) || b == OrderedJson(false)) return contradiction("false");
  if (a == OrderedJson(true)) return b;
  if (b == OrderedJson(true)) return a;
  if (!a.is_object() || !b.is_object())
    return Error{Errc::invalid_argument, "a part of the schema is neither an object nor a boolean"};
  constexpr std::array<std::string_view, 3> kOfObjects{"properties", "additionalProperties",
                                                       "required"};
  OrderedJson merged = a;
  for (const auto& [keyword, value] : b.items()) {
    if (std::ranges::find(kOfObjects, keyword) != kOfObjects.end()) continue;
    if (!a.contains(keyword)) {
      merged[keyword] = value;
      continue;
    }
    GALLEY_TRY(merged[keyword], merge_keyword(keyword, a[keyword], value));
  }
  GALLEY_TRY_STATUS(merge_objects(a, b, merged));
  return merged;
}

}  // namespace galley::inference
