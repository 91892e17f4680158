#include "accounts/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "support/temp_folder.h"

namespace galley::accounts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Millis kDay = std::chrono::hours(24);

class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() {
    auto opened = store::open_sqlite({.path = folder_ / "x.db", .durable = false});
    GALLEY_CHECK(opened, "a database in an empty folder");
    database_ = *std::move(opened);
    accounts_.emplace(*database_, clock_, ids_);
  }
  User add(const std::string& name, Role role = Role::member, std::vector<std::string> teams = {}) {
    const auto user =
        accounts_->add_user({.name = name, .role = role, .teams = std::move(teams)}, by_);
    EXPECT_TRUE(user) << describe(user.error());
    return *user;
  }
  Result<Accounts::Made> token(const std::string& user, Millis lifetime = kDay,
                               const std::string& team = {}) {
    return accounts_->create_token(
        {.user = user, .name = "ci", .scope = Scope::submit, .team = team, .lifetime = lifetime},
        by_);
  }
  std::vector<std::string> audited() const {
    std::vector<std::string> found;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows,
                 transaction.query("select principal || ' ' || action || ' ' || subject || ' ' ||"
                                   " request_id || ' ' || address from audit order by seq"));
      for (const auto& row : rows) found.push_back(row.text(0));
      return ok();
    }));
    return found;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  const By by_{"root", "req-1", "10.0.0.7"};
  std::unique_ptr<store::Database> database_;
  std::optional<Accounts> accounts_;
};

TEST_F(AccountsTest, UsersAreAddedChangedAndRemoved) {
  EXPECT_THAT(add("ada", Role::member, {"vision", "nlp", "nlp"}).teams,
              ElementsAre("nlp", "vision"));
  EXPECT_THAT(add("bob").teams, ElementsAre("default"));
  const auto again = accounts_->add_user({.name = "ada"}, by_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);

  const auto changed = accounts_->set_user({.name = "ada",
                                            .role = Role::admin,
                                            .teams = {"ops"},
                                            .quota = {.max_queued_jobs = 5, .max_job_gpus = 8}},
                                           by_);
  ASSERT_TRUE(changed);
  const auto users = accounts_->users();
  ASSERT_EQ(users->size(), 2u);
  EXPECT_EQ(users->front().role, Role::admin);
  EXPECT_THAT(users->front().teams, ElementsAre("ops"));
  EXPECT_EQ(users->front().quota, (Quota{5, 8}));

  EXPECT_TRUE(accounts_->remove_user("ada", by_));
  EXPECT_EQ(accounts_->remove_user("ada", by_).error().code, Errc::not_found);
  const auto gone = accounts_->user("ada");
  EXPECT_EQ(gone.error().code, Errc::not_found);
  EXPECT_EQ(accounts_->user("bobb").error().hint, "did you mean bob?");
  EXPECT_THAT(audited(),
              ElementsAre("root user.add ada role=member teams=nlp,vision req-1 10.0.0.7",
                          "root user.add bob role=member teams=default req-1 10.0.0.7",
                          "root user.set ada role=admin teams=ops req-1 10.0.0.7",
                          "root user.remove ada req-1 10.0.0.7"));
}

TEST_F(AccountsTest, BadUsersAreRefusedByField) {
  const auto field = [&](const UserSpec& spec) {
    const auto refused = accounts_->add_user(spec, by_);
    return refused ? std::string("accepted") : refused.error().field;
  };
  EXPECT_EQ(field({.name = "A"}), "name");
  EXPECT_EQ(field({.name = "a", .teams = {"x/y"}}), "teams");
  EXPECT_EQ(field({.name = "a", .teams = {""}}), "teams");
  EXPECT_EQ(field({.name = "a", .teams = std::vector<std::string>(65, "t")}), "teams");
  EXPECT_EQ(field({.name = "a", .quota = {.max_queued_jobs = -1}}), "max_queued_jobs");
  EXPECT_EQ(field({.name = "a", .quota = {.max_job_gpus = 2'000'000}}), "max_job_gpus");
  EXPECT_EQ(accounts_->set_user({.name = "a"}, by_).error().code, Errc::not_found);
  EXPECT_TRUE(audited().empty());
}

TEST_F(AccountsTest, ATokenIsShownOnceAndOnlyItsHashIsKept) {
  add("ada");
  const auto made = token("ada");
  ASSERT_TRUE(made);
  EXPECT_TRUE(is_secret(made->secret));
  EXPECT_NE(token("ada")->secret, made->secret);
  const auto known = accounts_->known_tokens();
  ASSERT_EQ(known->size(), 2u);
  EXPECT_TRUE(known->front().sha256 == sha256_hex(made->secret) ||
              known->back().sha256 == sha256_hex(made->secret));
  accounts_.reset();
  database_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(bytes, Not(HasSubstr(made->secret.substr(4)))) << entry.path();
  }
}

TEST_F(AccountsTest, TokensAreBounded) {
  add("ada", Role::member, {"nlp"});
  EXPECT_EQ(token("nobody1").error().code, Errc::not_found);
  EXPECT_EQ(token("ada", Millis{0}).error().field, "lifetime");
  EXPECT_EQ(token("ada", kLongestTokenLifetime + kDay).error().field, "lifetime");
  EXPECT_EQ(token("ada", kDay, "vision").error().field, "team");
  EXPECT_TRUE(token("ada", kDay, "nlp"));
  for (std::size_t i = 1; i < kMaxTokensPerUser; ++i) ASSERT_TRUE(token("ada"));
  EXPECT_EQ(token("ada").error().code, Errc::rate_limited);
  clock_.advance(kDay + Millis{1});  // those that ended do not count
  EXPECT_TRUE(token("ada"));
}

TEST_F(AccountsTest, RevokingEndsATokenAndRemovingAUserEndsAll) {
  add("ada");
  add("bob");
  const auto first = token("ada")->token.id;
  const auto second = token("ada")->token.id;
  EXPECT_EQ(accounts_->revoke_token("bob", first, by_).error().code, Errc::not_found);
  EXPECT_TRUE(accounts_->revoke_token("ada", first, by_));
  EXPECT_TRUE(accounts_->revoke_token("ada", first, by_));
  auto tokens = accounts_->tokens("ada");
  ASSERT_EQ(tokens->size(), 2u);
  EXPECT_EQ(tokens->front().id, second);
  EXPECT_FALSE(tokens->front().revoked);
  EXPECT_TRUE(tokens->back().revoked);
  EXPECT_TRUE(accounts_->remove_user("ada", by_));
  add("ada");  // the name again, and nothing of what was
  tokens = accounts_->tokens("ada");
  EXPECT_TRUE(tokens->front().revoked);
}

TEST_F(AccountsTest, EndedTokensAreRememberedForAWhile) {
  add("ada");
  ASSERT_TRUE(token("ada"));
  clock_.advance(2 * kDay);
  EXPECT_EQ(accounts_->known_tokens()->size(), 1u);
  clock_.advance(90 * kDay);
  EXPECT_TRUE(accounts_->known_tokens()->empty());
}

TEST_F(AccountsTest, UseIsNoted) {
  add("ada");
  const auto id = token("ada")->token.id;
  accounts_->note_use(id, clock_.wall());
  ASSERT_TRUE(accounts_->revoke_token("ada", id, by_));  // after the note, in the order of writes
  EXPECT_EQ(accounts_->tokens("ada")->front().last_used, clock_.wall());
}

}  // namespace
}  // namespace galley::accounts
