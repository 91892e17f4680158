#include "simulation/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_folder.h"

namespace galley::simulation {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kHeader = "timestamp,duration,num_gpus,gpu_time,cluster\n";

std::string philly_error(const std::string& row) {
  const auto trace = parse_philly("p.csv", kHeader + row);
  return trace ? "accepted" : describe(trace.error());
}

TEST(PhillyTrace, HasItsJobsByTimeOfSubmissionAndItsTeamsByName) {
  const auto trace = parse_philly("p.csv", std::string(kHeader) +
                                               "2017-09-07 03:58:57,60.0,12,720.0,zz\n"
                                               "2017-09-07 03:58:56,1.5,1,1.5,aa\n");

  ASSERT_TRUE(trace) << describe(trace.error());
  EXPECT_THAT(trace->teams, ::testing::ElementsAre("aa", "zz"));
  ASSERT_EQ(trace->jobs.size(), 2U);
  EXPECT_EQ(trace->jobs[0].duration, Millis{1500});
  EXPECT_EQ(trace->jobs[1].submit - trace->jobs[0].submit, Millis{1000});
  EXPECT_EQ(trace->jobs[1].gpus, 12);
  EXPECT_EQ(trace->teams[static_cast<std::size_t>(trace->jobs[1].team)], "zz");
}

TEST(PhillyTrace, RefusesBrokenRowsByFileLineAndColumn) {
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,-1,1,1,a\n"),
              AllOf(HasSubstr("p.csv:2: duration is \"-1\""), HasSubstr("expected a number")));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,nan,1,1,a\n"), HasSubstr("duration is"));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,1e30,1,1,a\n"), HasSubstr("duration is"));
  EXPECT_THAT(philly_error("yesterday,1,1,1,a\n"), HasSubstr("timestamp is \"yesterday\""));
  EXPECT_THAT(philly_error("2017-13-07 03:58:57,1,1,1,a\n"), HasSubstr("timestamp"));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,1,0,1,a\n"), HasSubstr("num_gpus is \"0\""));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,1,1000000000000,1,a\n"), HasSubstr("num_gpus"));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,1,1,1,\n"), HasSubstr("cluster is empty"));
  EXPECT_THAT(philly_error("2017-09-07 03:58:57,1,1\n"),
              HasSubstr("p.csv:2: the row has 3 fields"));
  EXPECT_THAT(philly_error(""), HasSubstr("no rows"));
  EXPECT_THAT(describe(parse_philly("p.csv", "timestamp,duration\n1,2\n").error()),
              HasSubstr("\"num_gpus\" is missing"));
}

constexpr const char* kPods =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
    "deletion_time,scheduled_time\n";

TEST(OpenbTrace, RunsFromScheduledToDeleted) {
  const auto trace = parse_openb("o.csv", std::string(kPods) +
                                              "p0,12500,1024,2,1000,T4,LS,Running,100,400,150\n"
                                              "p1,1000,1024,0,0,,,Running,50,60,\n");

  ASSERT_TRUE(trace) << describe(trace.error());
  ASSERT_EQ(trace->jobs.size(), 2U);
  EXPECT_EQ(trace->jobs[0].duration, Millis{10'000});  // never scheduled: all of its life
  EXPECT_EQ(trace->jobs[1].duration, Millis{250'000});
  EXPECT_EQ(trace->jobs[1].cpus, 13);
  EXPECT_EQ(trace->jobs[1].gpu_type, "T4");
}

TEST(OpenbTrace, RefusesALifeThatEndsBeforeItBegins) {
  const auto trace =
      parse_openb("o.csv", std::string(kPods) + "p0,1,1,1,1000,,LS,Running,100,99,\n");
  ASSERT_FALSE(trace);
  EXPECT_THAT(describe(trace.error()), HasSubstr("o.csv:2: deletion_time is 99"));
}

TEST(OpenbTrace, RefusesSeveralModelsWhichNoJobFileCanSay) {
  const auto trace =
      parse_openb("o.csv", std::string(kPods) + "p0,1,1,1,1000,T4|P100,LS,Running,1,99,\n");
  ASSERT_FALSE(trace);
  EXPECT_THAT(describe(trace.error()), HasSubstr("gpu_spec allows several models"));
}

TEST(ReadTrace, FindsTheTraceOfAFolder) {
  const testing::TempFolder folder;
  std::ofstream(folder / "philly_jobs.csv") << kHeader << "2017-09-07 03:58:57,1,1,1,a\n";

  EXPECT_TRUE(read_trace(folder.path()));
  EXPECT_TRUE(read_trace(folder / "philly_jobs.csv"));
}

TEST(ReadTrace, SaysWhatItLooksFor) {
  const testing::TempFolder folder;
  EXPECT_THAT(describe(read_trace(folder.path()).error()), HasSubstr("philly_jobs.csv"));
  EXPECT_EQ(read_trace(folder / "none").error().code, Errc::not_found);
  std::ofstream(folder / "a.jsonl") << "{}";
  std::ofstream(folder / "b.jsonl") << "{}";
  EXPECT_THAT(describe(read_trace(folder.path()).error()), HasSubstr("a.jsonl, b.jsonl"));
}

TEST(Cut, KeepsWhatWasSubmittedInTheWindow) {
  Trace trace;
  for (const int second : {1, 2, 3}) {
    Job job;
    job.submit = WallTime{Millis{second * 1000}};
    trace.jobs.push_back(job);
  }
  EXPECT_EQ(cut(trace, {.from = WallTime{Millis{2000}}})->jobs.size(), 2U);
  EXPECT_FALSE(cut(trace, {.from = WallTime{Millis{4000}}}));
}

TEST(ShippedTrace, IsReadWhole) {
  const auto trace = read_trace(std::string(GALLEY_SOURCE_DIR) + "/data/traces/philly");
  ASSERT_TRUE(trace) << describe(trace.error());
  EXPECT_EQ(trace->jobs.size(), 3000U);
}

}  // namespace
}  // namespace galley::simulation
