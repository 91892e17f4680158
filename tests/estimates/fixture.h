#pragma once

#include "../controller/fixture.h"
#include "blobs/blob_store.h"
#include "estimates/estimates.h"
#include "registry/registry.h"
#include "tracking/tracking.h"

namespace galley::estimates {

using ::testing::HasSubstr;

/// Estimates over a real database and a real controller whose agent only remembers.
class EstimatesFixture : public controller::ControllerFixture {
 protected:
  void SetUp() override {
    ControllerFixture::SetUp();
    attach(agent_);
    blobs_ = *blobs::BlobStore::open(folder_.path() / "blobs");
    open_estimates();
  }
  void TearDown() override { estimates_.reset(); }

  void open_estimates() {
    tracking_ = std::make_unique<tracking::Tracking>(*database_, clock_, ids_);
    registry_ = std::make_unique<registry::Registry>(*database_, *blobs_, clock_, ids_);
    auto opened = Estimates::open({.database = *database_,
                                   .controller = *controller_,
                                   .tracking = *tracking_,
                                   .registry = *registry_,
                                   .blobs = *blobs_,
                                   .clock = clock_},
                                  {.learns = false, .rows_of_a_fit = 8});
    ASSERT_TRUE(opened) << describe(opened.error());
    estimates_ = *std::move(opened);
    look();
  }
  /// As after a kill: the objects go, the file stays.
  void reopen() {
    estimates_.reset();
    registry_.reset();
    tracking_.reset();
    restart();
    attach(agent_);
    open_estimates();
  }
  void look() {
    const auto looked = estimates_->look();
    ASSERT_TRUE(looked) << describe(looked.error());
  }
  Json accuracy() {
    const auto answer = estimates_->accuracy(50);
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer ? *answer : Json();
  }

  /// Submits a job, lets it run that long and end; the estimates look after each.
  protocol::JobRecord job_that_takes(protocol::JobSpec job, double seconds,
                                     const std::vector<tracking::MetricPoint>& points = {}) {
    const auto accepted = submitted(std::move(job));
    look();
    const auto attempt = agent_.assigned(assigned_++).assignment.attempt_id;
    EXPECT_TRUE(runs(attempt));
    look();
    if (!points.empty()) {
      EXPECT_TRUE(tracking_->log_metrics(accepted.run_id, points));
    }
    clock_.advance(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3)));
    EXPECT_TRUE(ends(attempt, protocol::AttemptState::succeeded));
    look();
    return accepted;
  }
  static protocol::JobSpec training(std::int64_t batch = 128) {
    protocol::JobSpec job =
        controller::spec({"python3", "train.py", "--arch", "resnet50", "--batch-size",
                          std::to_string(batch), "--amp", "--max-steps", "1000"});
    job.resources.gpus = 1;
    return job;
  }
  /// Points that a program logs every ten steps.
  static std::vector<tracking::MetricPoint> steps_of_s(double step_s) {
    std::vector<tracking::MetricPoint> points;
    for (std::int64_t i = 0; i < 20; ++i)
      points.push_back(
          {.key = "loss",
           .step = 10 * i,
           .value = 1,
           .at_ms = 1'000'000 + static_cast<std::int64_t>(static_cast<double>(i) * 1e4 * step_s)});
    return points;
  }
  std::string text_of_row(std::string_view sql) {
    std::string text;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto row, transaction.query_one(sql));
      if (row) text = row->text(0);
      return ok();
    }));
    return text;
  }

  controller::FakeAgent agent_;
  std::size_t assigned_ = 0;
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<tracking::Tracking> tracking_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<Estimates> estimates_;
};

}  // namespace galley::estimates
