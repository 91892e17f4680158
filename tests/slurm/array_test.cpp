#include <fmt/format.h>

#include <set>

#include "array_fixture.h"

namespace galley::slurm {
namespace {

class SlurmArray : public ArrayFixture {};

TEST_F(SlurmArray, FiftyAtOnceNeedFewSbatchesAndEachEndsAsItself) {
  std::vector<Job> fifty;
  for (int i = 0; i < 50; ++i)
    fifty.push_back(jobs(1, fmt::format("echo number {}; pwd; exit {}", i, i % 3)).front());
  for (const Job& job : fifty) agent_->assign(job);
  std::set<std::int64_t> submitted;
  std::set<JobNumber> numbers;
  for (int i = 0; i < 50; ++i) {
    const Job& job = fifty[static_cast<std::size_t>(i)];
    const auto end = wait_for_end(job);
    EXPECT_EQ(end.state, i % 3 == 0 ? AttemptState::succeeded : AttemptState::failed);
    EXPECT_EQ(end.exit_code, i % 3) << end.reason;
    EXPECT_THAT(log(job), ::testing::StartsWith(fmt::format("number {}\n", i)));
    EXPECT_THAT(log(job), HasSubstr(folder(job).string()));
    numbers.insert(number(job));
    submitted.insert(number(job).job);
  }
  EXPECT_EQ(numbers.size(), 50U);
  EXPECT_LE(submitted.size(), 10U);
  EXPECT_EQ(sbatch().calls().size(), submitted.size());
  std::size_t tasks = 0;
  for (const std::int64_t job : submitted) tasks += count_tasks(job);
  EXPECT_EQ(tasks, 50U);
}

TEST_F(SlurmArray, TheSitesMaxArraySizeIsKeptAndOthersRequestsStayApart) {
  auto together = jobs(23, "true");
  for (std::size_t i = 20; i < 23; ++i) together[i].assignment.spec.resources.cpus = 2;
  together.back().assignment.spec.resources.nodes = 2;
  launch_together(together);
  std::map<std::int64_t, std::size_t> sizes;
  for (const Job& job : together) {
    EXPECT_EQ(end_of(job).state, AttemptState::succeeded);
    ++sizes[number(job).job];
  }
  // Of 12, as the cluster's slurm.conf has it.
  std::vector<std::size_t> counts;
  for (const auto& [job, size] : sizes) counts.push_back(size);
  EXPECT_THAT(counts, ::testing::UnorderedElementsAre(12, 8, 2, 1));
  EXPECT_FALSE(number(together.back()).task);
}

TEST_F(SlurmArray, OneOfThoseThatWaitIsCancelledAlone) {
  auto together = jobs(5, until_released("echo done"));
  for (Job& job : together) job.assignment.spec.resources.cpus = 4;  // two run at a time
  launch_together(together);
  ASSERT_TRUE(wait_until_begun(together[0]) && wait_until_begun(together[1]));
  ASSERT_TRUE(wait_for_word(together[3], "_3 is PENDING (Resources)"));
  bridge_->cancel(together[3].assignment.attempt_id);
  EXPECT_EQ(end_of(together[3]).state, AttemptState::cancelled);
  EXPECT_EQ(state_of(together[3]), "CANCELLED");
  for (const std::size_t i : {0U, 1U}) EXPECT_EQ(state_of(together[i]), "RUNNING") << i;
  for (const std::size_t i : {2U, 4U}) EXPECT_EQ(state_of(together[i]), "PENDING") << i;
  release();
  for (const std::size_t i : {0U, 1U, 2U, 4U}) {
    EXPECT_EQ(end_of(together[i]).state, AttemptState::succeeded) << i;
    EXPECT_EQ(log(together[i]), "done\n") << i;
  }
}

TEST_F(SlurmArray, OneOfThoseThatRunHasItsGraceAlone) {
  const auto together =
      jobs(3, "trap 'echo saved; exit 0' TERM; echo ready; " + until_released("echo done"));
  launch_together(together);
  for (const Job& job : together)
    for (int i = 0; i < 1'000 && log(job).empty(); ++i) ::usleep(10'000);
  bridge_->cancel(together[1].assignment.attempt_id);
  EXPECT_EQ(end_of(together[1]).state, AttemptState::cancelled);
  EXPECT_THAT(log(together[1]), ::testing::EndsWith("saved\n"));
  for (const std::size_t i : {0U, 2U}) EXPECT_EQ(state_of(together[i]), "RUNNING") << i;
  release();
  for (const std::size_t i : {0U, 2U}) {
    EXPECT_EQ(end_of(together[i]).state, AttemptState::succeeded) << i;
    EXPECT_EQ(log(together[i]), "ready\ndone\n") << i;
  }
}

TEST_F(SlurmArray, WhatOthersCancelInSlurmHasFailed) {
  auto together = jobs(5, until_released());
  for (Job& job : together) job.assignment.spec.resources.cpus = 4;
  launch_together(together);
  ASSERT_TRUE(wait_until_begun(together[0]) && wait_until_begun(together[1]));
  ASSERT_TRUE(wait_for_word(together[3], "is PENDING"));
  const auto fails = [&](const Job& job) {
    const auto end = end_of(job);
    EXPECT_EQ(end.state, AttemptState::failed);
    EXPECT_THAT(end.reason,
                HasSubstr("cancelled by Slurm's own tools (job " + to_string(number(job)) + ")"));
  };
  // Slurm forgets this one at once.
  ASSERT_TRUE(cluster_->run({"scancel", to_string(number(together[3]))}));
  fails(together[3]);
  ASSERT_TRUE(cluster_->run({"scancel", to_string(number(together[0]))}));
  fails(together[0]);
  for (const std::size_t i : {1U, 2U, 4U}) EXPECT_FALSE(has_ended(together[i])) << i;
  ASSERT_TRUE(
      cluster_->run({"scancel", "--state=PENDING", std::to_string(number(together[1]).job)}));
  fails(together[4]);
  release();
  EXPECT_EQ(end_of(together[1]).state, AttemptState::succeeded);
}

TEST_F(SlurmArray, OneOnAFailingNodeIsLostAlone) {
  auto together = jobs(2, "echo on $SLURMD_NODENAME; " + until_released());
  for (Job& job : together) job.assignment.spec.resources.cpus = 4;
  launch_together(together);
  for (const Job& job : together)
    for (int i = 0; i < 1'000 && log(job).empty(); ++i) ::usleep(10'000);
  const std::size_t first = log(together[0]) == "on n1\n" ? 0 : 1;
  ASSERT_EQ(log(together[first]), "on n1\n");
  ASSERT_EQ(log(together[1 - first]), "on n2\n");
  cluster_->kill_node(1);
  ASSERT_TRUE(cluster_->run({"scontrol", "update", "NodeName=n1", "State=DOWN", "Reason=test"}));
  const auto end = end_of(together[first]);
  EXPECT_EQ(end.state, AttemptState::lost);
  EXPECT_THAT(end.reason, HasSubstr("a node failed"));
  EXPECT_FALSE(has_ended(together[1 - first]));
  release();
  EXPECT_EQ(end_of(together[1 - first]).state, AttemptState::succeeded);
  ASSERT_TRUE(cluster_->start_node(1));
  (void)cluster_->run({"scontrol", "update", "NodeName=n1", "State=RESUME"});
  EXPECT_TRUE(cluster_->wait_idle(2));
}

TEST_F(SlurmArray, WhereArraysAreRefusedEachGoesByItself) {
  auto together = jobs(5, "echo alone");
  launch_together(together, Mode::refuse_arrays);
  for (const Job& job : together) {
    EXPECT_EQ(end_of(job).state, AttemptState::succeeded);
    EXPECT_EQ(log(job), "alone\n");
    EXPECT_TRUE(number(job) && !number(job).task);
  }
  EXPECT_EQ(sbatch().calls().size(), 1U + 1U + 5U);  // what was held, the array, each
}

TEST_F(SlurmArray, ARequestThatSlurmRefusesFailsEachInSlurmsWords) {
  auto together = jobs(3, "true");
  for (Job& job : together) job.assignment.spec.resources.gpu_type = "B300";
  for (Job& job : together) job.assignment.spec.resources.gpus = 1;
  launch_together(together);
  for (const Job& job : together) EXPECT_THAT(end_of(job).reason, HasSubstr("Slurm refused it: "));
}

}  // namespace
}  // namespace galley::slurm
