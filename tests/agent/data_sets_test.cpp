#include "data_sets.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "blobs/freeze.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

class DataSets : public ::testing::Test {
 protected:
  blobs::Manifest frozen(const std::string& content) {
    const auto folder = temp_ / ("source-" + content);
    GALLEY_CHECK(make_folders(folder).has_value(), "test");
    GALLEY_CHECK(write_file_atomic(folder / "a.txt", content, Durability::memory).has_value(), "");
    auto result = blobs::freeze(folder, *blobs_);
    GALLEY_CHECK(result.has_value(), "test");
    return result->manifest;
  }
  Result<std::vector<DataSet>> prepare(const std::vector<std::string>& references) {
    return prepare_data_sets(
        references,
        [this](std::string_view) -> Result<blobs::Manifest> {
          ++asked_;
          return manifest_;
        },
        *blobs_, temp_ / "cache");
  }

  galley::testing::TempFolder temp_;
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
  blobs::Manifest manifest_;
  int asked_ = 0;
};

TEST_F(DataSets, AreWrittenOnceAndShared) {
  manifest_ = frozen("one");
  const auto first = prepare({"ice@1", "ice@1"});
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 1U);
  EXPECT_EQ(first->front().name, "ice");
  EXPECT_EQ(*read_file(first->front().folder / "a.txt", 100), "one");
  const auto second = prepare({"ice@1"});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->front().folder, first->front().folder);
}

TEST_F(DataSets, ANewContentUnderAnOldNameIsAnotherFolder) {
  manifest_ = frozen("one");
  const auto first = prepare({"ice@1"});
  manifest_ = frozen("two");
  const auto second = prepare({"ice@1"});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*read_file(second->front().folder / "a.txt", 100), "two");
}

TEST_F(DataSets, RefusesNamesThatAreNoFolders) {
  for (const char* bad : {"ice", "@1", "ice@", "../ice@1", "a/b@1", "ice@1/2", ".@1", "ice@.."}) {
    const auto sets = prepare({bad});
    ASSERT_FALSE(sets) << bad;
    EXPECT_EQ(sets.error().code, Errc::invalid_argument);
    EXPECT_EQ(sets.error().field, "datasets");
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(DataSets, ADamagedBlobLeavesNothing) {
  manifest_ = frozen("one");
  ASSERT_TRUE(blobs_->remove(manifest_.files[0].chunks[0]));
  const auto sets = prepare({"ice@1"});
  ASSERT_FALSE(sets);
  EXPECT_THAT(sets.error().message, ::testing::HasSubstr("cannot prepare data set ice@1"));
  EXPECT_TRUE(std::filesystem::is_empty(temp_ / "cache"));
}

}  // namespace
}  // namespace galley::agent
