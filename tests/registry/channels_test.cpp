#include <algorithm>

#include "fixture.h"

namespace galley::registry {
namespace {

class Channels : public RegistryFixture {
 protected:
  Result<MoveAnswer> rollback(const std::string& channel = "prod") {
    return registry_->rollback({.model = "reviews", .channel = channel, .principal = "tester"});
  }
  std::int64_t deployed(const std::string& channel = "prod") {
    const auto found = registry_->channel("reviews", channel);
    return found ? found->version : 0;
  }
};

TEST_F(Channels, DeployingMovesThePointerAndCountsGenerations) {
  const auto one = frozen("reviews", "1");
  const auto two = frozen("reviews", "2");
  const auto first = deploy(one);
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_TRUE(first->moved);
  EXPECT_FALSE(first->previous);
  EXPECT_EQ(first->channel.generation, 1);
  clock_.advance(Millis(10));
  const auto second = deploy(two);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->previous, one.id);
  EXPECT_EQ(second->channel.generation, 2);

  const auto now = registry_->channel("reviews", "prod");
  ASSERT_TRUE(now);
  EXPECT_EQ(now->snapshot_id, two.id);
  EXPECT_EQ(now->version, 2);
  EXPECT_EQ(now->changed, clock_.wall());
}

TEST_F(Channels, DeployingWhatIsDeployedChangesNothing) {
  const auto one = frozen("reviews", "1");
  ASSERT_TRUE(deploy(one));
  const auto again = deploy(one);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->moved);
  EXPECT_EQ(again->channel.generation, 1);
  EXPECT_EQ(registry_->history("reviews", "", 10)->size(), 1U);
}

TEST_F(Channels, RollingBackTwiceGoesTwoDeploymentsBack) {
  for (const std::string text : {"1", "2", "3"}) ASSERT_TRUE(deploy(frozen("reviews", text)));
  ASSERT_TRUE(rollback());
  EXPECT_EQ(deployed(), 2);
  const auto second = rollback();
  ASSERT_TRUE(second);
  EXPECT_EQ(deployed(), 1);
  EXPECT_EQ(second->channel.generation, 5);

  const auto third = rollback();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::conflict);
  EXPECT_NE(third.error().message.find("nothing was deployed before reviews@1"), std::string::npos)
      << third.error().message;
  EXPECT_EQ(deployed(), 1);
}

TEST_F(Channels, ADeploymentAfterARollbackLiesOnWhatWasReturnedTo) {
  std::vector<Snapshot> snapshots;
  for (const std::string text : {"1", "2", "3", "4"}) snapshots.push_back(frozen("reviews", text));
  ASSERT_TRUE(deploy(snapshots[0]));
  ASSERT_TRUE(deploy(snapshots[1]));
  ASSERT_TRUE(deploy(snapshots[2]));
  ASSERT_TRUE(rollback());            // 1 2
  ASSERT_TRUE(deploy(snapshots[3]));  // 1 2 4
  ASSERT_TRUE(rollback());
  EXPECT_EQ(deployed(), 2) << "version 3 was taken back before and does not come back";
  ASSERT_TRUE(rollback());
  EXPECT_EQ(deployed(), 1);
  EXPECT_FALSE(rollback());
}

TEST_F(Channels, BehaveAsAStackUnderAnySequence) {
  std::vector<Snapshot> snapshots;
  for (int i = 0; i < 5; ++i) snapshots.push_back(frozen("reviews", std::to_string(i)));
  std::vector<std::int64_t> model;  // the obvious stack
  std::uint64_t random = 88172645463325252ULL;
  for (int step = 0; step < 300; ++step) {
    random ^= random << 13U;
    random ^= random >> 7U;
    random ^= random << 17U;
    if (random % 3 == 0) {
      const auto target = registry_->rollback_target("reviews", "prod");
      EXPECT_EQ(target && target->has_value(), model.size() > 1);
      const auto answer = rollback();
      if (answer) {
        EXPECT_EQ(answer->channel.snapshot_id, **target);
      }
      EXPECT_EQ(answer.has_value(), model.size() > 1);
      if (model.size() > 1) model.pop_back();
    } else {
      const Snapshot& pick = snapshots[(random >> 8U) % snapshots.size()];
      ASSERT_TRUE(deploy(pick));
      if (model.empty() || model.back() != pick.version) model.push_back(pick.version);
    }
    ASSERT_EQ(deployed(), model.empty() ? 0 : model.back()) << "after step " << step;
  }
}

