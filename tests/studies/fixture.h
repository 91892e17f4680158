#pragma once

#include "../controller/fixture.h"
#include "studies/studies.h"
#include "tracking/tracking.h"

namespace galley::studies {

inline Json study_file(std::int64_t trials = 6, const std::string& tune = "tpe") {
  return {
      {"kind", "study"},
      {"version", 1},
      {"name", "toy"},
      {"h_params",
       {{"lr", {{"type", "float"}, {"distribution", "log_uniform"}, {"parameters", {0.001, 0.1}}}},
        {"act",
         {{"type", "str"}, {"distribution", "categorical"}, {"parameters", {"relu", "gelu"}}}}}},
      {"measure", "accuracy"},
      {"order", "descending"},
      {"resource", "epoch"},
      {"max_resource", 9},
      {"tune", tune},
      {"termination", {{"max_session_number", trials}}},
      {"seed", 7}};
}

/// Studies over a real database and a real controller whose agent only remembers.
class StudiesFixture : public controller::ControllerFixture {
 protected:
  void SetUp() override {
    ControllerFixture::SetUp();
    attach(agent_);
    open_studies();
  }
  void TearDown() override { studies_.reset(); }

  void open_studies() {
    tracking_ = std::make_unique<tracking::Tracking>(*database_, clock_, ids_);
    auto studies = Studies::open(*database_, *controller_, *tracking_, clock_, ids_);
    ASSERT_TRUE(studies) << describe(studies.error());
    studies_ = *std::move(studies);
  }
  /// As after a kill: the objects go, the file stays.
  void reopen() {
    studies_.reset();
    restart();
    attach(agent_);
    open_studies();
  }

  StudyDetails created(Json file) {
    auto study = studies_->create({.principal = "tester", .file = std::move(file)});
    EXPECT_TRUE(study) << describe(study.error());
    return study ? *study : StudyDetails{};
  }
  Order asked(const std::string& worker = {}) {
    auto orders = studies_->ask("toy", 1, worker);
    EXPECT_TRUE(orders) << describe(orders.error());
    EXPECT_EQ(orders ? orders->size() : 0, 1U);
    return orders && !orders->empty() ? orders->front() : Order{};
  }
  Verdict told(const Told& what) {
    auto verdict = studies_->tell("toy", what);
    EXPECT_TRUE(verdict) << describe(verdict.error());
    return verdict ? *verdict : Verdict{};
  }
  StudyDetails now() {
    auto study = studies_->get("toy");
    EXPECT_TRUE(study) << describe(study.error());
    return study ? *study : StudyDetails{};
  }

  controller::FakeAgent agent_;
  std::unique_ptr<tracking::Tracking> tracking_;
  std::unique_ptr<Studies> studies_;
};

}  // namespace galley::studies
