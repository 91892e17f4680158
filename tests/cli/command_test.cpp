#include "command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace galley::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A tree of two nouns and a verb that notes what it was given.
class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    const auto list = [this](Options& options) -> Action {
      options.text("--state", text_, "STATE", "Only these").flag("--watch", flag_, "Go on");
      return [this] { return note("jobs"); };
    };
    const auto show = [this](Options& options) -> Action {
      options.positional("JOB", text_, "Which");
      return [this] { return note("show"); };
    };
    root_.children.push_back({.name = "jobs",
                              .help = "List jobs",
                              .group = "Jobs",
                              .aliases = {"job"},
                              .examples = {"galley jobs --watch"},
                              .define = list,
                              .children = {{.name = "show", .help = "One", .define = show}}});
    root_.children.push_back({.name = "run",
                              .help = "Run",
                              .group = "Jobs",
                              .define = [this](Options& options) -> Action {
                                options.optional_positionals("PROGRAM", words_, "What")
                                    .texts("--env", list_, "K=V", "Variable")
                                    .number("--cpus", number_, "N", "Processors");
                                return [this] { return note("run"); };
                              },
                              .after_dashes = &after_});
    root_.children.push_back({.name = "up",
                              .help = "Start",
                              .group = "Roles",
                              .verbatim = [this](const std::vector<std::string>& words) {
                                words_ = words;
                                return 7;
                              }});
  }

  Result<int> note(const std::string& name) {
    ran_ = name;
    return 0;
  }
  Result<int> run(std::vector<std::string> words) {
    return run_command(root_, std::move(words), [this](Options& options) {
      options.text("--server", server_, "ADDRESS", "Server").flag("--json", json_, "JSON");
    });
  }
  std::string refusal(std::vector<std::string> words) {
    const auto result = run(std::move(words));
    EXPECT_FALSE(result);
    return result ? "" : describe(result.error());
  }
  std::string help(std::vector<std::string> words) {
    ::testing::internal::CaptureStdout();
    const auto result = run(std::move(words));
    std::fflush(stdout);
    EXPECT_TRUE(result && *result == 0);
    return ::testing::internal::GetCapturedStdout();
  }

  Command root_{.name = "galley", .help = "Root."};
  std::string ran_, text_, server_;
  bool flag_ = false;
  bool json_ = false;
  std::int64_t number_ = 1;
  std::vector<std::string> words_, list_, after_;
};

TEST_F(CommandTest, FindsNounsSingularsAndTheirCommands) {
  EXPECT_TRUE(run({"jobs", "--state", "show"}));
  EXPECT_EQ(ran_, "jobs");
  EXPECT_EQ(text_, "show");  // the value of an option, although a command has that name
  EXPECT_TRUE(run({"job", "show", "jobs"}));
  EXPECT_EQ(ran_, "show");
  EXPECT_EQ(text_, "jobs");
}

TEST_F(CommandTest, GlobalOptionsStandAnywhere) {
  EXPECT_TRUE(run({"--server", "a:1", "jobs", "--json", "show", "x"}));
  EXPECT_EQ(ran_, "show");
  EXPECT_EQ(server_, "a:1");
  EXPECT_TRUE(json_);
  EXPECT_TRUE(run({"jobs", "show", "x", "--server=b:2"}));
  EXPECT_EQ(server_, "b:2");
}

TEST_F(CommandTest, KeepsWhatFollowsTheDashesAsItIs) {
  EXPECT_TRUE(run({"run", "--cpus", "2", "--env", "A=1", "--env", "B=2", "--", "sh", "-c", "a -- b",
                   "--", "--json"}));
  EXPECT_THAT(after_, ElementsAre("sh", "-c", "a -- b", "--", "--json"));
  EXPECT_THAT(list_, ElementsAre("A=1", "B=2"));
  EXPECT_EQ(number_, 2);
  EXPECT_FALSE(json_);
}

TEST_F(CommandTest, AnOptionTakesOneValueAndLeavesTheProgram) {
  EXPECT_TRUE(run({"run", "--env", "A=1", "sleep", "5"}));
  EXPECT_THAT(list_, ElementsAre("A=1"));
  EXPECT_THAT(words_, ElementsAre("sleep", "5"));
}

TEST_F(CommandTest, RolesGetTheirArgumentsUntouched) {
  const auto code = run({"--data", "d", "up", "--listen", "x", "--help"});
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, 7);
  EXPECT_THAT(words_, ElementsAre("--data", "d", "--listen", "x", "--help"));
}

TEST_F(CommandTest, WrongUsageIsOneSentenceWithTheNextStep) {
  EXPECT_EQ(refusal({"jobss"}), "galley: there is no command 'jobss'; did you mean galley jobs?");
  EXPECT_THAT(refusal({"jobs", "shoow", "x"}), HasSubstr("did you mean galley jobs show?"));
  EXPECT_THAT(refusal({"jobs", "--sate", "x"}), HasSubstr("see galley jobs --help"));
  EXPECT_THAT(refusal({"jobs", "show"}), HasSubstr("JOB is required"));
  EXPECT_THAT(refusal({"run", "--cpus", "many"}), HasSubstr("many"));
  EXPECT_THAT(refusal({"run", "python3", "--lr", "1"}), HasSubstr("-- PROGRAM"));
  EXPECT_EQ(ran_, "");
}

TEST_F(CommandTest, HelpBeginsWithExamples) {
  EXPECT_THAT(help({"jobs", "--help"}),
              ::testing::StartsWith("Examples:\n  galley jobs --watch\n"));
  EXPECT_THAT(help({"jobs", "--help"}), HasSubstr("--state STATE"));
  EXPECT_THAT(help({}), HasSubstr("\nRoles:\n  up           Start\n"));
  EXPECT_THAT(help({"jobs", "show", "-h"}), HasSubstr("galley jobs show"));
}

}  // namespace
}  // namespace galley::cli
