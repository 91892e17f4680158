#include "alerts/rule.h"

#include <gmock/gmock.h>

namespace galley::alerts {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

Rule rule(const char* text) {
  auto parsed = parse_rule(text);
  EXPECT_TRUE(parsed) << text << ": " << describe(parsed.error());
  return parsed ? *parsed : Rule{};
}

TEST(ParseRule, ReadsTheRulesOfTheManual) {
  const Rule cpu = rule("node_cpu_ratio > 80% for 5m");
  EXPECT_EQ(telemetry::name_of(cpu.metric), "node_cpu_ratio");
  EXPECT_EQ(cpu.bound, (Bound{Comparison::above, 0.8}));
  EXPECT_EQ(cpu.hold, 5min);
  EXPECT_EQ(rule("team_idle_gpus>=8 for 1h").bound, (Bound{Comparison::at_least, 8}));
  const Rule hot = rule(R"(gpu_temperature_celsius{node="gpu05", gpu="3"} > 90 for 2m until < 80)");
  ASSERT_EQ(hot.labels.size(), 2U);
  EXPECT_EQ(hot.labels[1], (std::pair<std::string, std::string>{"gpu", "3"}));
  EXPECT_EQ(hot.until, (Bound{Comparison::below, 80}));
  EXPECT_EQ(rule("node_disk_free_bytes < 1e9").hold, 0ms);
  EXPECT_EQ(rule("gpu_lost == 1").bound.comparison, Comparison::equal);
}

TEST(ParseRule, PrintsWhatItReadsBack) {
  for (const char* text : {"node_cpu_ratio > 0.8", "gpu_lost != 0 for 7d",
                           R"(team_idle_gpus{team="n l}p"} >= 8 for 1500ms until < 2)",
                           "fleet_oldest_queued_s <= -1e-7"})
    EXPECT_EQ(rule(print_rule(rule(text)).c_str()), rule(text)) << text;
}

TEST(ParseRule, SaysWhatIsWrongAndWhere) {
  const auto refusal = [](const std::string& text) {
    const auto parsed = parse_rule(text);
    EXPECT_FALSE(parsed) << text;
    if (parsed) return std::string();
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_EQ(parsed.error().field, "expression");
    return describe(parsed.error());
  };
  EXPECT_THAT(refusal("node_cpu_rato > 1"), HasSubstr("did you mean node_cpu_ratio?"));
  EXPECT_THAT(refusal("job_eta > deadline"), HasSubstr("there is no metric 'job_eta'"));
  EXPECT_THAT(refusal(""), HasSubstr("name of a metric"));
  EXPECT_THAT(refusal("node_cpu_ratio"), HasSubstr("one of > >= < <= == !="));
  EXPECT_THAT(refusal("node_cpu_ratio > high"), HasSubstr("a number"));
  EXPECT_THAT(refusal("node_cpu_ratio > nan"), HasSubstr("a number"));
  EXPECT_THAT(refusal("node_cpu_ratio > 1e999"), HasSubstr("a number"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8x"), HasSubstr("a space after the number"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8 for ever"), HasSubstr("a duration up to 7d"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8 for 8d"), HasSubstr("a duration up to 7d"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8 until > 0.9"), HasSubstr("on the other side"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8 until < 0.9"), HasSubstr("on the other side"));
  EXPECT_THAT(refusal("gpu_lost == 1 until < 1"), HasSubstr("no `until`"));
  EXPECT_THAT(refusal("node_cpu_ratio{rack=\"1\"} > 0.8"), HasSubstr("one of the labels"));
  EXPECT_THAT(refusal("node_cpu_ratio{node=\"a > 0.8"), HasSubstr("closing double quote"));
  EXPECT_THAT(refusal("node_cpu_ratio > 0.8 and more"), HasSubstr("character 22"));
  EXPECT_THAT(refusal(std::string(600, 'x')), HasSubstr("at most 512"));
  EXPECT_THAT(refusal("\xff"), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace galley::alerts
