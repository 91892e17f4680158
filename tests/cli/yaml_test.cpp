#include "yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/job_spec.h"
#include "spec_file.h"

namespace galley::cli {
namespace {

using ::testing::HasSubstr;

Json json_of(std::string_view text) {
  const auto parsed = parse_yaml(text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? parsed->json : Json();
}

std::string refusal_of(std::string_view text) {
  const auto parsed = parse_yaml(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? std::string{} : parsed.error().message;
}

TEST(Yaml, TypesScalarsAsTheCoreSchemaSays) {
  EXPECT_EQ(json_of("[1, -2, +3, 0x1F, 0o17, 1.5, .5, 1e3, -2.5e-1]"),
            Json::parse("[1, -2, 3, 31, 15, 1.5, 0.5, 1000.0, -0.25]"));
  EXPECT_EQ(json_of("[true, False, ~, null, '']"), Json::parse("[true, false, null, null, \"\"]"));
  // What older YAML took for booleans, octals, sexagesimals and dates are texts.
  EXPECT_EQ(json_of("[yes, no, on, 12:30, 2026-12-01, 1_000, 0b11]"),
            Json::parse(R"(["yes","no","on","12:30","2026-12-01","1_000","0b11"])"));
  EXPECT_EQ(json_of("['1', \"true\", !!str 12]"), Json::parse(R"(["1","true","12"])"));
  EXPECT_EQ(json_of("18446744073709551615").get<std::uint64_t>(), 18446744073709551615ULL);
  EXPECT_EQ(json_of("-9223372036854775808").get<std::int64_t>(), INT64_MIN);
  EXPECT_TRUE(json_of("010").is_number_integer());
}

TEST(Yaml, KnowsTheLineOfEachField) {
  const auto parsed = parse_yaml(
      "# a comment\nname: x\nresources:\n  gpus: 1\n  memory: 1GiB\ncommand:\n  - a\n  - b\nenv: "
      "{A: 1}\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->lines.at("name"), 2);
  EXPECT_EQ(parsed->lines.at("resources"), 3);
  EXPECT_EQ(parsed->lines.at("resources.memory"), 5);
  EXPECT_EQ(parsed->lines.at("command[1]"), 8);
  EXPECT_EQ(parsed->lines.at("env.A"), 9);
}

TEST(Yaml, ExpandsAliases) {
  EXPECT_EQ(json_of("a: &x {b: [1, 2]}\nc: *x\nd: [*x]\n"),
            Json::parse(R"({"a":{"b":[1,2]},"c":{"b":[1,2]},"d":[{"b":[1,2]}]})"));
}

TEST(Yaml, RefusesAliasBombs) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(refusal_of(bomb), HasSubstr("more than 100000 values"));
  // A few long texts repeated often weigh as much as many short ones.
  std::string texts = "a: &a " + std::string(200'000, 'x') + "\nb: [";
  for (int i = 0; i < 50'000; ++i) texts += "*a, ";
  EXPECT_THAT(refusal_of(texts + "]\n"), HasSubstr("more than 100000 values"));
  EXPECT_THAT(refusal_of("a: &a [*a]\n"), HasSubstr("line 1: "));
}

TEST(Yaml, RefusesDepthLengthAndOtherDocuments) {
  EXPECT_THAT(refusal_of(std::string(100, '[') + std::string(100, ']')), HasSubstr("64 levels"));
  EXPECT_THAT(refusal_of("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(refusal_of(""), HasSubstr("empty"));
  EXPECT_THAT(refusal_of("a: 1\na: 2\n"), HasSubstr("line 2: the key 'a' appears twice"));
  EXPECT_THAT(refusal_of("? [a, b]\n: 1\n"), HasSubstr("key must be a text"));
  EXPECT_THAT(refusal_of("a: .inf\n"), HasSubstr("JSON"));
  EXPECT_THAT(refusal_of("a: !ruby/object x\n"), HasSubstr("not supported"));
  EXPECT_THAT(refusal_of("a: \xff\n"), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal_of("a: [1, 2\n"), HasSubstr("not valid YAML"));
  const auto huge = parse_yaml(std::string(2 << 20, 'x'));
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Errc::too_large);
}

std::string complaint_about(const std::string& name, const std::string& text) {
  const auto file = parse_spec_text(name, text);
  if (!file) return describe(file.error());
  const auto spec = protocol::parse_job_spec(file->json);
  return spec ? "fine" : describe(locate(*file, spec.error()));
}

TEST(SpecFile, ErrorsNameTheLineTheFieldAndTheNextStep) {
  EXPECT_EQ(complaint_about("job.yaml", "kind: job\ncommand: [a]\nresources:\n  gpu: 1\n"),
            "job.yaml:4: resources.gpu: unknown field; did you mean resources.gpus?");
  EXPECT_EQ(complaint_about("job.yaml", "command: [a]\nresources:\n  cpus: many\n"),
            "job.yaml:3: resources.cpus: found \"many\"; expected a whole number");
  EXPECT_THAT(complaint_about("job.yaml", "command:\n  - a\n  - 3\n"),
              HasSubstr("job.yaml:3: command[1]: found 3"));
  // What is missing has the line of what should hold it.
  EXPECT_THAT(complaint_about("job.yaml", "# x\nname: y\n"), HasSubstr("job.yaml:2: command: "));
  EXPECT_THAT(complaint_about("job.yaml", "a: [\n"), HasSubstr("job.yaml:"));
}

TEST(SpecFile, ReadsJsonAsJsonWithLines) {
  EXPECT_EQ(
      complaint_about("job.json", "{\"command\": [\"a\"],\n \"resources\": {\n  \"gpu\": 1}}"),
      "job.json:3: resources.gpu: unknown field; did you mean resources.gpus?");
  EXPECT_THAT(complaint_about("job.json", "{\"command\": [\"a\"], 'x': 1}"),
              HasSubstr("not valid JSON"));
  const auto file = parse_spec_text("x", R"({"a": "\ud83c\udfac\/"})");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->json["a"], "🎬/");
}

TEST(SpecFile, AbsentFileIsNotFound) {
  const auto file = read_spec_file("/nonexistent/job.yaml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::not_found);
}

}  // namespace
}  // namespace galley::cli
