// Answers drawn at random under a schema are JSON and satisfy it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/json.h"
#include "byte_vocabulary.h"
#include "inference/constraint.h"

namespace galley::inference {
namespace {

using testing::HasSubstr;

const ByteVocabulary& schema_vocabulary() {
  static const ByteVocabulary kVocabulary;
  return kVocabulary;
}

Json parsed(std::string_view text) { return *parse_json(text); }

bool is_type(const Json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == (value.is_boolean() ? "boolean" : value.type_name());
}

std::size_t length(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return count;
}

/// What is wrong with a value, or nothing. Of the keywords that the tests use, pattern excepted.
std::string fault(const Json& schema, const Json& value, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>() ? "" : "false";
  if (schema.contains("$ref")) {
    const auto ref = schema["$ref"].get<std::string>();
    if (auto inner = fault(root.at(Json::json_pointer(ref.substr(1))), value, root); !inner.empty())
      return inner;
  }
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    if (std::ranges::none_of(types, [&](const Json& t) { return is_type(value, t); }))
      return "type";
  }
  for (const auto& part : schema.value("allOf", Json::array()))
    if (auto inner = fault(part, value, root); !inner.empty()) return "allOf " + inner;
  for (const char* keyword : {"anyOf", "oneOf"})
    if (schema.contains(keyword) && std::ranges::none_of(schema[keyword], [&](const Json& p) {
          return fault(p, value, root).empty();
        }))
      return keyword;
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    return "enum";
  if (schema.contains("const") && value != schema["const"]) return "const";
  if (value.is_string()) {
    const std::size_t size = length(value.get<std::string>());
    if (size < schema.value("minLength", 0U) || size > schema.value("maxLength", 1U << 20))
      return "length";
  }
  if (value.is_number()) {
    const double x = value.get<double>();
    if (x < schema.value("minimum", -1e300) || x > schema.value("maximum", 1e300)) return "range";
    if (x <= schema.value("exclusiveMinimum", -1e300)) return "exclusiveMinimum";
    if (x >= schema.value("exclusiveMaximum", 1e300)) return "exclusiveMaximum";
  }
  if (value.is_array()) {
    if (value.size() < schema.value("minItems", 0U)) return "minItems";
    if (value.size() > schema.value("maxItems", 1U << 20)) return "maxItems";
    const Json prefix = schema.value("prefixItems", Json::array());
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Json& item = i < prefix.size() ? prefix[i] : schema.value("items", Json(true));
      if (auto inner = fault(item, value[i], root); !inner.empty()) return "item " + inner;
    }
  }
  if (value.is_object()) {
    for (const auto& name : schema.value("required", Json::array()))
      if (!value.contains(name.get<std::string>())) return "required";
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, held] : value.items()) {
      const Json& own = properties.contains(name)
                            ? properties[name]
                            : schema.value("additionalProperties", Json(true));
      if (auto inner = fault(own, held, root); !inner.empty()) return name + ": " + inner;
    }
  }
  return "";
}

/// A random answer; empty where it did not come to an end in time.
std::string random_answer(const std::shared_ptr<const Constraint>& constraint,
                          std::mt19937& random) {
  ConstraintState state(constraint);
  TokenMask mask;
  std::string text;
  for (int step = 0; step < 3000; ++step) {
    state.allowed(mask);
    std::vector<text::TokenId> allowed;
    std::vector<text::TokenId> closing;
    for (std::size_t i = 0; i < schema_vocabulary().texts.size(); ++i) {
      const auto token = static_cast<text::TokenId>(i);
      if (!mask.test(token)) continue;
      allowed.push_back(token);
      const std::string& own = schema_vocabulary().texts[i];
      if (token != schema_vocabulary().end && !own.empty() && own.find_first_of("\"]}") == 0)
        closing.push_back(token);
    }
    EXPECT_FALSE(allowed.empty()) << "nothing may follow '" << text << "'";
    if (allowed.empty()) return {};
    const auto& from = !closing.empty() && random() % 3 == 0 ? closing : allowed;
    text::TokenId token = from[random() % from.size()];
    if (mask.test(schema_vocabulary().end) && random() % 2 == 0) token = schema_vocabulary().end;
    EXPECT_TRUE(state.accept(token));
    if (token == schema_vocabulary().end) return text;
    text += schema_vocabulary().texts[static_cast<std::size_t>(token)];
  }
  return {};
}

