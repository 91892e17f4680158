#pragma once

#include <gtest/gtest.h>

#include "base/file.h"
#include "blobs/freeze.h"
#include "registry/registry.h"
#include "store/events.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::registry {

/// A registry on a real database file and a real blob folder, with a clock that stands still.
class RegistryFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = testing::open_database(folder_.path());
    ASSERT_TRUE(database) << describe(database.error());
    database_ = *std::move(database);
    auto blobs = blobs::BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(blobs);
    blobs_ = *std::move(blobs);
    registry_ = std::make_unique<Registry>(*database_, *blobs_, clock_, ids_);
  }

  /// Freezes a folder of one file and answers the manifest's name.
  std::string content(const std::string& text) {
    const auto folder = folder_ / ("content-" + std::to_string(++folders_));
    EXPECT_TRUE(make_folders(folder));
    EXPECT_TRUE(write_file_atomic(folder / "file", text, Durability::memory));
    return blobs::freeze(folder, *blobs_)->name;
  }

  Snapshot frozen(const std::string& name, const std::string& text, Kind kind = Kind::model,
                  std::vector<SnapshotId> sources = {}) {
    auto answer = registry_->freeze_snapshot({.kind = kind,
                                              .name = name,
                                              .manifest_sha256 = content(text),
                                              .sources = std::move(sources),
                                              .principal = "tester"});
    EXPECT_TRUE(answer) << describe(answer.error());
    return answer->snapshot;
  }

  Result<MoveAnswer> deploy(const Snapshot& snapshot, const std::string& channel = "prod") {
    return registry_->move_channel({.model = snapshot.name,
                                    .channel = channel,
                                    .snapshot_id = snapshot.id,
                                    .principal = "tester"});
  }

  std::vector<store::Event> events() {
    std::vector<store::Event> found;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(found, store::read_events(transaction, 0, {}, 1000));
      return ok();
    }));
    return found;
  }

  std::vector<std::string> audited() {
    std::vector<std::string> found;
    EXPECT_TRUE(database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows,
                 transaction.query("select action || ' ' || subject from audit order by seq"));
      for (const auto& row : rows) found.push_back(row.text(0));
      return ok();
    }));
    return found;
  }

  testing::TempFolder folder_;
  ManualClock clock_;
  IdSource ids_{clock_, 1};
  int folders_ = 0;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<blobs::BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace galley::registry
