#include "base/file.h"
#include "blobs/freeze.h"
#include "estimator/shipped.h"
#include "fixture.h"

namespace galley::estimates {
namespace {

/// Measured jobs enough for a fit, and the job that fits.
class RefitTest : public EstimatesFixture {
 protected:
  void measure_jobs() {
    for (std::int64_t i = 0; i < 8; ++i)
      job_that_takes(training(8 * (i + 1)), 600, steps_of_s(0.1 + 0.01 * static_cast<double>(i)));
    look();
  }
  /// The job that was submitted for the fit, running.
  controller::AgentPort::Assign fitting() {
    auto assign = agent_.assigned(assigned_++);
    EXPECT_TRUE(runs(assign.assignment.attempt_id));
    return assign;
  }
  /// What the fit leaves: the shipped model with these errors.
  void leave_model(const protocol::Assignment& assignment, double mdape, double before) {
    auto document = *parse_json(estimator::shipped_model());
    document["site"] = {
        {"rows", 8}, {"compared", 8}, {"mdape_pct", mdape}, {"before_mdape_pct", before}};
    const auto out = folder_.path() / "fit-out";
    ASSERT_TRUE(make_folders(out));
    ASSERT_TRUE(write_file_atomic(out / "model.json", dump_json(document), Durability::memory));
    const auto frozen = blobs::freeze(out, *blobs_);
    ASSERT_TRUE(frozen);
    ASSERT_TRUE(tracking_->add_artifact(assignment.run_id, {.path = "model",
                                                            .kind = tracking::ArtifactKind::folder,
                                                            .manifest_sha256 = frozen->name}));
  }
  std::string source() { return accuracy().at("model").at("source"); }
};

TEST_F(RefitTest, EnoughMeasuredJobsAreFittedByOneIdleJob) {
  measure_jobs();
  const auto fit = fitting().assignment;
  EXPECT_EQ(fit.spec.name, "estimator-fit");
  EXPECT_EQ(fit.spec.priority_class, protocol::PriorityClass::idle);
  EXPECT_THAT(fit.spec.command.back(), HasSubstr("galley-train estimator"));
  look();
  look();
  EXPECT_EQ(count("select count(*) from jobs where name = 'estimator-fit'"), 1);
  EXPECT_EQ(accuracy().at("fits").at(0).at("state"), "fitting");
}

TEST_F(RefitTest, ABetterModelIsTakenIntoUseAndKeptOverARestart) {
  measure_jobs();
  const auto fit = fitting().assignment;
  leave_model(fit, 4.5, 19);
  ASSERT_TRUE(ends(fit.attempt_id, protocol::AttemptState::succeeded));
  look();
  EXPECT_EQ(source(), "site");
  EXPECT_EQ(accuracy().at("fits").at(0).at("state"), "used");
  EXPECT_THAT(accuracy().at("fits").at(0).at("reason").get<std::string>(), HasSubstr("4.5 %"));
  reopen();
  EXPECT_EQ(source(), "site");
}

TEST_F(RefitTest, AWorseModelIsNotTakenIntoUse) {
  measure_jobs();
  const auto fit = fitting().assignment;
  leave_model(fit, 30, 19);
  ASSERT_TRUE(ends(fit.attempt_id, protocol::AttemptState::succeeded));
  look();
  EXPECT_EQ(source(), "shipped");
  EXPECT_EQ(accuracy().at("fits").at(0).at("state"), "kept_old");
}

TEST_F(RefitTest, AFitThatFailsLeavesTheModelAndIsTriedAgainOnlyWithMoreJobs) {
  measure_jobs();
  const auto fit = fitting().assignment;
  ASSERT_TRUE(ends(fit.attempt_id, protocol::AttemptState::failed, 127));
  look();
  look();
  EXPECT_EQ(source(), "shipped");
  EXPECT_EQ(accuracy().at("fits").at(0).at("state"), "failed");
  EXPECT_EQ(count("select count(*) from jobs where name = 'estimator-fit'"), 1);
}

TEST_F(RefitTest, NothingIsFittedWhilePeopleWait) {
  auto large = controller::spec();
  large.resources.cpus = 3;
  const auto running = submitted(large);
  agent_.assigned(assigned_++);
  submitted(large);
  for (std::int64_t i = 0; i < 8; ++i) {
    const std::string row =
        "insert into estimator_rows (job_id, at_ms, step_s, features) values ('j" +
        std::to_string(i) + "', 1, 1, '{}')";
    ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY([[maybe_unused]] const auto rows, transaction.execute(row));
      return ok();
    }));
  }
  look();
  EXPECT_EQ(count("select count(*) from jobs where name = 'estimator-fit'"), 0);
}

}  // namespace
}  // namespace galley::estimates
