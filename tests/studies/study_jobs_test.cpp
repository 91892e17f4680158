// Studies whose trials are jobs.
#include <map>

#include "fixture.h"

namespace galley::studies {
namespace {

using protocol::AttemptState;
using ::testing::HasSubstr;

class StudyJobsTest : public StudiesFixture {
 protected:
  Json file_with_job(std::int64_t trials) {
    Json file = study_file(trials);
    file["job"] = {{"command", {"train", "{lr}"}}, {"resources", {{"gpus", 1}}}};
    return file;
  }
  /// The trial's job runs, prints its measure, and ends.
  void carry_out(std::size_t n, AttemptState state) {
    const auto assigned = agent_.assigned(n);
    const auto& attempt = assigned.assignment.attempt_id;
    ASSERT_TRUE(runs(attempt));
    const auto job = controller_->job(assigned.assignment.job_id);
    ASSERT_TRUE(job);
    const double lr = std::stod(job->spec.command.at(1));
    if (state == AttemptState::succeeded) {
      const std::vector<tracking::MetricPoint> points{{"accuracy", 9, lr, 1}};
      ASSERT_TRUE(tracking_->log_metrics(job->run_id, points));
    }
    ASSERT_TRUE(ends(attempt, state, state == AttemptState::failed ? 3 : 0));
  }
  template <class Condition>
  StudyDetails wait_until(const Condition& holds) {
    constexpr int kTries = 2000;
    for (int i = 0; i < kTries; ++i) {
      auto study = now();
      if (holds(study)) return study;
      ::usleep(10'000);
    }
    ADD_FAILURE() << "the study never got there";
    return now();
  }
};

TEST_F(StudyJobsTest, EachTrialIsAnIdleJobAndItsMeasureTheResult) {
  created(file_with_job(3));
  for (std::size_t i = 0; i < 3; ++i)
    ASSERT_NO_FATAL_FAILURE(carry_out(i, AttemptState::succeeded));
  const auto study =
      wait_until([](const StudyDetails& s) { return s.record.state == StudyState::finished; });
  EXPECT_EQ(study.progress.ended, 3);
  ASSERT_TRUE(study.progress.best);
  EXPECT_EQ(study.progress.best_params.at("lr"), study.progress.best_values.front());
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  for (const auto& trial : *trials) {
    const auto job = controller_->job(JobId::trusted(trial.job_id));
    ASSERT_TRUE(job);
    EXPECT_EQ(job->priority_class, protocol::PriorityClass::idle);
    EXPECT_EQ(trial.state, "finished");
  }
}

TEST_F(StudyJobsTest, AProgramThatFailsFailsItsTrialOnly) {
  created(file_with_job(2));
  ASSERT_NO_FATAL_FAILURE(carry_out(0, AttemptState::failed));
  ASSERT_NO_FATAL_FAILURE(carry_out(1, AttemptState::succeeded));
  const auto study =
      wait_until([](const StudyDetails& s) { return s.record.state == StudyState::finished; });
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  std::map<std::string, int> states;
  for (const auto& trial : *trials) ++states[trial.state];
  EXPECT_EQ(states["failed"], 1);
  EXPECT_EQ(states["finished"], 1);
  EXPECT_TRUE(study.progress.best);
}

TEST_F(StudyJobsTest, ATrialWhoseMachineIsTakenGoesOnFromItsNewestCheckpoint) {
  Json file = file_with_job(1);
  file["job"]["command"].push_back("{checkpoint}");
  created(file);
  const auto first = agent_.assigned(0).assignment;
  ASSERT_TRUE(runs(first.attempt_id));
  EXPECT_EQ(first.spec.command.at(2), "");
  const std::vector<tracking::MetricPoint> points{{"accuracy", 1, 0.5, 1}, {"accuracy", 2, 0.6, 2}};
  ASSERT_TRUE(tracking_->log_metrics(first.run_id, points));
  for (const std::int64_t step : {1, 2})
    ASSERT_TRUE(tracking_->add_artifact(first.run_id,
                                        {.path = "model",
                                         .kind = tracking::ArtifactKind::checkpoint,
                                         .manifest_sha256 = std::string(64, step == 1 ? 'a' : 'b'),
                                         .step = step}));
  ASSERT_TRUE(lost(first.attempt_id));
  // The job itself would begin anew: it is cancelled, and the trial goes on as another one.
  const auto studies = wait_until([&](const StudyDetails&) {
    const auto trials = studies_->trials("toy", 0, 10);
    return trials && trials->front().attempt == 2 && trials->front().job_id != first.job_id.str();
  });
  EXPECT_EQ(studies.progress.trials, 1);
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  EXPECT_EQ(trials->front().resource, 2);
  const auto job = controller_->job(JobId::trusted(trials->front().job_id));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->spec.checkpoint, first.run_id.str() + "/model@" + std::string(64, 'b'));
  EXPECT_EQ(job->spec.command.at(2), "{checkpoint}") << "the agent knows the place";
  wait_until([&](const StudyDetails&) {
    const auto old = controller_->job(first.job_id);
    return old && (old->state == protocol::JobState::cancelled ||
                   old->state == protocol::JobState::cancelling);
  });
}

TEST_F(StudyJobsTest, SoManyGpusAsAStudyKeepsAreNotTakenFromIt) {
  Json file = file_with_job(2);
  file["gpus"] = {{"min", 1}};
  created(file);
  std::map<protocol::PriorityClass, int> classes;
  for (std::size_t i = 0; i < 2; ++i) ++classes[agent_.assigned(i).assignment.spec.priority_class];
  EXPECT_EQ(classes[protocol::PriorityClass::normal], 1);
  EXPECT_EQ(classes[protocol::PriorityClass::idle], 1);
}

TEST_F(StudyJobsTest, ATrialWhoseMachinesAlwaysDieFails) {
  Json file = file_with_job(1);
  file["job"]["max_lost"] = 1;
  created(file);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto attempt = agent_.assigned(i).assignment.attempt_id;
    ASSERT_TRUE(runs(attempt));
    ASSERT_TRUE(lost(attempt));
  }
  wait_until([](const StudyDetails& s) { return s.progress.ended == 1; });
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  EXPECT_EQ(trials->front().state, "failed");
  // Said by us, or by the job itself where it had begun again before it was cancelled.
  EXPECT_THAT(trials->front().why, HasSubstr("machine died"));
}

TEST_F(StudyJobsTest, WhatIsBookedForLaterTakesNoGpuFromTrials) {
  protocol::JobSpec booked = controller::spec({"later"});
  booked.resources.gpus = 2;
  booked.start_at = clock_.wall() + std::chrono::hours(20);
  submitted(booked);
  created(file_with_job(1));
  EXPECT_EQ(agent_.assigned(0).assignment.spec.command.at(0), "train");
}

TEST_F(StudyJobsTest, ARestartStartsNoTrialTwice) {
  created(file_with_job(2));
  agent_.assigned(1);
  reopen();
  const auto jobs = controller_->jobs({.limit = 100});
  ASSERT_TRUE(jobs);
  EXPECT_EQ(jobs->jobs.size(), 2U);
  const auto trials = studies_->trials("toy", 0, 10);
  ASSERT_TRUE(trials);
  ASSERT_EQ(trials->size(), 2U);
  EXPECT_NE((*trials)[0].job_id, (*trials)[1].job_id);
}

TEST_F(StudyJobsTest, AStoppedStudyCancelsItsJobs) {
  created(file_with_job(4));
  const auto first = agent_.assigned(0).assignment.attempt_id;
  const auto second = agent_.assigned(1).assignment.attempt_id;
  ASSERT_TRUE(runs(first));
  ASSERT_TRUE(runs(second));
  const auto stopping = studies_->end("toy", "tester");
  ASSERT_TRUE(stopping);
  EXPECT_EQ(stopping->record.state, StudyState::stopping);
  agent_.cancelled(1);
  ASSERT_TRUE(ends(first, AttemptState::cancelled));
  ASSERT_TRUE(ends(second, AttemptState::cancelled));
  const auto study =
      wait_until([](const StudyDetails& s) { return s.record.state == StudyState::stopped; });
  EXPECT_EQ(study.progress.live, 0);
}

TEST_F(StudyJobsTest, NobodyAsksForTheTrialsOfJobs) {
  created(file_with_job(1));
  const auto orders = studies_->ask("toy", 1, {});
  ASSERT_FALSE(orders);
  EXPECT_EQ(orders.error().code, Errc::conflict);
}

TEST_F(StudyJobsTest, AWrongJobIsNamedWithItsPath) {
  Json file = file_with_job(1);
  file["job"]["resources"]["gpus"] = -1;
  const auto study = studies_->create({.principal = "tester", .file = file});
  ASSERT_FALSE(study);
  EXPECT_THAT(study.error().field, HasSubstr("job.resources.gpus"));
}

}  // namespace
}  // namespace galley::studies
