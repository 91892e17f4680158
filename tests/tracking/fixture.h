#pragma once

#include <gtest/gtest.h>

#include "store/events.h"
#include "support/database.h"
#include "support/temp_folder.h"
#include "tracking/tracking.h"

namespace galley::tracking {

/// Tracking on a real database file, with a clock that stands still.
class TrackingFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = testing::open_database(folder_.path());
    ASSERT_TRUE(database) << describe(database.error());
    database_ = *std::move(database);
    tracking_ = std::make_unique<Tracking>(*database_, clock_, ids_);
  }

  RunId new_run(const std::string& name = "run", const std::string& experiment = "default") {
    const auto run = tracking_->create_run(name, experiment);
    EXPECT_TRUE(run) << describe(run.error());
    return run->id;
  }

  std::int64_t count(const std::string& sql) {
    std::int64_t found = -1;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto row, transaction.query_one(sql));
      found = row->integer(0);
      return ok();
    }));
    return found;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Tracking> tracking_;
};

}  // namespace galley::tracking
