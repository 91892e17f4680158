#include "simulation/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "worlds.h"

namespace galley::simulation {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Workload shipped() {
  auto trace = read_trace(std::string(GALLEY_SOURCE_DIR) + "/data/traces/philly");
  GALLEY_CHECK(trace.has_value(), "the shipped trace is read");
  Cluster cluster = cluster_of("8x8");
  guarantee_by_share(cluster, *trace);
  auto workload = prepare(*std::move(trace), cluster);
  GALLEY_CHECK(workload.has_value(), "the shipped trace fits");
  return *std::move(workload);
}

Json without_times(Json json) {
  json.erase("seconds");
  for (auto& policy : json["policies"]) policy.erase("cpu_seconds");
  return json;
}

TEST(Simulate, GivesEveryFigureOfEveryPolicyAndTheSameOnAnyNumberOfThreads) {
  SimulateOptions options;
  for (const PolicyKind& kind : policy_kinds()) options.policies.emplace_back(kind.name);
  options.threads = 1;
  std::vector<double> ratios;
  options.progress = [&](double ratio) { ratios.push_back(ratio); };
  const auto once = simulate(shipped(), options);
  ASSERT_TRUE(once) << describe(once.error());
  EXPECT_TRUE(std::ranges::is_sorted(ratios));
  EXPECT_EQ(ratios.back(), 1);
  options.threads = 4;
  const auto again = simulate(shipped(), options);
  ASSERT_TRUE(again);

  const Json json = to_json(*once);
  EXPECT_EQ(without_times(json), without_times(to_json(*again)));
  EXPECT_EQ(json["policies"].size(), policy_kinds().size());
  EXPECT_EQ(json["policies"]["fifo-skip"]["backfill_gap_closed_pct"], 0);
  EXPECT_EQ(json["policies"]["sjf-exact"]["backfill_gap_closed_pct"], 100);
  for (const auto& [name, policy] : json["policies"].items()) {
    for (const char* key :
         {"mean_jct_s", "jct_p50_s", "jct_p90_s", "jct_p99_s", "p99_wait_16plus_s",
          "utilisation_pct", "fragmentation_pct", "preemptions", "lost_gpu_hours", "fairness"})
      EXPECT_TRUE(policy[key].is_number()) << name << " " << key;
    EXPECT_TRUE(policy["sharing_anomalies"]["count"].is_number()) << name;
    EXPECT_EQ(policy["start_interval_coverage_pct"].is_null(), !name.starts_with("galley")) << name;
  }
}

TEST(Simulate, DrawsAPageThatNeedsNothingButItself) {
  SimulateOptions options;
  options.policies = {"galley", "fifo-skip"};
  Workload workload = shipped();
  workload.trace.name = "<script>&\"";
  const auto simulation = simulate(std::move(workload), options);
  ASSERT_TRUE(simulation);
  const std::string html = to_html(*simulation);

  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;&amp;&quot;"));
  for (const char* outside : {"<script", "http:", "https:", "src=", "url(", "@import", "<link"})
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  for (const char* not_a_number : {"nan", "inf,", "-inf"})
    EXPECT_THAT(html, Not(HasSubstr(not_a_number)));
}

TEST(Simulate, RefusesPoliciesThatMakeNoSense) {
  const auto error = [](std::vector<std::string> policies) {
    SimulateOptions options;
    options.policies = std::move(policies);
    const auto simulation = simulate(workload_of({{0, 1, 1}}, cluster_of("1x8")), options);
    return simulation ? "accepted" : describe(simulation.error());
  };
  EXPECT_THAT(error({}), HasSubstr("no policy"));
  EXPECT_THAT(error({"fifo", "fifo"}), HasSubstr("twice"));
  EXPECT_THAT(error({"random"}), HasSubstr("one of galley"));
}

}  // namespace
}  // namespace galley::simulation
