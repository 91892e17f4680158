#include <algorithm>
#include <cmath>
#include <set>

#include "schema_pattern.h"
#include "schema_reader.h"

namespace galley::inference {
namespace {

constexpr std::size_t kMaxPropertyNameBytes = 256;  // of properties beside which others are allowed

std::string dump_value(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

bool is_plain(std::string_view name) {
  return std::ranges::none_of(
      name, [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
}

/// The character of a valid UTF-8 text at `at`.
std::pair<char32_t, std::size_t> character_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t c = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i)
    c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {c, size};
}

}  // namespace

SchemaReader::Counts SchemaReader::counts(const OrderedJson& schema, const char* least,
                                          const char* most, const std::string& place) {
  Counts found;
  const auto read = [&](const char* keyword, std::uint32_t& into) {
    if (!schema.contains(keyword)) return;
    const OrderedJson& value = schema[keyword];
    const double number = value.is_number() ? value.get<double>() : -1;
    if (number < 0 || number != std::floor(number) || number > kMaxRepeat)
      fail(Errc::invalid_argument,
           "'" + std::string(keyword) + "' is " + dump_value(value).substr(0, 40) +
               "; it must be an integer from 0 to " + std::to_string(kMaxRepeat),
           place + "/" + keyword);
    else
      into = static_cast<std::uint32_t>(number);
  };
  read(least, found.least);
  read(most, found.most);
  if (found.least > found.most)
    fail(Errc::invalid_argument,
         "'" + std::string(least) + "' is above '" + std::string(most) + "'", place);
  return found;
}

NodeIndex SchemaReader::string(const OrderedJson& schema, const std::string& place) {
  const Counts length = counts(schema, "minLength", "maxLength", place);
  if (!schema.contains("pattern")) return json_.string(length.least, length.most);
  if (schema.contains("minLength") || schema.contains("maxLength"))
    return fail(Errc::unsupported,
                "'pattern' beside 'minLength' or 'maxLength' is not supported; say the length in "
                "the pattern",
                place);
  if (!schema["pattern"].is_string())
    return fail(Errc::invalid_argument, "'pattern' is not a string", place + "/pattern");
  const auto made =
      pattern_string(grammar_, json_, schema["pattern"].get_ref<const std::string&>());
  if (!made) return fail(made.error().code, made.error().message, place + "/pattern");
  return *made;
}

std::optional<NumberRange> SchemaReader::range(const OrderedJson& schema, bool integer,
                                               const std::string& place) {
  NumberRange bounds;
  const auto read = [&](const char* keyword, bool lower, bool exclusive) {
    if (!schema.contains(keyword)) return;
    const OrderedJson& value = schema[keyword];
    const std::string own = place + "/" + keyword;
    if (!value.is_number() || !(std::abs(value.get<double>()) <= static_cast<double>(kMaxBound)))
      return (void)fail(Errc::invalid_argument,
                        "'" + std::string(keyword) + "' is " + dump_value(value).substr(0, 40) +
                            "; it must be a number up to 1e17",
                        own);
    const double given = value.get<double>();
    const bool whole = given == std::floor(given);
    if (!whole && !integer)
      return (void)fail(Errc::unsupported,
                        "a '" + std::string(keyword) +
                            "' that is not a whole number is supported for integers only",
                        own);
    auto bound = value.is_number_integer()
                     ? value.get<std::int64_t>()
                     : static_cast<std::int64_t>(lower ? std::ceil(given) : std::floor(given));
    if (integer && exclusive && whole) bound += lower ? 1 : -1;
    std::optional<std::int64_t>& held = lower ? bounds.low : bounds.high;
    bool& without = lower ? bounds.without_low : bounds.without_high;
    const bool out = exclusive && !integer;
    if (!held || (lower ? bound > *held : bound < *held)) {
      held = bound;
      without = out;
    } else if (bound == *held) {
      without = without || out;
    }
  };
  read("minimum", true, false);
  read("exclusiveMinimum", true, true);
  read("maximum", false, false);
  read("exclusiveMaximum", false, true);
  if (!bounds.low && !bounds.high) return std::nullopt;
  const bool open = bounds.without_low || bounds.without_high;
  if (bounds.low && bounds.high &&
      (*bounds.low > *bounds.high || (*bounds.low == *bounds.high && open)))
    fail(Errc::invalid_argument, "no number lies between its bounds", place);
  return bounds;
}

NodeIndex SchemaReader::number(const OrderedJson& schema, bool integer, const std::string& place) {
  const auto bounds = range(schema, integer, place);
  if (failure_) return NodeIndex{};
  if (!bounds) return integer ? json_.integer() : json_.number();
  return integer ? integer_range(grammar_, json_, *bounds) : number_range(grammar_, json_, *bounds);
}

NodeIndex SchemaReader::array(const OrderedJson& schema, const std::string& place) {
  const Counts length = counts(schema, "minItems", "maxItems", place);
  const bool has_prefix = schema.contains("prefixItems");
  const bool has_items = schema.contains("items");
  if (!has_prefix) {
    if (has_items && schema["items"] == OrderedJson(false)) {
      if (length.least > 0)
        return fail(Errc::invalid_argument, "'minItems' asks for what 'items' forbids", place);
      return json_.list("[", json_.any(), "]", 0, 0);
    }
    const NodeIndex item = has_items ? value(schema["items"], place + "/items") : json_.any();
    return json_.list("[", item, "]", length.least, length.most);
  }
  const OrderedJson& prefix = schema["prefixItems"];
  if (!prefix.is_array() || prefix.empty())
    return fail(Errc::invalid_argument, "'prefixItems' is not a list of schemas",
                place + "/prefixItems");
  const auto first = std::min<std::size_t>(prefix.size(), length.most);
  std::vector<NodeIndex> parts{grammar_.bytes("["), json_.space()};
  for (std::size_t i = 0; i < first; ++i) {
    if (i > 0) parts.push_back(json_.comma());
    parts.push_back(value(prefix[i], place + "/prefixItems/" + std::to_string(i)));
  }
  // Like properties, further items come only where the schema speaks of them, or has to have them.
  const auto fixed = static_cast<std::uint32_t>(first);
  const std::uint32_t least = length.least > fixed ? length.least - fixed : 0;
  const bool forbidden = has_items && schema["items"] == OrderedJson(false);
  if (forbidden && least > 0)
    return fail(Errc::invalid_argument, "'minItems' asks for what 'items' forbids", place);
  if (!forbidden && (has_items || least > 0) && length.most > fixed) {
    const NodeIndex item = has_items ? value(schema["items"], place + "/items") : json_.any();
    const std::uint32_t most = !has_items                  ? least
                               : length.most == kUnbounded ? kUnbounded
                                                           : length.most - fixed;
    parts.push_back(grammar_.repeat(grammar_.sequence({json_.comma(), item}), least, most));
  }
  parts.push_back(json_.space());
  parts.push_back(grammar_.bytes("]"));
  return grammar_.sequence(std::move(parts));
}

std::vector<Grammar::Member> SchemaReader::members(const OrderedJson& schema,
                                                   const std::string& place,
                                                   std::vector<std::string>& names) {
  std::vector<std::string> in_order;
  std::set<std::string> required;
  for (const auto& name : schema.value("required", OrderedJson::array())) {
    if (!name.is_string()) {
      fail(Errc::invalid_argument, "'required' is not a list of names", place + "/required");
      return {};
    }
    if (required.insert(name.get<std::string>()).second)
      in_order.push_back(name.get<std::string>());
  }
  std::vector<Grammar::Member> all;
  const auto add = [&](const std::string& name, NodeIndex content, bool needed) {
    names.push_back(name);
    all.push_back({json_.member(grammar_.bytes(dump_value(OrderedJson(name))), content), needed});
  };
  const OrderedJson properties = schema.value("properties", OrderedJson::object());
  if (!properties.is_object()) {
    fail(Errc::invalid_argument, "'properties' is not an object", place + "/properties");
    return {};
  }
  for (const auto& [name, content] : properties.items()) {
    const bool needed = required.erase(name) > 0;
    if (content == OrderedJson(false)) {
      names.push_back(name);
      if (needed)
        fail(Errc::invalid_argument, "the property '" + name + "' is required and forbidden",
             place);
      continue;
    }
    add(name, value(content, place + "/properties/" + name), needed);
  }
  const OrderedJson further = schema.value("additionalProperties", OrderedJson(true));
  for (const std::string& name : in_order) {
    if (!required.contains(name)) continue;
    if (further == OrderedJson(false))
      fail(Errc::invalid_argument, "the property '" + name + "' is required and forbidden", place);
    else
      add(name, value(further, place + "/additionalProperties"), true);
  }
  return all;
}

NodeIndex SchemaReader::object(const OrderedJson& schema, const std::string& place) {
  std::vector<std::string> names;
  const auto all = members(schema, place, names);
  // JSON Schema lets further properties in by default; models that may invent some do, so a schema
  // that declares properties gets them alone.
  const OrderedJson further =
      schema.value("additionalProperties", OrderedJson(!schema.contains("properties")));
  std::optional<NodeIndex> other;
  if (further != OrderedJson(false)) {
    const NodeIndex content = value(further, place + "/additionalProperties");
    if (all.empty() && names.empty())
      return json_.list("{", json_.member(json_.string(), content), "}", 0, kUnbounded);
    other = json_.member(other_name(names, place), content);
  }
  if (failure_) return NodeIndex{};
  const NodeIndex list = grammar_.members(all, json_.comma(), other);
  return grammar_.sequence(
      {grammar_.bytes("{"), json_.space(), list, json_.space(), grammar_.bytes("}")});
}

/// A name that is none of the declared ones. Written without escapes, so that none of them can be
/// spelt in another way.
NodeIndex SchemaReader::other_name(std::vector<std::string> names, const std::string& place) {
  std::erase_if(names, [](const std::string& name) { return !is_plain(name); });
  if (std::ranges::any_of(names,
                          [](const auto& name) { return name.size() > kMaxPropertyNameBytes; }))
    return fail(Errc::too_large, "a property's name is longer than 256 bytes", place);
  std::ranges::sort(names);
  return grammar_.sequence(
      {grammar_.bytes("\""), other_name_rest(names, 0, names.size(), 0), grammar_.bytes("\"")});
}

/// names[begin, end) share their first `depth` bytes, which have been written.
NodeIndex SchemaReader::other_name_rest(const std::vector<std::string>& names, std::size_t begin,
                                        std::size_t end, std::size_t depth) {
  std::vector<NodeIndex> choices;
  std::vector<std::pair<char32_t, char32_t>> continued;
  // The name that ends here is the first of them, being the shortest.
  const bool taken = begin < end && names[begin].size() == depth;
  if (!taken) choices.push_back(grammar_.bytes(""));
  for (std::size_t i = begin + (taken ? 1 : 0); i < end;) {
    const auto [c, size] = character_at(names[i], depth);
    std::size_t past = i;
    while (past < end && character_at(names[past], depth).first == c) ++past;
    choices.push_back(grammar_.sequence({grammar_.bytes(names[i].substr(depth, size)),
                                         other_name_rest(names, i, past, depth + size)}));
    continued.emplace_back(c, c);
    i = past;
  }
  const CodePoints plain = plain_characters();
  choices.push_back(
      grammar_.sequence({grammar_.characters(plain.without(CodePoints(std::move(continued)))),
                         grammar_.repeat(grammar_.characters(plain), 0, kUnbounded)}));
  return grammar_.choice(std::move(choices));
}

}  // namespace galley::inference