class Schemas : public testing::TestWithParam<const char*> {};

TEST_P(Schemas, HoldOfEveryAnswer) {
  const auto constraint = Constraint::from_json_schema(GetParam(), schema_vocabulary().trie);
  ASSERT_TRUE(constraint) << constraint.error().message;
  const Json schema = parsed(GetParam());
  std::mt19937 random(20261121);
  int whole = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string text = random_answer(*constraint, random);
    if (text.empty()) continue;
    const auto value = parse_json(text);
    // A grammar without context cannot know which free names an object has already.
    if (!value && value.error().message.find("appears twice") != std::string::npos) continue;
    ASSERT_TRUE(value) << text << ": " << value.error().message;
    ASSERT_EQ(fault(schema, *value, schema), "") << text;
    ++whole;
  }
  EXPECT_GT(whole, 30);
}

INSTANTIATE_TEST_SUITE_P(
    Keywords, Schemas,
    testing::Values(
        R"({})", R"({"type":"object"})", R"({"type":["string","null","boolean"],"maxLength":4})",
        R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer",
            "minimum":0,"maximum":150},"tags":{"type":"array","items":{"type":"string","maxLength":5},
            "minItems":1,"maxItems":3}},"required":["name","age"]})",
        R"({"type":"object","properties":{"a":{"type":"number"},"b":{"enum":["x","y",3,null]},
            "c":{"const":{"k":[1,2.5]}}},"additionalProperties":{"type":"boolean"}})",
        R"({"type":"object","properties":{"ab":{"type":"null"},"abc":{"type":"null"},"":{"type":"null"},
            "안":{"type":"null"},"안녕":{"type":"null"}},"required":["zz","ab"],
            "additionalProperties":{"type":"integer"}})",
        R"({"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},
            "next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"]}},
            "$ref":"#/$defs/node"})",
        R"({"oneOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"},"maxItems":3}]})",
        R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],
            "items":{"type":"boolean"},"maxItems":5})",
        R"({"type":"array","prefixItems":[{"const":1}],"minItems":3})",
        R"({"allOf":[{"type":"object","properties":{"a":{"type":"number"}},"required":["a"]},
            {"properties":{"b":{"type":"string","minLength":2}},"required":["b"]},
            {"properties":{"a":{"type":"integer","minimum":3}}}]})",
        R"({"anyOf":[{"properties":{"kind":{"const":"alpha"},"x":{"type":"integer"}},"required":["x"]},
            {"properties":{"kind":{"const":"beta"}}}],"type":"object","required":["kind"]})",
        R"({"$defs":{"s":{"type":"string"}},"type":"object","properties":{"a":{"$ref":"#/$defs/s",
            "maxLength":2}},"required":["a"]})",
        R"({"type":"integer","minimum":-37,"maximum":1234})", R"({"type":"integer","maximum":-5})",
        R"({"type":"integer","exclusiveMinimum":5,"exclusiveMaximum":7})",
        R"({"type":"integer","minimum":0.5,"maximum":99.5})",
        R"({"type":"number","minimum":-2,"exclusiveMaximum":10})",
        R"({"type":"number","exclusiveMinimum":0,"maximum":1})",
        R"({"type":"number","minimum":98})", R"({"type":"string","minLength":3,"maxLength":300})"));

std::shared_ptr<const Constraint> compiled(std::string_view schema) {
  auto constraint = Constraint::from_json_schema(schema, schema_vocabulary().trie);
  EXPECT_TRUE(constraint) << (constraint ? "" : constraint.error().message);
  return constraint ? *constraint : nullptr;
}

bool accepts(const std::shared_ptr<const Constraint>& constraint, std::string_view text) {
  ConstraintState state(constraint);
  for (const char c : text)
    if (!state.accept(static_cast<unsigned char>(c))) return false;
  return state.complete();
}

