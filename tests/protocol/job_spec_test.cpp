#include "protocol/job_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/text.h"

namespace galley::protocol {
namespace {

using ::testing::HasSubstr;

Result<JobSpec> parse(const std::string& text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json) << text;
  return parse_job_spec(*json);
}

TEST(JobSpec, NeedsOnlyACommand) {
  const auto spec = parse(R"({"command": ["/usr/bin/python3", "train.py"]})");
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_EQ(spec->name, "python3");
  EXPECT_EQ(spec->team, "default");
  EXPECT_EQ(spec->resources, Resources{});
  EXPECT_EQ(spec->log_limit.count, std::int64_t{1} << 30);
  EXPECT_EQ(spec->max_lost, 3);
}

TEST(JobSpec, ReadsPeoplesUnits) {
  const auto spec = parse(R"({"command": ["x"], "resources": {"memory": "32GiB", "gpus": 2},
      "max_runtime": "90m", "grace": 1.5, "start_at": "2026-12-01T09:00+09:00", "deadline": "2026-12-02T00:00Z",
      "priority_class": "idle", "kind": "job", "version": 1})");
  ASSERT_TRUE(spec) << describe(spec.error());
  EXPECT_EQ(spec->resources.memory.count, std::int64_t{32} << 30);
  EXPECT_EQ(spec->max_runtime, std::chrono::minutes(90));
  EXPECT_EQ(spec->grace, Millis(1500));
  EXPECT_EQ(spec->start_at, *parse_rfc3339("2026-12-01T00:00Z"));
  EXPECT_EQ(spec->deadline, *parse_rfc3339("2026-12-02T00:00Z"));
  EXPECT_EQ(spec->priority_class, PriorityClass::idle);
}

struct Wrong {
  std::string json;
  std::string field;
  std::string expected{};  // a part of it
  std::string hint{};      // a part of it
};

