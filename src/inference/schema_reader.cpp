#include "schema_reader.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace galley::inference {
namespace {

/// Nesting of schemas through references and combinations, which reading recurses over.
constexpr int kMaxDepth = 150;
constexpr std::size_t kMaxNodes = 200'000;

constexpr std::array<std::string_view, 21> kKeywords{"type",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "items",
                                                     "prefixItems",
                                                     "enum",
                                                     "const",
                                                     "anyOf",
                                                     "oneOf",
                                                     "allOf",
                                                     "$ref",
                                                     "minLength",
                                                     "maxLength",
                                                     "pattern",
                                                     "minItems",
                                                     "maxItems",
                                                     "minimum",
                                                     "maximum",
                                                     "exclusiveMinimum",
                                                     "exclusiveMaximum"};

constexpr std::array<std::string_view, 7> kSchemaTypes{"object",  "array",   "string", "number",
                                                       "integer", "boolean", "null"};

/// The type that a keyword speaks of; a schema that does not name its type means that one.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypeOfKeyword{
    {{"properties", "object"},
     {"required", "object"},
     {"additionalProperties", "object"},
     {"items", "array"},
     {"prefixItems", "array"},
     {"minItems", "array"},
     {"maxItems", "array"},
     {"minLength", "string"},
     {"maxLength", "string"},
     {"pattern", "string"},
     {"minimum", "number"},
     {"maximum", "number"},
     {"exclusiveMinimum", "number"},
     {"exclusiveMaximum", "number"}}};

bool says_something(const OrderedJson& schema) {
  return std::ranges::any_of(schema.items(),
                             [](const auto& entry) { return !is_annotation(entry.key()); });
}

OrderedJson without(const OrderedJson& schema, std::string_view keyword) {
  OrderedJson rest = OrderedJson::object();
  for (const auto& [key, value] : schema.items())
    if (key != keyword && !is_annotation(key)) rest[key] = value;
  return rest;
}

bool is_of_type(const OrderedJson& value, std::string_view type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  return type == "object" ? value.is_object() : value.is_array();
}

std::string dump(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string join(const std::string& place, std::string_view key) {
  return place + "/" + std::string(key);
}

}  // namespace

NodeIndex SchemaReader::fail(Errc code, std::string what, const std::string& place) {
  if (!failure_) failure_ = Error{code, "JSON Schema: " + std::move(what), "json_schema" + place};
  return NodeIndex{};
}

bool SchemaReader::take(const Status& status, const std::string& place) {
  if (!status) fail(status.error().code, status.error().message, place);
  return status.has_value();
}

Result<Grammar> SchemaReader::run() {
  grammar_.bytes("");  // node 0: what a fault leaves behind
  const NodeIndex body = value(root_, "");
  if (failure_) return *failure_;
  grammar_.root = grammar_.add_rule("root", body);
  return std::move(grammar_);
}

NodeIndex SchemaReader::value(const OrderedJson& schema, const std::string& place) {
  if (failure_) return NodeIndex{};
  if (schema.is_boolean()) {
    if (schema.get<bool>()) return json_.any();
    return fail(Errc::invalid_argument, "no value satisfies the schema false", place);
  }
  if (!schema.is_object())
    return fail(Errc::invalid_argument, "a schema is an object or a boolean", place);
  if (!says_something(schema)) return json_.any();
  if (depth_ >= kMaxDepth || grammar_.node_count() > kMaxNodes)
    return fail(Errc::too_large,
                "it is nested too deeply, too large, or combines a schema with itself", place);
  ++depth_;
  const NodeIndex made = shared(schema, place);
  --depth_;
  return made;
}

/// What can recurse or repeat becomes a rule, by the text of its schema, so that a schema that
/// comes back to itself ends in the same rule.
NodeIndex SchemaReader::shared(const OrderedJson& schema, const std::string& place) {
  const bool composed =
      std::ranges::any_of(schema, [](const OrderedJson& part) { return part.is_structured(); });
  if (!composed) return unshared(schema, place);
  const auto [entry, added] = rules_.try_emplace(dump(without(schema, "")), RuleIndex{});
  if (added) {
    entry->second = grammar_.declare("#" + place);
    const RuleIndex rule = entry->second;
    grammar_.define(rule, unshared(schema, place));
    return grammar_.use(rule);
  }
  return grammar_.use(entry->second);
}

