#include "identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::api {
namespace {

using accounts::Action;
using accounts::Role;
using accounts::Scope;
using ::testing::HasSubstr;

Identity user(Role role, std::vector<std::string> teams) {
  return {.principal = "ada",
          .user = std::make_shared<const accounts::User>(
              accounts::User{.name = "ada", .role = role, .teams = std::move(teams)})};
}
Identity narrowed(Identity who, Scope scope, const std::string& team = {}) {
  who.token = std::make_shared<const accounts::Token>(
      accounts::Token{.user = "ada", .name = "ci", .scope = scope, .team = team});
  return who;
}

TEST(Identity, TheOwnerMayEverything) {
  const Identity owner{.principal = "token"};
  for (const Action action : accounts::kActions) EXPECT_TRUE(check_action(owner, action));
  EXPECT_TRUE(check_team(owner, "any"));
  EXPECT_TRUE(check_owner(owner, "bob", "job x"));
  EXPECT_EQ(usual_team(owner), "default");
}

TEST(Identity, ARefusalNamesTheRoleAndTheWayToIt) {
  const auto refused = check_action(user(Role::viewer, {"nlp"}), Action::submit);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::forbidden);
  EXPECT_EQ(refused.error().message, "ada is a viewer, and this needs the role member");
  EXPECT_THAT(refused.error().hint, HasSubstr("galley users set ada --role member"));
}

TEST(Identity, TeamsBoundMembersAndNotAdministrators) {
  const auto member = user(Role::member, {"nlp", "vision"});
  EXPECT_TRUE(check_team(member, "nlp"));
  const auto refused = check_team(member, "ops");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().expected, "one of nlp, vision");
  EXPECT_TRUE(check_team(user(Role::admin, {"nlp"}), "ops"));
  EXPECT_EQ(usual_team(member), "default");
  EXPECT_EQ(usual_team(user(Role::member, {"nlp"})), "nlp");
}

TEST(Identity, ATokenOfATeamIsForNothingElse) {
  const auto who = narrowed(user(Role::admin, {"nlp", "vision"}), Scope::all, "nlp");
  EXPECT_TRUE(check_team(who, "nlp"));
  EXPECT_FALSE(check_team(who, "vision"));
  EXPECT_EQ(usual_team(who), "nlp");
  EXPECT_TRUE(check_action(who, Action::submit));
  EXPECT_FALSE(check_action(who, Action::account));
  EXPECT_FALSE(check_action(who, Action::administer));
}

TEST(Identity, AScopeNeverWidensARole) {
  for (const Scope scope : accounts::kScopes)
    EXPECT_FALSE(check_action(narrowed(user(Role::viewer, {"nlp"}), scope), Action::submit));
  const auto refused =
      check_action(narrowed(user(Role::admin, {"nlp"}), Scope::read), Action::submit);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "the token 'ci' is good for 'read' only, and this is 'submit'");
}

TEST(Identity, OnlyTheOwnerOfAJobOrAnAdministratorChangesIt) {
  EXPECT_TRUE(check_owner(user(Role::member, {"nlp"}), "ada", "job x"));
  const auto refused = check_owner(user(Role::member, {"nlp"}), "bob", "job x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "job x belongs to bob");
  EXPECT_TRUE(check_owner(user(Role::admin, {"nlp"}), "bob", "job x"));
}

}  // namespace
}  // namespace galley::api
