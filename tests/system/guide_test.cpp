#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "installation.h"
#include "pretended_gpus.h"

namespace galley::testing {
namespace {

using process::ChildOutput;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Guide : public ::testing::Test {
 protected:
  Guide() {
    const auto programs = installation_.folder() / "programs";
    EXPECT_TRUE(support::install({}, programs));
    installation_.start({}, programs);
  }
  static std::string example(const std::string& name) {
    return (std::filesystem::path(GALLEY_EXAMPLES) / name).string();
  }
  ChildOutput galley(const std::vector<std::string>& arguments) {
    return installation_.galley(arguments);
  }
  /// A job that holds both GPUs until the test ends it.
  std::string holder() {
    const ChildOutput held = galley({"run", "--detach", "--gpus", "2", "--name", "holder",
                                     "--max-runtime", "2h", "--", "sleep", "600"});
    EXPECT_EQ(held.exit_code, 0) << held.stderr_bytes;
    const std::string id(trim(held.stdout_bytes));
    auto client = installation_.client();
    EXPECT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
    return id;
  }

  Installation installation_;
};

TEST_F(Guide, TheExampleThatIsTooBigIsAnsweredWithChangesThatRun) {
  const ChildOutput shown = galley({"submit", "--dry-run", example("too-big.yaml")});
  EXPECT_EQ(shown.exit_code, 4) << shown.stderr_bytes;
  EXPECT_THAT(shown.stdout_bytes, StartsWith("never   "));
  EXPECT_THAT(shown.stdout_bytes, HasSubstr("too-big.yaml:"));
  EXPECT_THAT(shown.stdout_bytes, HasSubstr("resources.gpus"));
  EXPECT_THAT(shown.stdout_bytes, HasSubstr("WHAT WOULD HELP"));

  const ChildOutput json = galley({"submit", "--dry-run", "--json", example("too-big.yaml")});
  EXPECT_EQ(json.exit_code, 4);
  const auto guide = nlohmann::json::parse(json.stdout_bytes, nullptr, false);
  ASSERT_TRUE(guide.is_object()) << json.stdout_bytes;
  EXPECT_EQ(guide["binding"], "impossible");
  ASSERT_FALSE(guide["alternatives"].empty());

  const ChildOutput refused = galley({"submit", example("too-big.yaml")});
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_EQ(refused.stdout_bytes, "");
  EXPECT_THAT(refused.stderr_bytes, HasSubstr("WHAT WOULD HELP"));
  EXPECT_THAT(galley({"jobs"}).stderr_bytes, HasSubstr("no jobs yet"));
}

TEST_F(Guide, AJobThatFitsStartsAtOnce) {
  const ChildOutput shown = galley({"submit", "--dry-run", example("hello.yaml")});
  EXPECT_EQ(shown.exit_code, 0) << shown.stderr_bytes;
  EXPECT_EQ(shown.stdout_bytes, "It starts at once.\n");
  const ChildOutput done = galley({"submit", "--wait", example("hello.yaml")});
  EXPECT_EQ(done.exit_code, 0) << done.stderr_bytes;
  EXPECT_THAT(done.stderr_bytes, ::testing::Not(HasSubstr("it waits")));
}

TEST_F(Guide, AJobThatWaitsSaysWhyUntilWhenAndWhatWouldHelp) {
  const std::string first = holder();
  const ChildOutput waits =
      galley({"run", "--detach", "--gpus", "1", "--name", "second", "--", "true"});
  ASSERT_EQ(waits.exit_code, 0) << waits.stderr_bytes;
  const std::string second(trim(waits.stdout_bytes));

  const ChildOutput why = galley({"why", second});
  EXPECT_EQ(why.exit_code, 0) << why.stderr_bytes;
  EXPECT_THAT(why.stdout_bytes, StartsWith("It waits: "));
  EXPECT_THAT(why.stdout_bytes, HasSubstr("OBSTACLE"));
  // The holder ends within its two hours.
  EXPECT_THAT(why.stdout_bytes, HasSubstr("\nstarts   in "));
  const ChildOutput dry = galley({"run", "--dry-run", "--gpus", "1", "--", "true"});
  EXPECT_EQ(dry.exit_code, 0) << dry.stderr_bytes;
  EXPECT_THAT(dry.stdout_bytes, StartsWith("waits   "));

  EXPECT_EQ(galley({"cancel", first}).exit_code, 0);
  auto client = installation_.client();
  EXPECT_TRUE(eventually([&] { return state_of(client, second) == "succeeded"; }))
      << state_of(client, second);
}

TEST_F(Guide, TeamsAndReservationsAreKept) {
  const ChildOutput set = galley({"teams", "set", "nlp", "--weight", "2", "--cells", "1xH100:2"});
  EXPECT_EQ(set.exit_code, 0) << set.stderr_bytes;
  EXPECT_EQ(set.stdout_bytes, "nlp  weight 2  owns 1xH100:2\n");
  EXPECT_EQ(galley({"team", "set", "nlp", "--weight", "3"}).stdout_bytes,
            "nlp  weight 3  owns 1xH100:2\n");
  EXPECT_NE(galley({"teams", "set", "vision", "--cells", "1x2"}).exit_code, 0);

  const ChildOutput booked = galley(
      {"reserve", "--team", "nlp", "--gpus", "2", "--at", "2096-12-01T09:00Z", "--for", "6h"});
  EXPECT_EQ(booked.exit_code, 0) << booked.stderr_bytes;
  const std::string id(trim(booked.stdout_bytes));
  EXPECT_THAT(galley({"reservations"}).stdout_bytes, HasSubstr(id));
  EXPECT_EQ(galley({"reservations", "cancel", id}).exit_code, 0);
  EXPECT_EQ(galley({"teams", "remove", "nlp"}).exit_code, 0);
}

}  // namespace
}  // namespace galley::testing
