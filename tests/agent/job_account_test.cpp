#include "agent/job_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace galley::agent {
namespace {

using ::testing::HasSubstr;
using Who = JobsAs::Who;

const std::map<std::string, JobAccount> kAccounts{
    {"kim", {"kim", 1001, 1001, "/home/kim", "/bin/bash"}},
    {"www", {"www", 33, 33, "/var/www", "/bin/false"}},
    {"root", {"root", 0, 0, "/root", "/bin/bash"}}};

Result<std::optional<JobAccount>> find(const std::string& name) {
  const auto found = kAccounts.find(name);
  return found == kAccounts.end() ? std::nullopt : std::optional(found->second);
}

TEST(ParseJobsAs, RootRunsJobsAsTheirSubmittersUnlessToldOtherwise) {
  EXPECT_EQ(*parse_jobs_as("", true), JobsAs{Who::submitter});
  EXPECT_EQ(*parse_jobs_as("submitter", true), JobsAs{Who::submitter});
  EXPECT_EQ(*parse_jobs_as("agent", true), JobsAs{Who::agent});
  EXPECT_EQ(*parse_jobs_as("batch", true), (JobsAs{Who::account, "batch"}));
}

TEST(ParseJobsAs, NobodyElseCanBecomeAnother) {
  EXPECT_EQ(*parse_jobs_as("", false), JobsAs{Who::agent});
  EXPECT_EQ(*parse_jobs_as("agent", false), JobsAs{Who::agent});
  for (const char* text : {"submitter", "batch"}) {
    const auto refused = parse_jobs_as(text, false);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("only root"));
    EXPECT_EQ(refused.error().field, "--jobs-as");
  }
}

TEST(ParseJobsAs, RefusesWhatIsNoName) {
  for (const std::string text : {"a b", "a:b", "a/b", "a\n", "\xff"})
    EXPECT_FALSE(parse_jobs_as(text, true)) << text;
  EXPECT_FALSE(parse_jobs_as(std::string(1000, 'a'), true));
}

TEST(AccountOfJob, ASubmitterHasTheAccountOfItsName) {
  const auto account = account_of_job({Who::submitter}, "kim", find);
  ASSERT_TRUE(account && *account);
  EXPECT_EQ((*account)->uid, 1001U);
}

TEST(AccountOfJob, TheOwnersJobsRunAsTheAgent) {
  const auto account = account_of_job({Who::submitter}, "", find);
  ASSERT_TRUE(account);
  EXPECT_FALSE(*account);
}

TEST(AccountOfJob, WithoutAnAccountNothingRuns) {
  const auto refused = account_of_job({Who::submitter}, "lee", find);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::forbidden);
  EXPECT_THAT(
      describe(refused.error()),
      AllOf(HasSubstr("user 'lee' has no account on this machine"), HasSubstr("--jobs-as")));
}

TEST(AccountOfJob, AUserIsNeitherRootNorAService) {
  for (const char* name : {"root", "www"}) {
    const auto refused = account_of_job({Who::submitter}, name, find);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::forbidden);
    EXPECT_THAT(refused.error().message, HasSubstr("is no person's"));
  }
}

TEST(AccountOfJob, ANamedAccountIsForEverybody) {
  for (const char* user : {"", "kim", "lee"}) {
    const auto account = account_of_job({Who::account, "www"}, user, find);
    ASSERT_TRUE(account && *account);
    EXPECT_EQ((*account)->name, "www");
  }
  EXPECT_THAT(describe(account_of_job({Who::account, "gone"}, "kim", find).error()),
              HasSubstr("'gone' of --jobs-as does not exist"));
}

TEST(AccountOfJob, AUserDatabaseThatDoesNotAnswerIsNoRefusal) {
  const auto away = account_of_job({Who::submitter}, "kim",
                                   [](const std::string&) -> Result<std::optional<JobAccount>> {
                                     return Error{Errc::unavailable, "no answer"};
                                   });
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, Errc::unavailable);
}

TEST(FindAccount, LooksIntoThisMachinesUsers) {
  const auto root = find_account("root");
  ASSERT_TRUE(root && *root);
  EXPECT_EQ((*root)->uid, 0U);
  const auto none = find_account("nobody-has-this-name");
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

}  // namespace
}  // namespace galley::agent
