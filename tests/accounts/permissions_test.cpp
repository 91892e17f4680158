#include "accounts/permissions.h"

#include <gtest/gtest.h>

#include <set>

#include "accounts/records.h"

namespace galley::accounts {
namespace {

TEST(Permissions, TheTableIsWhatTheDocumentationSays) {
  const std::set<std::pair<Role, Action>> allowed{
      {Role::viewer, Action::look},     {Role::viewer, Action::account},
      {Role::member, Action::look},     {Role::member, Action::account},
      {Role::member, Action::submit},   {Role::member, Action::deploy},
      {Role::admin, Action::look},      {Role::admin, Action::account},
      {Role::admin, Action::submit},    {Role::admin, Action::deploy},
      {Role::admin, Action::administer}};
  for (const Role role : kRoles)
    for (const Action action : kActions)
      EXPECT_EQ(role_may(role, action), allowed.contains({role, action}))
          << to_string(role) << " " << to_string(action);
}

TEST(Permissions, ANarrowTokenDoesItsOwnThingAndLooks) {
  for (const Scope scope : kScopes)
    for (const Action action : kActions) {
      const bool own = (scope == Scope::submit && action == Action::submit) ||
                       (scope == Scope::deploy && action == Action::deploy);
      EXPECT_EQ(scope_may(scope, action), scope == Scope::all || action == Action::look || own)
          << to_string(scope) << " " << to_string(action);
    }
}

TEST(Permissions, AHigherRoleMayAllThatALowerOneMay) {
  for (const Action action : kActions) {
    EXPECT_TRUE(!role_may(Role::viewer, action) || role_may(Role::member, action));
    EXPECT_TRUE(!role_may(Role::member, action) || role_may(Role::admin, action));
    EXPECT_TRUE(role_may(least_role(action), action));
  }
  EXPECT_EQ(least_role(Action::submit), Role::member);
  EXPECT_EQ(least_role(Action::administer), Role::admin);
}

TEST(Permissions, WordsAreReadBackAndMisspeltOnesAreNamed) {
  for (const Role role : kRoles) EXPECT_EQ(*parse_role(to_string(role)), role);
  for (const Scope scope : kScopes) EXPECT_EQ(*parse_scope(to_string(scope)), scope);
  const auto wrong = parse_role("membr");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().expected, "viewer, member or admin");
  EXPECT_EQ(wrong.error().hint, "did you mean member?");
  EXPECT_FALSE(parse_scope(""));
  EXPECT_FALSE(parse_scope("ALL"));
}

TEST(Names, OfUsersAreCheckedAndReservedOnesRefused) {
  for (const char* name : {"ada", "a", "0x", "ada.lovelace", "a-b_c"})
    EXPECT_TRUE(check_user_name(name)) << name;
  for (const char* name : {"", "Ada", "-a", ".a", "a b", "a/b", "job:x", "a\n", "ä"})
    EXPECT_FALSE(check_user_name(name)) << name;
  for (const char* name : {"token", "local", "session", "job", "agent", "system"})
    EXPECT_FALSE(check_user_name(name)) << name;
  EXPECT_TRUE(check_user_name(std::string(63, 'a')));
  EXPECT_FALSE(check_user_name(std::string(64, 'a')));
}

TEST(Names, ASecretHasOneForm) {
  const std::string good = "gly_" + std::string(64, 'a');
  EXPECT_TRUE(is_secret(good));
  EXPECT_FALSE(is_secret(good + "a"));
  EXPECT_FALSE(is_secret(good.substr(1)));
  EXPECT_FALSE(is_secret("GLY_" + std::string(64, 'a')));
  EXPECT_FALSE(is_secret("gly_" + std::string(64, 'A')));
  EXPECT_FALSE(is_secret(""));
}

}  // namespace
}  // namespace galley::accounts