bool accepts(std::string_view schema, std::string_view text) {
  return accepts(compiled(schema), text);
}

TEST(JsonSchema, KeepsTheOrderOfProperties) {
  constexpr std::string_view kSchema =
      R"({"properties":{"z":{"type":"integer"},"a":{"type":"integer"}},"required":["a"]})";
  EXPECT_TRUE(accepts(kSchema, R"({"z":1,"a":2})"));
  EXPECT_TRUE(accepts(kSchema, R"({"a":2})"));
  EXPECT_FALSE(accepts(kSchema, R"({"a":2,"z":1})"));
  EXPECT_FALSE(accepts(kSchema, R"({"z":1})"));
  EXPECT_FALSE(accepts(kSchema, R"({"a":2,"b":3})"));
  EXPECT_TRUE(accepts(kSchema, "{\n  \"z\": 1,\n  \"a\": 2\n}"));
}

TEST(JsonSchema, TakesHundredsOfOptionalProperties) {
  Json schema{{"type", "object"}, {"additionalProperties", {{"type", "null"}}}};
  for (int i = 0; i < 150; ++i)
    schema["properties"]["p" + std::to_string(1000 + i)] = {{"type", "integer"}};
  schema["required"] = {"p1100"};
  const auto text = compiled(schema.dump());
  EXPECT_TRUE(accepts(text, R"({"p1001":1,"p1100":2,"p1149":3,"q":null,"r":null})"));
  EXPECT_TRUE(accepts(text, R"({"p1100":2})"));
  EXPECT_FALSE(accepts(text, R"({"p1001":1,"p1149":3})"));
  EXPECT_FALSE(accepts(text, R"({"p1100":2,"p1100":2})"));
  EXPECT_FALSE(accepts(text, R"({"p1100":2,"q":null,"p1149":3})"));
}

TEST(JsonSchema, ReachesEveryNumberOfARange) {
  for (const auto& [low, high] : {std::pair{-12, 13}, {0, 9}, {7, 7}, {95, 1005}, {-1005, -95}}) {
    const std::string schema = R"({"type":"integer","minimum":)" + std::to_string(low) +
                               R"(,"maximum":)" + std::to_string(high) + "}";
    const auto constraint = *Constraint::from_json_schema(schema, schema_vocabulary().trie);
    for (int n = -1100; n <= 1100; ++n) {
      ConstraintState state(constraint);
      bool read = true;
      for (const char c : std::to_string(n)) read = read && state.accept(c);
      EXPECT_EQ(read && state.complete(), n >= low && n <= high) << n << " in " << schema;
    }
  }
  EXPECT_TRUE(accepts(R"({"type":"number","minimum":1,"maximum":3})", "2.75"));
  EXPECT_TRUE(accepts(R"({"type":"number","minimum":1,"maximum":3})", "3.0"));
  EXPECT_FALSE(accepts(R"({"type":"number","minimum":1,"maximum":3})", "3.1"));
  EXPECT_FALSE(accepts(R"({"type":"number","exclusiveMinimum":1})", "1.00"));
  EXPECT_TRUE(accepts(R"({"type":"number","exclusiveMinimum":1})", "1.01"));
  EXPECT_TRUE(accepts(R"({"type":"number"})", "-1.5e-10"));
}

TEST(JsonSchema, ReadsPatterns) {
  constexpr std::string_view kPlate =
      R"({"type":"string","pattern":"^[A-Z]{2}-\\d{3,5}( \"q\")?$"})";
  EXPECT_TRUE(accepts(kPlate, R"("AB-123")"));
  EXPECT_TRUE(accepts(kPlate, R"("AB-12345 \"q\"")"));
  EXPECT_FALSE(accepts(kPlate, R"("AB-12")"));
  EXPECT_FALSE(accepts(kPlate, R"("xAB-123")"));
  EXPECT_TRUE(accepts(R"({"pattern":"a+b"})", R"("xx aab\n")"));
  EXPECT_FALSE(accepts(R"({"pattern":"a+b"})", R"("ba")"));
  EXPECT_TRUE(accepts(R"({"pattern":"^(?:\\u00e9|[^\\s\\w])*$"})", R"("é-é")"));
  EXPECT_FALSE(accepts(R"({"pattern":"^(?:\\u00e9|[^\\s\\w])*$"})", R"("a")"));
  EXPECT_TRUE(accepts(R"({"pattern":"^[\\n\\\\]{2}$"})", R"("\n\\")"));
}

