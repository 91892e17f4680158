#include "filter.h"

#include <gtest/gtest.h>

#include "references.h"
#include "session.h"

namespace galley::cli {
namespace {

TEST(Filter, BuildsTheLanguageOfLists) {
  EXPECT_EQ(filter_any_of("state", {}), "");
  EXPECT_EQ(filter_any_of("state", {"running"}), "state = \"running\"");
  EXPECT_EQ(filter_any_of("state", {"running", "failed"}), "state in (\"running\", \"failed\")");
  EXPECT_EQ(filter_any_of("team", {"a\"b\\"}), "team = \"a\\\"b\\\\\"");
  EXPECT_EQ(filter_all({"", " ", "a = 1"}), "a = 1");
  EXPECT_EQ(filter_all({"a = 1", "b = 2 or c = 3"}), "(a = 1) and (b = 2 or c = 3)");
  EXPECT_EQ(filter_all({}), "");
}

TEST(Filter, RefusesStatesThatDoNotExist) {
  EXPECT_EQ(*parse_states("running, failed"), (std::vector<std::string>{"running", "failed"}));
  const auto wrong = parse_states("runing");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint, "did you mean running?");
}

TEST(ExitCode, IsTheOneOfTheInterface) {
  EXPECT_EQ(exit_code_of(Errc::invalid_argument), 2);
  EXPECT_EQ(exit_code_of(Errc::not_found), 3);
  EXPECT_EQ(exit_code_of(Errc::forbidden), 4);
  EXPECT_EQ(exit_code_of(Errc::unauthenticated), 4);
  EXPECT_EQ(exit_code_of(Errc::unavailable), 5);
  EXPECT_EQ(exit_code_of(Errc::timeout), 5);
  EXPECT_EQ(exit_code_of(Errc::conflict), 1);
  EXPECT_EQ(exit_code_of(Errc::internal), 1);
}

TEST(Reference, SplitsAtTheFirstAt) {
  EXPECT_EQ(split_reference("nsmc@3").version, "3");
  EXPECT_EQ(split_reference("nsmc").version, "");
  EXPECT_FALSE(require_reference("nsmc", "nsmc@1"));
  EXPECT_FALSE(require_reference("nsmc@", "nsmc@1"));
  EXPECT_FALSE(require_reference("@1", "nsmc@1"));
}

}  // namespace
}  // namespace galley::cli