NodeIndex SchemaReader::unshared(const OrderedJson& schema, const std::string& place) {
  check_keywords(schema, place);
  if (failure_) return NodeIndex{};
  if (schema.contains("$ref")) return reference(schema, place);
  if (schema.contains("allOf")) return all_of(schema, place);
  if (schema.contains("anyOf")) return any_of(schema, "anyOf", place);
  if (schema.contains("oneOf")) return any_of(schema, "oneOf", place);
  if (schema.contains("enum") || schema.contains("const")) return values(schema, place);
  std::vector<NodeIndex> choices;
  for (const std::string& type : types(schema, place))
    choices.push_back(typed(schema, type, place));
  return grammar_.choice(std::move(choices));
}

void SchemaReader::check_keywords(const OrderedJson& schema, const std::string& place) {
  for (const auto& [keyword, content] : schema.items()) {
    if (is_annotation(keyword) || std::ranges::find(kKeywords, keyword) != kKeywords.end())
      continue;
    if (keyword == "uniqueItems" && content == OrderedJson(false)) continue;
    fail(Errc::unsupported, "the keyword '" + keyword + "' is not supported", join(place, keyword));
  }
}

std::vector<std::string> SchemaReader::types(const OrderedJson& schema, const std::string& place) {
  std::vector<std::string> all;
  if (!schema.contains("type")) {
    for (const auto& [keyword, type] : kTypeOfKeyword)
      if (schema.contains(std::string(keyword)) && std::ranges::find(all, type) == all.end())
        all.emplace_back(type);
    return all;
  }
  const OrderedJson& named = schema["type"];
  for (const auto& type : named.is_array() ? named : OrderedJson::array({named})) {
    const bool known =
        type.is_string() &&
        std::ranges::find(kSchemaTypes, type.get_ref<const std::string&>()) != kSchemaTypes.end();
    if (!known) {
      fail(Errc::invalid_argument, "'type' is " + dump(type).substr(0, 40), join(place, "type"));
      if (failure_->expected.empty())
        failure_->expected = "object, array, string, number, integer, boolean or null";
      return {};
    }
    all.push_back(type.get<std::string>());
  }
  if (all.empty()) fail(Errc::invalid_argument, "'type' names no type", join(place, "type"));
  return all;
}

NodeIndex SchemaReader::typed(const OrderedJson& schema, const std::string& type,
                              const std::string& place) {
  if (type == "object") return object(schema, place);
  if (type == "array") return array(schema, place);
  if (type == "string") return string(schema, place);
  if (type == "number") return number(schema, false, place);
  if (type == "integer") return number(schema, true, place);
  if (type == "null") return grammar_.bytes("null");
  return grammar_.choice({grammar_.bytes("true"), grammar_.bytes("false")});
}

const OrderedJson* SchemaReader::resolve(const OrderedJson& reference, const std::string& place) {
  if (!reference.is_string()) {
    fail(Errc::invalid_argument, "'$ref' is not a string", place);
    return nullptr;
  }
  const std::string text = reference.get<std::string>();
  if (!text.starts_with('#')) {
    fail(Errc::unsupported, "'$ref' to " + text.substr(0, 80) + " leads out of the schema", place);
    return nullptr;
  }
  const OrderedJson* at = &root_;
  std::string_view path = std::string_view(text).substr(1);
  while (!path.empty() && at != nullptr) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    std::string key(path.substr(0, end));
    for (const auto& [code, meant] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}})
      for (std::size_t hit = key.find(code); hit != std::string::npos;
           hit = key.find(code, hit + 1))
        key.replace(hit, 2, meant);
    path.remove_prefix(end);
    const auto found = at->is_object() ? at->find(key) : at->end();
    at = at->is_object() && found != at->end() ? &*found : nullptr;
  }
  if (at == nullptr || (text.size() > 1 && text[1] != '/')) {
    fail(Errc::invalid_argument, "'$ref' to " + text.substr(0, 80) + " leads nowhere", place);
    return nullptr;
  }
  return at;
}

NodeIndex SchemaReader::reference(const OrderedJson& schema, const std::string& place) {
  const OrderedJson* target = resolve(schema["$ref"], join(place, "$ref"));
  if (target == nullptr) return NodeIndex{};
  const OrderedJson rest = without(schema, "$ref");
  const std::string pointer = schema["$ref"].get<std::string>();
  if (!rest.empty()) {
    const auto merged = merge_schemas(*target, rest);
    if (!merged) return fail(merged.error().code, merged.error().message, place);
    return value(*merged, place);
  }
  const auto [entry, added] = rules_.try_emplace("$ref " + pointer, RuleIndex{});
  if (!added) return grammar_.use(entry->second);
  entry->second = grammar_.declare(pointer);
  const RuleIndex rule = entry->second;
  grammar_.define(rule, value(*target, pointer.substr(1)));
  return grammar_.use(rule);
}