TEST_F(Channels, HaveIndependentHistories) {
  const auto one = frozen("reviews", "1");
  const auto two = frozen("reviews", "2");
  ASSERT_TRUE(deploy(one));
  ASSERT_TRUE(deploy(two, "canary"));
  ASSERT_TRUE(deploy(two));
  EXPECT_FALSE(rollback("canary"));
  ASSERT_TRUE(rollback());

  const auto all = registry_->history("reviews", "", 10);
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ((*all)[0].action, "rollback");
  EXPECT_EQ((*all)[0].version, 1);
  EXPECT_EQ((*all)[0].principal, "tester");
  EXPECT_EQ((*all)[3].generation, 1);
  EXPECT_EQ(registry_->history("reviews", "canary", 10)->size(), 1U);
  EXPECT_EQ(registry_->history("reviews", "", 2)->size(), 2U);

  const auto channels = registry_->channels();
  ASSERT_EQ(channels->size(), 2U);
  EXPECT_EQ((*channels)[0].channel, "canary");
  EXPECT_EQ(registry_->channels("reviews")->size(), 2U);
  EXPECT_TRUE(registry_->channels("other")->empty());
}

TEST_F(Channels, AnExpectedGenerationGuardsAgainstRaces) {
  const auto one = frozen("reviews", "1");
  const auto two = frozen("reviews", "2");
  MoveRequest request{.model = "reviews",
                      .channel = "prod",
                      .snapshot_id = one.id,
                      .expected_generation = 1,
                      .principal = "tester"};
  EXPECT_EQ(registry_->move_channel(request).error().code, Errc::conflict);
  request.expected_generation = 0;
  ASSERT_TRUE(registry_->move_channel(request));
  request.snapshot_id = two.id;
  const auto stale = registry_->move_channel(request);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Errc::conflict);
  EXPECT_NE(stale.error().message.find("generation 1"), std::string::npos) << stale.error().message;
  request.expected_generation = 1;
  ASSERT_TRUE(registry_->move_channel(request));

  const auto back = registry_->rollback(
      {.model = "reviews", .channel = "prod", .expected_generation = 1, .principal = "tester"});
  EXPECT_EQ(back.error().code, Errc::conflict);
  EXPECT_EQ(deployed(), 2);
}

TEST_F(Channels, RefuseWhatDoesNotBelongThere) {
  const auto model = frozen("reviews", "1");
  const auto other = frozen("other", "1");
  const auto data = frozen("reviews", "data", Kind::dataset);
  const auto attempt = [&](const SnapshotId& id, const std::string& channel = "prod") {
    return registry_->move_channel({.model = "reviews", .channel = channel, .snapshot_id = id})
        .error()
        .code;
  };
  EXPECT_EQ(attempt(other.id), Errc::invalid_argument);
  EXPECT_EQ(attempt(data.id), Errc::invalid_argument);
  EXPECT_EQ(attempt(ids_.next<SnapshotTag>()), Errc::not_found);
  EXPECT_EQ(attempt(model.id, "Prod"), Errc::invalid_argument);
  ASSERT_TRUE(registry_->delete_snapshot(model.id, "ada", "r"));
  EXPECT_EQ(attempt(model.id), Errc::not_found);

  EXPECT_EQ(rollback().error().code, Errc::not_found);
  EXPECT_EQ(registry_->channel("reviews", "prod").error().code, Errc::not_found);
}

TEST_F(Channels, WhatAChannelCanReturnToCannotBeDeleted) {
  std::vector<Snapshot> snapshots;
  for (const std::string text : {"1", "2", "3"}) snapshots.push_back(frozen("reviews", text));
  for (const auto& snapshot : snapshots) ASSERT_TRUE(deploy(snapshot));
  ASSERT_TRUE(rollback());  // 3 is off the stack

  for (const int index : {0, 1}) {
    const auto status =
        registry_->delete_snapshot(snapshots[static_cast<std::size_t>(index)].id, "ada", "r");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::conflict);
    EXPECT_NE(status.error().message.find("prod"), std::string::npos);
  }
  EXPECT_TRUE(registry_->delete_snapshot(snapshots[2].id, "ada", "r"));
  EXPECT_EQ(registry_->reachable_manifests()->size(), 2U);
}

TEST_F(Channels, EachMoveIsToldAndAudited) {
  const auto one = frozen("reviews", "1");
  const auto two = frozen("reviews", "2");
  ASSERT_TRUE(deploy(one));
  ASSERT_TRUE(deploy(two));
  ASSERT_TRUE(rollback());
  const auto told = events();
  ASSERT_EQ(told.size(), 5U);
  EXPECT_EQ(told[4].kind, "channel");
  EXPECT_EQ(told[4].subject, "reviews/prod");
  EXPECT_NE(told[4].data.find(R"("action":"rollback")"), std::string::npos) << told[4].data;
  EXPECT_NE(told[4].data.find(two.id.str()), std::string::npos) << "names where it came from";
  const auto lines = audited();
  EXPECT_EQ(lines[3], "channel.deploy reviews/prod -> reviews@2");
  EXPECT_EQ(lines[4], "channel.rollback reviews/prod -> reviews@1");
}

}  // namespace
}  // namespace galley::registry