class WrongSpec : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongSpec, IsRefusedWithItsPlaceAndWhatWouldBeRight) {
  const Wrong& wrong = GetParam();
  const auto spec = parse(wrong.json);
  ASSERT_FALSE(spec) << wrong.json;
  const Error& error = spec.error();
  EXPECT_EQ(error.field, wrong.field) << describe(error);
  EXPECT_THAT(error.expected, HasSubstr(wrong.expected));
  EXPECT_THAT(error.hint, HasSubstr(wrong.hint));
  EXPECT_FALSE(error.message.empty());
  EXPECT_TRUE(is_valid_utf8(describe(error)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, WrongSpec,
    ::testing::Values(
        Wrong{R"([])", "", "an object"}, Wrong{R"({})", "command", "The program and its arguments"},
        Wrong{R"({"command": []})", "command", "1 to 4096"},
        Wrong{R"({"command": "true"})", "command", "a list"},
        Wrong{R"({"command": [7]})", "command[0]", "a text in quotes"},
        Wrong{R"({"command": [""]})", "command[0]", "a program"},
        Wrong{"{\"command\": [\"a\", \"b\\u0000c\"]}", "command[1]", "without NUL"},
        Wrong{R"({"comand": ["x"]})", "comand", "", "did you mean command?"},
        Wrong{R"({"command": ["x"], "bananas": 1})", "bananas", "one of kind, version, name"},
        Wrong{R"({"command": ["x"], "resources": {"gpu": 1}})", "resources.gpu", "",
              "did you mean resources.gpus?"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": -1}})", "resources.gpus", "0 to 4096"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 1.5}})", "resources.gpus",
              "a whole number"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": "two"}})", "resources.gpus",
              "a whole number"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 18446744073709551615}})",
              "resources.gpus", "0 to 4096"},
        Wrong{R"({"command": ["x"], "resources": {"cpus": 0}})", "resources.cpus", "1 to 4096"},
        Wrong{R"({"command": ["x"], "resources": {"memory": "much"}})", "resources.memory",
              "32GiB"},
        Wrong{R"({"command": ["x"], "resources": {"memory": true}})", "resources.memory", "32GiB"},
        Wrong{R"({"command": ["x"], "resources": {"gpu_type": ""}})", "resources.gpu_type",
              "1 to 64"},
        Wrong{R"({"command": ["x"], "resources": []})", "resources", "an object"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 1000000000}})", "resources.gpus",
              "0 to 4096"},
        Wrong{R"({"command": ["x"], "resources": {"nodes": 0}})", "resources.nodes", "1 to 4096"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 1, "gpu_milli": 0}})",
              "resources.gpu_milli", "1 to 1000"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 1, "gpu_milli": 1001}})",
              "resources.gpu_milli", "1 to 1000"},
        Wrong{R"({"command": ["x"], "resources": {"gpu_milli": 500}})", "resources.gpu_milli",
              "gpus: 1"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 2, "gpu_milli": 500}})",
              "resources.gpu_milli", "gpus: 1"},
        Wrong{R"({"command": ["x"], "resources": {"gpus": 1, "gpu_milli": 500, "nodes": 2}})",
              "resources.gpu_milli", "nodes: 1"},
        Wrong{R"({"command": ["x"], "resources": {"gpu_memory": "8GiB"}})", "resources.gpu_memory",
              "at least one GPU"},
        Wrong{R"({"command": ["x"], "reservation": "tuesday"})", "reservation", "rsv_",
              "galley reservations"},
        Wrong{R"({"command": ["x"], "priority_class": "norml"})", "priority_class",
              "one of urgent, normal, idle", "did you mean normal?"},
        Wrong{R"({"command": ["x"], "max_runtime": "soon"})", "max_runtime", "90m"},
        Wrong{R"({"command": ["x"], "max_runtime": -1})", "max_runtime", "zero or more"},
        Wrong{R"({"command": ["x"], "start_at": "tomorrow"})", "start_at",
              "2026-12-01T09:00+09:00"},
        Wrong{R"({"command": ["x"], "start_at": 5})", "start_at", "a time"},
        Wrong{R"({"command": ["x"], "env": {"1A": "x"}})", "env", "letters, digits"},
        Wrong{R"({"command": ["x"], "env": {"A": 1}})", "env.A", "a text in quotes"},
        Wrong{R"({"command": ["x"], "env": ["A=1"]})", "env", "an object of texts"},
        Wrong{R"({"command": ["x"], "datasets": ["nsmc"]})", "datasets[0]", "NAME@VERSION"},
        Wrong{R"({"command": ["x"], "datasets": ["a@1", "nsmc@x"]})", "datasets[1]",
              "NAME@VERSION"},
        Wrong{R"({"command": ["x"], "workdir": "here"})", "workdir", "an absolute path"},
        Wrong{R"({"command": ["x"], "log_limit": "1KiB"})", "log_limit", "at least 4KiB"},
        Wrong{R"({"command": ["x"], "log_limit": "4000000TiB"})", "log_limit", "0 to "},
        Wrong{R"({"command": ["x"], "team": ""})", "team", "1 to 64"},
        Wrong{R"({"command": ["x"], "name": 5})", "name", "a text in quotes"},
        Wrong{R"({"command": ["x"], "kind": "study"})", "kind", "job"},
        Wrong{R"({"command": ["x"], "version": 2})", "version", "1 to 1"},
        Wrong{R"({"command": ["x"], "max_lost": 101})", "max_lost", "0 to 100"},
        Wrong{R"({"command": ["x"], "build": {}})", "build.context", "Folder that the image"},
        Wrong{R"({"command": ["x"], "image": "a:1", "build": {"context": "c@1"}})", "build",
              "either image or build"},
        Wrong{R"({"command": ["x"], "image": "--privileged"})", "image", "NAME:TAG"},
        Wrong{R"({"command": ["x"], "image": "two words"})", "image", "NAME:TAG"},
        Wrong{R"({"command": ["x"], "build": {"context": "./code"}})", "build.context",
              "a frozen data set", "`galley submit` freezes a folder"},
        Wrong{
            R"({"command": ["x"], "build": {"context": "c@1", "file": "F", "requirements": "r"}})",
            "build.requirements", "either file or requirements"},
        Wrong{R"({"command": ["x"], "build": {"context": "c@1", "file": "../F"}})", "build.file",
              "below the context"},
        Wrong{R"({"command": ["x"], "build": {"context": "c@1", "requirements": "/etc/passwd"}})",
              "build.requirements", "below the context"},
        Wrong{R"({"command": ["x"], "build": {"context": "c@1", "requirements": "$HOME"}})",
              "build.requirements", "without blanks"},
        Wrong{R"({"command": ["x"], "build": {"context": "c@1", "base": "b"}})", "build.base",
              "requirements beside it"},
        Wrong{R"({"command": ["x"], "build": {"context": "c@1", "max_runtime": 0}})",
              "build.max_runtime", "1s to 24h"},
        Wrong{R"({"command": ["x"], "executor": "slurm", "build": {"context": "c@1"}})", "build",
              "no build"},
        Wrong{R"({"command": ["x"], "metrics": {}})", "metrics", "pattern, tensorboard or target"},
        Wrong{R"({"command": ["x"], "metrics": {"pattern": "loss (?<loss>[\\d"}})",
              "metrics.pattern", "a regular expression"},
        Wrong{R"({"command": ["x"], "metrics": {"pattern": "loss ([\\d.]+)!"}})", "metrics.pattern",
              "groups such as (?<step>"},
        Wrong{R"({"command": ["x"], "metrics": {"pattern": "(?<a>a)\\C"}})", "metrics.pattern",
              "a regular expression"},
        Wrong{R"({"command": ["x"], "metrics": {"patern": "(?<a>a)!"}})", "metrics.patern", "",
              "did you mean metrics.pattern?"},
        Wrong{R"({"command": ["x"], "metrics": {"target": "accuracy"}})", "metrics.target",
              "such as loss <= 0.3"},
        Wrong{R"({"command": ["x"], "metrics": {"target": "accuracy > high"}})", "metrics.target",
              "such as loss <= 0.3"},
        Wrong{R"({"command": ["x"], "metrics": {"tensorboard": "/runs"}})", "metrics.tensorboard",
              "below the one that the job runs in"},
        Wrong{R"({"command": ["x"], "metrics": {"tensorboard": "a/../../b"}})",
              "metrics.tensorboard", "below the one that the job runs in"}));