NodeIndex SchemaReader::all_of(const OrderedJson& schema, const std::string& place) {
  const OrderedJson& parts = schema["allOf"];
  if (!parts.is_array() || parts.empty())
    return fail(Errc::invalid_argument, "'allOf' is not a list of schemas", join(place, "allOf"));
  OrderedJson merged = without(schema, "allOf");
  for (const OrderedJson& part : parts) {
    const OrderedJson* meant = &part;
    OrderedJson with_rest;
    for (int links = 0; meant->is_object() && meant->contains("$ref"); ++links) {
      const OrderedJson* target = resolve((*meant)["$ref"], join(place, "allOf"));
      if (target == nullptr) return NodeIndex{};
      if (links > kMaxDepth)
        return fail(Errc::invalid_argument, "'$ref' leads back to itself", join(place, "allOf"));
      const auto whole = merge_schemas(*target, without(*meant, "$ref"));
      if (!whole) return fail(whole.error().code, whole.error().message, join(place, "allOf"));
      with_rest = *whole;
      meant = &with_rest;
    }
    auto both = merge_schemas(merged, *meant);
    if (!both) return fail(both.error().code, both.error().message, join(place, "allOf"));
    merged = *std::move(both);
  }
  return value(merged, place);
}

/// oneOf too: where its branches overlap, an answer may satisfy more than one.
NodeIndex SchemaReader::any_of(const OrderedJson& schema, const std::string& keyword,
                               const std::string& place) {
  const OrderedJson& parts = schema[keyword];
  if (!parts.is_array() || parts.empty())
    return fail(Errc::invalid_argument, "'" + keyword + "' is not a list of schemas",
                join(place, keyword));
  const OrderedJson rest = without(schema, keyword);
  std::vector<NodeIndex> choices;
  for (std::size_t i = 0; i < parts.size() && !failure_; ++i) {
    const std::string own = join(join(place, keyword), std::to_string(i));
    if (rest.empty()) {
      choices.push_back(value(parts[i], own));
      continue;
    }
    choices.push_back(value(OrderedJson{{"allOf", OrderedJson::array({parts[i], rest})}}, own));
  }
  return grammar_.choice(std::move(choices));
}

NodeIndex SchemaReader::values(const OrderedJson& schema, const std::string& place) {
  for (const auto& [keyword, content] : schema.items())
    if (keyword != "enum" && keyword != "const" && keyword != "type" && !is_annotation(keyword))
      return fail(Errc::unsupported, "'" + keyword + "' beside 'enum' or 'const' is not supported",
                  join(place, keyword));
  OrderedJson all = schema.contains("enum") ? schema["enum"] : OrderedJson();
  if (schema.contains("const")) {
    const bool listed = !all.is_array() || std::ranges::find(all, schema["const"]) != all.end();
    all = listed ? OrderedJson::array({schema["const"]}) : OrderedJson::array();
  }
  if (!all.is_array())
    return fail(Errc::invalid_argument, "'enum' is not a list of values", join(place, "enum"));
  const auto allowed = types(schema, place);
  std::vector<NodeIndex> choices;
  for (const OrderedJson& one : all)
    if (allowed.empty() ||
        std::ranges::any_of(allowed, [&](const auto& type) { return is_of_type(one, type); }))
      choices.push_back(grammar_.bytes(dump(one)));
  if (choices.empty() && !failure_)
    return fail(Errc::invalid_argument, "'enum' and the rest of the schema leave no value", place);
  return grammar_.choice(std::move(choices));
}

Result<Grammar> grammar_of_schema(std::string_view schema) {
  // The strict parser first: it bounds the nesting and refuses repeated keys.
  if (const auto checked = parse_json(schema); !checked) {
    Error error = checked.error();
    error.message = "JSON Schema: " + error.message;
    error.field = "json_schema";
    return error;
  }
  const auto root = OrderedJson::parse(schema, nullptr, false);
  return SchemaReader(root).run();
}

}  // namespace galley::inference
