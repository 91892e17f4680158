#include "data_set_cache.h"

#include <gmock/gmock.h>

#include <fstream>

#include "blobs/freeze.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DataSetCacheTest : public ::testing::Test {
 protected:
  void open(std::int64_t budget_bytes) {
    auto cache = DataSetCache::open(temp_ / "cache", budget_bytes);
    ASSERT_TRUE(cache);
    cache_ = *std::move(cache);
  }
  /// A data set of so many bytes.
  void freeze(const std::string& reference, std::size_t bytes) {
    const auto folder = temp_ / ("source-" + reference);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "data") << std::string(bytes, reference.front());
    auto frozen = blobs::freeze(folder, *blobs_);
    ASSERT_TRUE(frozen);
    manifests_[reference] = frozen->manifest;
  }
  Result<std::vector<DataSet>> prepare(const std::vector<std::string>& references,
                                       const std::string& holder) {
    return cache_->prepare(
        references,
        [&](std::string_view reference) -> Result<blobs::Manifest> {
          const auto found = manifests_.find(std::string(reference));
          if (found == manifests_.end()) return Error{Errc::not_found, "no such data set"};
          return found->second;
        },
        *blobs_, holder);
  }
  /// What lies on the disk, as references.
  std::vector<std::string> on_disk() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(temp_ / "cache"))
      names.push_back(entry.path().filename().string().substr(0, 3));
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::string> told() const {
    std::vector<std::string> names;
    for (const auto& record : cache_->contents()) names.push_back(record.name);
    return names;
  }

  galley::testing::TempFolder temp_;
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
  std::map<std::string, blobs::Manifest> manifests_;
  std::unique_ptr<DataSetCache> cache_;
};

TEST_F(DataSetCacheTest, WhatWasUsedLongestAgoGoesFirst) {
  open(2'500);
  for (const char* name : {"a@1", "b@1", "c@1"}) freeze(name, 1'000);
  ASSERT_TRUE(prepare({"a@1"}, "1"));
  cache_->release("1");
  ASSERT_TRUE(prepare({"b@1"}, "2"));
  cache_->release("2");
  ASSERT_TRUE(prepare({"a@1"}, "3"));
  cache_->release("3");
  ASSERT_TRUE(prepare({"c@1"}, "4"));
  EXPECT_THAT(on_disk(), ElementsAre("a@1", "c@1"));
  EXPECT_THAT(told(), ElementsAre("a@1", "c@1"));
  EXPECT_EQ(cache_->contents().front().bytes, 1'000);
}

TEST_F(DataSetCacheTest, WhatAnAttemptHoldsStays) {
  open(1'500);
  for (const char* name : {"a@1", "b@1"}) freeze(name, 1'000);
  ASSERT_TRUE(prepare({"a@1"}, "1"));
  ASSERT_TRUE(prepare({"a@1", "b@1"}, "2"));
  EXPECT_THAT(on_disk(), ElementsAre("a@1", "b@1"));
  cache_->release("1");
  EXPECT_THAT(on_disk(), ElementsAre("a@1", "b@1")) << "the second attempt holds it, too";
  cache_->release("2");
  EXPECT_THAT(on_disk(), ElementsAre("b@1"));
}

TEST_F(DataSetCacheTest, KnowsAfterARestartWhatIsThereAndWhoHoldsIt) {
  open(10'000);
  for (const char* name : {"a@1", "b@1"}) freeze(name, 1'000);
  ASSERT_TRUE(prepare({"a@1"}, "1"));
  ASSERT_TRUE(prepare({"b@1"}, "2"));
  open(1'500);
  EXPECT_THAT(told(), ElementsAre("a@1", "b@1"));
  cache_->hold({"a@1"}, "1");
  cache_->hold({"b@1"}, "2");
  cache_->release("2");
  EXPECT_THAT(on_disk(), ElementsAre("a@1"));
}

TEST_F(DataSetCacheTest, AFailureHoldsNothing) {
  open(0);
  freeze("a@1", 1'000);
  EXPECT_EQ(prepare({"a@1", "none@1"}, "1").error().code, Errc::not_found);
  EXPECT_THAT(on_disk(), IsEmpty());
}

}  // namespace
}  // namespace galley::agent
