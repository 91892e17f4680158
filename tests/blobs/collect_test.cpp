#include "blobs/collect.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "blobs/freeze.h"
#include "support/temp_folder.h"

namespace galley::blobs {
namespace {

class Collect : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(opened);
    store_ = *std::move(opened);
  }
  std::string freeze_text(const std::string& folder, const std::string& text) {
    EXPECT_TRUE(make_folders(folder_ / folder));
    EXPECT_TRUE(write_file_atomic(folder_ / folder / "shared", "shared", Durability::memory));
    EXPECT_TRUE(write_file_atomic(folder_ / folder / "own", text, Durability::memory));
    return freeze(folder_ / folder, *store_)->name;
  }

  testing::TempFolder folder_;
  std::unique_ptr<BlobStore> store_;
  const WallTime later_ = system_clock().wall() + std::chrono::hours(1);
};

TEST_F(Collect, RemovesWhatNoRootReaches) {
  const auto kept = freeze_text("a", "first");
  const auto dropped = freeze_text("b", "second");
  ASSERT_TRUE(store_->put("stray"));

  const auto result = collect(*store_, std::vector{kept}, later_);

  ASSERT_TRUE(result) << describe(result.error());
  EXPECT_EQ(result->blobs_removed, 3);
  EXPECT_EQ(result->blobs_kept, 3);
  EXPECT_GT(result->bytes_removed, 0);
  EXPECT_FALSE(store_->has(dropped));
  EXPECT_FALSE(store_->has(sha256_hex("second")));
  EXPECT_FALSE(store_->has(sha256_hex("stray")));
  EXPECT_TRUE(check_complete(*store_, *get_manifest(*store_, kept)));
}

TEST_F(Collect, LeavesWhatIsWithinTheGracePeriod) {
  ASSERT_TRUE(store_->put("upload in progress"));
  const auto result = collect(*store_, {}, system_clock().wall() - std::chrono::hours(1));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->blobs_removed, 0);
}

TEST_F(Collect, AskingForABlobRenewsItsGrace) {
  const auto name = *store_->put("old");
  const auto file = folder_ / "blobs" / name.substr(0, 2) / name;
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(48);
  std::filesystem::last_write_time(file, long_ago);
  ASSERT_TRUE(store_->missing(std::vector{name})->empty());

  const auto result = collect(*store_, {}, system_clock().wall() - std::chrono::hours(24));
  ASSERT_TRUE(result);
  EXPECT_TRUE(store_->has(name));

  std::filesystem::last_write_time(file, long_ago);
  ASSERT_TRUE(collect(*store_, {}, system_clock().wall() - std::chrono::hours(24)));
  EXPECT_FALSE(store_->has(name));
}

TEST_F(Collect, ARootThatCannotBeReadStopsEverything) {
  const auto kept = freeze_text("a", "first");
  ASSERT_TRUE(store_->put("stray"));
  const auto result = collect(*store_, std::vector{kept, sha256_hex("lost root")}, later_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::not_found);
  EXPECT_TRUE(store_->has(sha256_hex("stray")));
}

}  // namespace
}  // namespace galley::blobs