TEST(JobSpec, ReadsAWantedValue) {
  EXPECT_EQ(*parse_metric_goal("val/accuracy >= 0.93", "x"),
            (MetricGoal{"val/accuracy", 0.93, false}));
  EXPECT_EQ(*parse_metric_goal("loss<1e-3", "x"), (MetricGoal{"loss", 1e-3, true}));
}

TEST(JobSpec, APatternForMetricsMayNotGrowWithoutEnd) {
  const auto with = [](const std::string& pattern) {
    return parse(dump_json({{"command", {"x"}}, {"metrics", {{"pattern", pattern}}}}));
  };
  EXPECT_TRUE(with("iter (?<step>\\d+).*loss (?<loss>[\\d.]+)"));
  EXPECT_FALSE(with("(?<a>a)" + std::string(1'024, 'b')));
  EXPECT_FALSE(with("(?<a>((((a{999}){999}){999}){999}))")) << "compiles to more than there is";
  std::string groups = "(?<a>a)";
  for (int i = 0; i < 64; ++i) groups += "(b)?";
  EXPECT_FALSE(with(groups));
}

TEST(JobSpec, TheImageOfABuildFollowsFromAllThatDecidesIt) {
  BuildSpec build{.context = "code@1", .requirements = "requirements.txt"};
  const auto inputs = build_inputs(build, "abc");
  build.context = "code@2";
  build.max_runtime = Millis{5'000};
  build.base = std::string(kBuildBase);
  EXPECT_EQ(build_inputs(build, "abc"), inputs) << "the same content makes the same image";
  EXPECT_NE(build_inputs(build, "abd"), inputs);
  build.base = "other:1";
  EXPECT_NE(build_inputs(build, "abc"), inputs);
  EXPECT_EQ(built_image(std::string(64, 'a')), "localhost/galley-build:" + std::string(32, 'a'));
}

TEST(JobSpec, TakesAPartOfAGpu) {
  const auto part = parse(
      R"({"command": ["x"], "resources": {"gpus": 1, "gpu_milli": 250, "gpu_memory": "6GiB"}})");
  ASSERT_TRUE(part) << describe(part.error());
  EXPECT_EQ(part->resources.gpu_milli, 250);
  EXPECT_EQ(part->resources.gpu_memory->count, std::int64_t{6} << 30);
  // A whole one may be said twice.
  EXPECT_TRUE(parse(R"({"command": ["x"], "resources": {"gpus": 4, "gpu_milli": 1000}})"));
}

TEST(JobSpec, TellsAmountsFromOtherMistakes) {
  const auto about_amounts = [](const std::string& resources) {
    const Json json{{"command", {"x"}}, {"resources", *parse_json(resources)}};
    const auto spec = parse_job_spec(json);
    EXPECT_FALSE(spec) << resources;
    return is_about_amounts(json, spec.error());
  };
  EXPECT_TRUE(about_amounts(R"({"gpus": 1000000000})"));
  EXPECT_TRUE(about_amounts(R"({"gpus": -1})"));
  EXPECT_TRUE(about_amounts(R"({"nodes": 0})"));
  EXPECT_TRUE(about_amounts(R"({"gpus": 2, "gpu_milli": 500})"));
  EXPECT_FALSE(about_amounts(R"({"gpu": 1})"));
  EXPECT_FALSE(about_amounts(R"({"gpus": "two"})"));
  const Json other{{"command", {"x"}}, {"max_lost", 1000}};
  EXPECT_FALSE(is_about_amounts(other, parse_job_spec(other).error()));
}

TEST(JobSpec, ALongProgramNameIsCutBetweenCharacters) {
  const std::string program = std::string(127, 'a') + "é";
  const auto spec = parse_job_spec(Json{{"command", {program}}});
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, std::string(127, 'a'));
}

/// What is accepted is stored as JSON; a spec that could not be read again would block the queue.
void expect_readable_again(const JobSpec& spec) {
  const auto printed = parse_json(dump_json(print_struct(spec)));
  ASSERT_TRUE(printed);
  const auto again = parse_job_spec(*printed);
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(*again, spec);
}

TEST(JobSpec, TheLargestValuesThatAreAcceptedCanBeReadAgain) {
  for (const auto text : {R"({"command": ["x"], "max_runtime": "3700000d"})",
                          R"({"command": ["x"], "grace": 3.2e11})",
                          R"({"command": ["x"], "grace": "319999999999.9999s"})",
                          R"({"command": ["x"], "log_limit": "1000000TiB"})",
                          R"({"command": ["x"], "start_at": "9999-12-31T23:59:59.999Z"})"}) {
    const auto spec = parse(text);
    ASSERT_TRUE(spec) << text << describe(spec.error());
    expect_readable_again(*spec);
  }
}

RC_GTEST_PROP(JobSpec, ReadsBackWhatItPrints, ()) {
  const auto word = rc::gen::nonEmpty(rc::gen::string<std::string>());
  const auto text = rc::gen::map(word, [](std::string raw) {
    std::erase(raw, '\0');
    const std::string whole = to_valid_utf8("w" + raw);
    return whole.size() > 60 ? std::string("w") : whole;
  });
  JobSpec spec;
  spec.name = *text;
  spec.team = *text;
  spec.command = *rc::gen::container<std::vector<std::string>>(text);
  spec.command.insert(spec.command.begin(), "prog");
  spec.resources.gpus = *rc::gen::inRange<std::int64_t>(0, 4097);
  spec.resources.cpus = *rc::gen::inRange<std::int64_t>(1, 4097);
  spec.resources.memory.count = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 50);
  if (*rc::gen::arbitrary<bool>()) spec.resources.gpu_type = "H100";
  if (*rc::gen::arbitrary<bool>())
    spec.max_runtime = Millis{*rc::gen::inRange<std::int64_t>(0, 320'000'000'000'000)};
  if (*rc::gen::arbitrary<bool>())
    spec.start_at = from_ms(*rc::gen::inRange<std::int64_t>(0, 253'402'300'800'000));
  if (*rc::gen::arbitrary<bool>())
    spec.deadline = from_ms(*rc::gen::inRange<std::int64_t>(0, 253'402'300'800'000));
  spec.grace = Millis{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000)};
  spec.priority_class =
      *rc::gen::element(PriorityClass::urgent, PriorityClass::normal, PriorityClass::idle);
  spec.env[*rc::gen::element<std::string>("A", "_B1", "PATH")] = *text;
  const auto again = parse_job_spec(*parse_json(dump_json(print_struct(spec))));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == spec);
}

TEST(JobSpecSchema, KnowsEveryFieldAndItsBounds) {
  const Json schema = schema_of<JobSpec>();
  EXPECT_EQ(schema["required"], Json::array({"command"}));
  EXPECT_EQ(schema["additionalProperties"], false);
  const Json printed = print_struct(*parse(R"({"command": ["x"]})"));
  for (const auto& [name, value] : printed.items()) {
    ASSERT_TRUE(schema["properties"].contains(name)) << name;
    EXPECT_FALSE(schema["properties"][name]["description"].get<std::string>().empty());
  }
  const Json& resources = schema["properties"]["resources"]["properties"];
  EXPECT_EQ(resources["gpus"]["maximum"], 4096);
  EXPECT_EQ(resources["cpus"]["minimum"], 1);
  EXPECT_EQ(schema["properties"]["priority_class"]["enum"],
            Json::array({"urgent", "normal", "idle"}));
}

}  // namespace
}  // namespace galley::protocol
