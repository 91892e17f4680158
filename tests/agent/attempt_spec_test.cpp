#include "attempt_spec.h"

#include <gmock/gmock.h>

namespace galley::agent {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

protocol::Assignment assignment() {
  protocol::Assignment assignment;
  assignment.attempt_id = AttemptId::trusted("att_1");
  assignment.job_id = JobId::trusted("job_1");
  assignment.run_id = RunId::trusted("run_1");
  assignment.attempt_number = 2;
  assignment.spec.command = {"train", "--fast"};
  return assignment;
}

std::optional<std::string> ours(const char* name) {
  if (std::string_view(name) == "HOME") return "/home/me";
  if (std::string_view(name) == "PATH") return "/our/bin";
  return std::nullopt;
}

TEST(AttemptSpec, NamesTheJobAndHidesTheGpus) {
  const AttemptPlace place{.folder = "/d/att_1", .server = "http://s", .token = "t"};
  const auto spec = make_attempt_spec(assignment(), place, ours);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->argv, (std::vector<std::string>{"train", "--fast"}));
  EXPECT_EQ(spec->workdir, "/d/att_1/work");
  EXPECT_EQ(spec->env,
            (std::vector<std::string>{
                "CUDA_VISIBLE_DEVICES=", "GALLEY_ATTEMPT=2", "GALLEY_ATTEMPT_ID=att_1",
                "GALLEY_JOB_ID=job_1", "GALLEY_METRICS_FILE=/d/att_1/progress",
                "GALLEY_RUN_ID=run_1", "GALLEY_SERVER=http://s", "GALLEY_TOKEN=t", "HOME=/home/me",
                "MLFLOW_EXPERIMENT_NAME=default", "MLFLOW_RUN_ID=run_1", "MLFLOW_TRACKING_TOKEN=t",
                "MLFLOW_TRACKING_URI=http://s", "NVIDIA_VISIBLE_DEVICES=", "PATH=/our/bin"}));
  EXPECT_TRUE(process::check_spec(*spec));
}

TEST(AttemptSpec, GivesNoTokenOfOursToAnotherTrackingServer) {
  auto given = assignment();
  given.spec.env = {{"MLFLOW_TRACKING_URI", "http://theirs"}};
  const auto spec =
      make_attempt_spec(given, {.folder = "/d/att_1", .server = "http://s", .token = "t"}, ours);
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->env, Contains("MLFLOW_TRACKING_URI=http://theirs"));
  EXPECT_THAT(spec->env, Not(Contains(StartsWith("MLFLOW_TRACKING_TOKEN="))));
  EXPECT_THAT(spec->env, Not(Contains(StartsWith("MLFLOW_RUN_ID="))));
}

TEST(AttemptSpec, GivesGpusAndTheirRendezvous) {
  auto given = assignment();
  given.device_ids = {"GPU-a", "GPU-b"};
  given.spec.env = {{"CUDA_VISIBLE_DEVICES", "all"}, {"MASTER_ADDR", "other"}, {"PATH", "/mine"}};
  const auto spec = make_attempt_spec(given, {.folder = "/d/att_1"}, ours);
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->env, Contains("CUDA_VISIBLE_DEVICES=GPU-a,GPU-b"));
  EXPECT_THAT(spec->env, Contains("NVIDIA_VISIBLE_DEVICES=GPU-a,GPU-b"));
  EXPECT_THAT(spec->env, Contains("WORLD_SIZE=1"));
  EXPECT_THAT(spec->env, Contains("MASTER_ADDR=other"));
  EXPECT_THAT(spec->env, Contains("PATH=/mine"));
  EXPECT_THAT(spec->env, Not(Contains(StartsWith("MASTER_PORT="))));
  EXPECT_THAT(spec->env, Not(Contains(StartsWith("GALLEY_TOKEN="))));
}

TEST(AttemptSpec, TakesLimitsFromTheJob) {
  auto given = assignment();
  given.spec.resources.cpus = 3;
  given.spec.resources.memory = protocol::Bytes{1 << 20};
  given.spec.max_runtime = Millis{90'000};
  given.spec.grace = Millis{7};
  given.spec.log_limit = protocol::Bytes{8'192};
  given.spec.workdir = "/elsewhere";
  const auto spec = make_attempt_spec(given, {.folder = "/d/att_1"}, ours);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->limits.cpus, 3);
  EXPECT_EQ(spec->limits.memory_bytes, 1 << 20);
  EXPECT_EQ(spec->max_runtime, Millis{90'000});
  EXPECT_EQ(spec->grace, Millis{7});
  EXPECT_EQ(spec->log_limit_bytes, 8'192);
  EXPECT_EQ(spec->workdir, "/elsewhere");
  EXPECT_EQ(spec->cgroup_name, "galley-att_1");
}

TEST(AttemptSpec, ShowsDataSets) {
  const AttemptPlace place{.folder = "/d/att_1",
                           .server = {},
                           .token = {},
                           .data_sets = {{"sea-ice.v2@1", "sea-ice.v2", "/c/one"},
                                         {"sea-ice.v2@2", "sea-ice.v2", "/c/two"}}};
  const auto spec = make_attempt_spec(assignment(), place, ours);
  ASSERT_TRUE(spec);
  EXPECT_THAT(spec->env, Contains("GALLEY_DATASETS_DIR=/d/att_1/datasets"));
  EXPECT_THAT(spec->env, Contains("GALLEY_DATASET_SEA_ICE_V2=/d/att_1/datasets/sea-ice.v2@1"));
  ASSERT_EQ(spec->read_only_binds.size(), 2U);
  EXPECT_EQ(spec->read_only_binds[1].source, "/c/two");
  EXPECT_EQ(spec->read_only_binds[1].target, "/d/att_1/datasets/sea-ice.v2@2");
}

TEST(AttemptSpec, RefusesAnImage) {
  auto given = assignment();
  given.spec.image = "debian:12";
  const auto spec = make_attempt_spec(given, {.folder = "/d/att_1"}, ours);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code, Errc::unsupported);
  EXPECT_THAT(spec.error().message, ::testing::HasSubstr("debian:12"));
}

}  // namespace
}  // namespace galley::agent
