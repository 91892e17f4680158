#include "late_jobs.h"

#include "fixture.h"

namespace galley::api {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kNow = *parse_rfc3339("2026-12-01T12:00Z");

TEST(Lateness, OfARunningJobIsItsStartAndItsRuntime) {
  JobInTime job{.name = "train", .deadline = kNow + 1h, .max_runtime = 2h};
  job.started_at = kNow - 90min;
  EXPECT_FALSE(lateness(job, kNow));
  job.started_at = kNow - 30min;
  EXPECT_EQ(lateness(job, kNow),
            "train: expected to end at 2026-12-01T13:30:00.000Z, 30 min 0 s after its deadline");
}

TEST(Lateness, OfAWaitingJobIsItsExpectedStart) {
  JobInTime job{.name = "train", .deadline = kNow + 3h, .max_runtime = 2h};
  EXPECT_FALSE(lateness(job, kNow)) << "it could start now";
  job.expected_start = kNow + 30min;
  EXPECT_FALSE(lateness(job, kNow));
  job.expected_start = kNow + 2h;
  EXPECT_THAT(lateness(job, kNow).value_or(""), HasSubstr("1 h 0 min after its deadline"));
  job.expected_start = kNow - 5h;  // an estimate that did not come true
  EXPECT_FALSE(lateness(job, kNow));
}

TEST(Lateness, WithoutARuntimeOnlyADeadlineThatHasPassedIsMissed) {
  JobInTime job{.name = "train", .deadline = kNow};
  EXPECT_FALSE(lateness(job, kNow));
  EXPECT_EQ(lateness(job, kNow + 5min),
            "train: its deadline passed 5 min 0 s ago and it still waits");
  job.started_at = kNow - 1h;
  EXPECT_EQ(lateness(job, kNow + 5min),
            "train: its deadline passed 5 min 0 s ago and it still runs");
}

TEST(Lateness, AJobPastItsRuntimeEndsNowAtTheEarliest) {
  JobInTime job{.name = "train", .deadline = kNow + 1min, .max_runtime = 1h};
  job.started_at = kNow - 61min;
  EXPECT_FALSE(lateness(job, kNow));
}

TEST(Lateness, ProgressSaysMoreThanTheLengthThatWasStated) {
  JobInTime job{.name = "train", .deadline = kNow + 1h, .max_runtime = 30min};
  job.expected_end = kNow + 2h;
  EXPECT_FALSE(lateness(job, kNow)) << "it does not run";
  job.started_at = kNow - 10min;
  EXPECT_THAT(lateness(job, kNow).value_or(""), HasSubstr("1 h 0 min after its deadline"));
  job.expected_end = kNow + 50min;
  job.max_runtime = 3h;
  EXPECT_FALSE(lateness(job, kNow));
  job.max_runtime.reset();
  job.expected_end = kNow + 61min;
  EXPECT_THAT(lateness(job, kNow).value_or(""), HasSubstr("after its deadline"));
}

class LateJobs : public ApiFixture {
 protected:
  std::vector<std::string> late() {
    const auto jobs =
        late_jobs(*database_, system_clock().wall(), [](const JobId&) { return std::nullopt; });
    EXPECT_TRUE(jobs);
    std::vector<std::string> subjects;
    for (const LateJob& job : *jobs) subjects.push_back(job.id.str());
    return subjects;
  }
};

TEST_F(LateJobs, AreThoseThatHaveNotEndedAndCannotBeInTime) {
  const std::string soon = to_rfc3339(system_clock().wall() + 1h);
  submit({{"command", {"echo", "\"deadline\":\""}}});
  submit({{"deadline", soon}, {"max_runtime", "10m"}});
  EXPECT_THAT(late(), IsEmpty());
  const auto waits =
      submit({{"deadline", soon}, {"max_runtime", "2h"}, {"resources", {{"cpus", 4}}}});
  EXPECT_THAT(late(), ElementsAre(waits));
  post("/api/v1/jobs/" + waits + "/cancel", Json::object(), 200);
  EXPECT_THAT(late(), IsEmpty());
}

}  // namespace
}  // namespace galley::api
