#include "cli/upgrade.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::cli {
namespace {

using ::testing::HasSubstr;
using Verdict = UpgradeAnswer::Verdict;

/// Steps 1 to 8 as they are counted, 9 as an addition; two controllers, one agent, room enough.
UpgradeFacts same() {
  UpgradeFacts facts;
  for (std::int64_t number = 1; number <= 8; ++number) {
    facts.program.schema.push_back({number, false});
    facts.installation.counted.push_back(number);
  }
  facts.program.schema.push_back({9, true});
  facts.installation.additions = {9};
  facts.installation.controllers = {{"a", "0.1.0", 1}, {"b", "0.1.0", 1}};
  facts.installation.agents = {{"gpu1", "0.1.0", 1}};
  facts.installation.backup_bytes = 1'000;
  facts.installation.free_bytes = 1'000'000;
  facts.installation.backup_folder = "/backup";
  return facts;
}

UpgradeAnswer::Finding finding(const UpgradeAnswer& answer, const std::string& subject) {
  for (const auto& one : answer.findings)
    if (one.subject == subject) return one;
  return {};
}

TEST(Upgrade, TheSameProgramIsAllowed) {
  const auto answer = check_upgrade(same());
  EXPECT_TRUE(answer.allowed);
  EXPECT_EQ(finding(answer, "migration").text, "none is needed");
}

TEST(Upgrade, ANewerProgramWhoseStepsOnlyAddGoesBesideTheOld) {
  auto facts = same();
  facts.program.schema.push_back({10, true});
  const auto answer = check_upgrade(facts);
  EXPECT_TRUE(answer.allowed);
  EXPECT_THAT(finding(answer, "migration").text, HasSubstr("step 10 only adds"));
  ASSERT_EQ(answer.steps.size(), 4U);
  EXPECT_THAT(answer.steps[0], HasSubstr("backup"));
  EXPECT_THAT(answer.steps[1], HasSubstr("handover"));
  EXPECT_THAT(answer.steps[2], HasSubstr("each agent"));
}

TEST(Upgrade, AStepThatChangesNeedsAllOtherControllersStopped) {
  auto facts = same();
  facts.program.schema.push_back({10, false});
  EXPECT_FALSE(check_upgrade(facts).allowed);
  facts.installation.controllers.pop_back();
  const auto answer = check_upgrade(facts);
  EXPECT_TRUE(answer.allowed);
  EXPECT_EQ(finding(answer, "migration").verdict, Verdict::note);
}

TEST(Upgrade, BackOverAnAdditionIsAllowedAndAgentsGoFirst) {
  auto facts = same();
  facts.program.schema.pop_back();
  const auto answer = check_upgrade(facts);
  EXPECT_TRUE(answer.allowed);
  EXPECT_THAT(finding(answer, "schema").text, HasSubstr("only adds"));
  EXPECT_THAT(answer.steps[1], HasSubstr("each agent"));
}

TEST(Upgrade, BackOverAChangeIsRefused) {
  auto facts = same();
  facts.installation.counted.push_back(10);
  const auto answer = check_upgrade(facts);
  EXPECT_FALSE(answer.allowed);
  EXPECT_TRUE(answer.steps.empty());
  EXPECT_THAT(finding(answer, "schema").text, HasSubstr("at version 10"));
  EXPECT_THAT(finding(answer, "schema").text, HasSubstr("up to 9"));
}

TEST(Upgrade, AProgramThatTellsNothingIsTried) {
  auto facts = same();
  facts.program.schema.clear();
  EXPECT_FALSE(check_upgrade(facts).allowed);
  facts.trial = Trial{.opened = false, .said = "knows versions up to 5"};
  EXPECT_THAT(finding(check_upgrade(facts), "schema").text, HasSubstr("up to 5"));
  facts.trial = Trial{.opened = true, .said = {}};
  EXPECT_TRUE(check_upgrade(facts).allowed);
}

TEST(Upgrade, AgentsMayBeOneVersionAway) {
  auto facts = same();
  facts.program.protocol = 3;
  facts.program.oldest_protocol = 2;
  EXPECT_THAT(finding(check_upgrade(facts), "agents").text, HasSubstr("gpu1 (version 1)"));
  facts.installation.agents[0].protocol = 4;
  EXPECT_TRUE(check_upgrade(facts).allowed);
  facts.installation.agents[0].protocol = 5;
  EXPECT_FALSE(check_upgrade(facts).allowed);
}

TEST(Upgrade, ABackupMustFit) {
  auto facts = same();
  facts.installation.free_bytes = 1'000;
  const auto answer = check_upgrade(facts);
  EXPECT_FALSE(answer.allowed);
  EXPECT_THAT(finding(answer, "backup").text, HasSubstr("--backup-to"));
}

}  // namespace
}  // namespace galley::cli