struct SchemaFault {
  const char* schema;
  Errc code;
  const char* message;
  const char* field;
};

class SchemaFaults : public testing::TestWithParam<SchemaFault> {};

TEST_P(SchemaFaults, NameTheKeyword) {
  const auto made = Constraint::from_json_schema(GetParam().schema, schema_vocabulary().trie);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, GetParam().code);
  EXPECT_THAT(made.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(made.error().field, GetParam().field);
}

INSTANTIATE_TEST_SUITE_P(
    Keywords, SchemaFaults,
    testing::Values(
        SchemaFault{"{", Errc::invalid_argument, "not valid JSON at line 1", "json_schema"},
        SchemaFault{"3", Errc::invalid_argument, "an object or a boolean", "json_schema"},
        SchemaFault{"false", Errc::invalid_argument, "no value satisfies", "json_schema"},
        SchemaFault{R"({"type":"strng"})", Errc::invalid_argument, "'type' is \"strng\"",
                    "json_schema/type"},
        SchemaFault{R"({"properties":{"a":{"not":{}}}})", Errc::unsupported,
                    "the keyword 'not' is not supported", "json_schema/properties/a/not"},
        SchemaFault{R"({"type":"array","uniqueItems":true})", Errc::unsupported, "'uniqueItems'",
                    "json_schema/uniqueItems"},
        SchemaFault{R"({"$ref":"https://example.com/x"})", Errc::unsupported,
                    "leads out of the schema", "json_schema/$ref"},
        SchemaFault{R"({"$ref":"#/$defs/none"})", Errc::invalid_argument, "leads nowhere",
                    "json_schema/$ref"},
        SchemaFault{R"({"$ref":"#"})", Errc::invalid_argument, "left-recursive", "json_schema"},
        SchemaFault{R"({"type":"string","minLength":-1})", Errc::invalid_argument,
                    "'minLength' is -1", "json_schema/minLength"},
        SchemaFault{R"({"type":"string","minLength":5,"maxLength":2})", Errc::invalid_argument,
                    "'minLength' is above 'maxLength'", "json_schema"},
        SchemaFault{R"({"type":"integer","minimum":5,"maximum":4})", Errc::invalid_argument,
                    "no number lies between", "json_schema"},
        SchemaFault{R"({"type":"number","minimum":0.5})", Errc::unsupported, "not a whole number",
                    "json_schema/minimum"},
        SchemaFault{R"({"enum":[]})", Errc::invalid_argument, "leave no value", "json_schema"},
        SchemaFault{R"({"enum":["a"],"minLength":1})", Errc::unsupported, "beside 'enum'",
                    "json_schema/minLength"},
        SchemaFault{R"({"properties":{"a":{}},"required":["b"],"additionalProperties":false})",
                    Errc::invalid_argument, "'b' is required and forbidden", "json_schema"},
        SchemaFault{R"({"allOf":[{"type":"string"},{"type":"null"}]})", Errc::invalid_argument,
                    "contradict each other in 'type'", "json_schema/allOf"},
        SchemaFault{R"({"allOf":[{"$ref":"#"}]})", Errc::invalid_argument, "left-recursive",
                    "json_schema"},
        SchemaFault{R"({"pattern":"(?=a)b"})", Errc::unsupported, "look-around",
                    "json_schema/pattern"},
        SchemaFault{R"({"pattern":"(a)\\1"})", Errc::unsupported, "the escape \\1",
                    "json_schema/pattern"},
        SchemaFault{R"({"pattern":"a(b"})", Errc::invalid_argument, "a group is never closed",
                    "json_schema/pattern"},
        SchemaFault{R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
                    Errc::invalid_argument, "no text satisfies the grammar", "json_schema"}));

}  // namespace
}  // namespace galley::inference
