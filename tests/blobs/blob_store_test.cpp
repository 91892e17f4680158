#include "blobs/blob_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "support/child.h"
#include "support/temp_folder.h"

namespace galley::blobs {
namespace {

std::string noise(std::size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return bytes;
}

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(opened) << describe(opened.error());
    store_ = *std::move(opened);
  }
  std::filesystem::path file_of(const std::string& name) {
    return folder_ / "blobs" / name.substr(0, 2) / name;
  }
  std::int64_t leftovers() {
    return std::distance(std::filesystem::directory_iterator(folder_ / "blobs" / "tmp"),
                         std::filesystem::directory_iterator());
  }

  testing::TempFolder folder_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, GivesBackWhatWasPut) {
  for (const std::string& bytes :
       {std::string(), std::string("a\0b", 3), std::string(100'000, 'z'), noise(100'000)}) {
    const auto name = store_->put(bytes);
    ASSERT_TRUE(name) << describe(name.error());
    EXPECT_EQ(*name, sha256_hex(bytes));
    EXPECT_TRUE(store_->has(*name));
    const auto back = store_->get(*name);
    ASSERT_TRUE(back) << describe(back.error());
    EXPECT_EQ(*back, bytes);
  }
  EXPECT_EQ(leftovers(), 0);
}

TEST_F(BlobStoreTest, CompressesOnlyWhereItHelps) {
  const auto repetitive = *store_->put(std::string(1 << 20, 'z'));
  const auto random = *store_->put(noise(1 << 20));
  EXPECT_LT(std::filesystem::file_size(file_of(repetitive)), 1000U);
  EXPECT_LT(std::filesystem::file_size(file_of(random)), (1U << 20U) + 100U);
}

TEST_F(BlobStoreTest, PuttingTwiceKeepsOne) {
  const auto first = *store_->put("same");
  const auto second = *store_->put("same");
  EXPECT_EQ(first, second);
  EXPECT_EQ(store_->list()->size(), 1U);
}

TEST_F(BlobStoreTest, ManyThreadsMayPutTheSameBlobs) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([this] {
      for (unsigned i = 0; i < 10; ++i) {
        const auto name = store_->put(noise(1000, i));
        ASSERT_TRUE(name) << describe(name.error());
        EXPECT_TRUE(store_->get(*name));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->list()->size(), 10U);
  EXPECT_EQ(leftovers(), 0);
}

TEST_F(BlobStoreTest, ChecksBytesThatComeWithAName) {
  const std::string name = sha256_hex("right");
  EXPECT_TRUE(store_->put(name, "right"));
  const auto wrong = store_->put(name, "wrong");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid_argument);
  EXPECT_NE(wrong.error().message.find(sha256_hex("wrong")), std::string::npos);
}

TEST_F(BlobStoreTest, RefusesNamesThatAreNotDigests) {
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), std::string(64, 'A'), std::string(63, 'a'),
        std::string(64, '/'), std::string(65, 'a')}) {
    EXPECT_EQ(store_->get(name).error().code, Errc::invalid_argument) << name;
    EXPECT_EQ(store_->put(name, "x").error().code, Errc::invalid_argument) << name;
    EXPECT_EQ(store_->remove(name).error().code, Errc::invalid_argument) << name;
    EXPECT_EQ(store_->missing(std::vector{name}).error().code, Errc::invalid_argument) << name;
    EXPECT_FALSE(store_->has(name)) << name;
  }
}

TEST_F(BlobStoreTest, RefusesMoreThanABlobMayHold) {
  const std::string huge(static_cast<std::size_t>(kMaxBlobBytes) + 1, '\0');
  const auto name = store_->put(huge);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().code, Errc::too_large);
}

TEST_F(BlobStoreTest, AnAbsentBlobIsNotFound) {
  const std::string name = sha256_hex("never");
  EXPECT_EQ(store_->get(name).error().code, Errc::not_found);
  EXPECT_TRUE(store_->remove(name));
}

TEST_F(BlobStoreTest, DamageIsFoundAndHealedByPuttingAgain) {
  const std::string bytes = noise(10'000);
  const auto name = *store_->put(bytes);
  auto file = *read_file(file_of(name), 1 << 20);
  for (const std::size_t at : {std::size_t{0}, std::size_t{4}, std::size_t{5}, std::size_t{9},
                               std::size_t{20}, std::size_t{60}, file.size() - 1}) {
    auto damaged = file;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    ASSERT_TRUE(write_file_atomic(file_of(name), damaged, Durability::memory));
    const auto back = store_->get(name);
    ASSERT_FALSE(back) << at;
    EXPECT_NE(back.error().message.find(name), std::string::npos) << back.error().message;
  }
  ASSERT_TRUE(write_file_atomic(file_of(name), file.substr(0, 30), Durability::memory));
  EXPECT_EQ(store_->get(name).error().code, Errc::corrupt);

  ASSERT_TRUE(store_->put(bytes));
  EXPECT_EQ(*store_->get(name), bytes);
}

TEST_F(BlobStoreTest, SaysWhatIsMissingInOrder) {
  const auto here = *store_->put("here");
  const std::vector names{sha256_hex("b"), here, sha256_hex("a")};
  EXPECT_EQ(*store_->missing(names), (std::vector{names[0], names[2]}));
}

TEST_F(BlobStoreTest, RemovesOnlyWhatWasNotUsedSince) {
  const auto name = *store_->put("x");
  EXPECT_FALSE(*store_->remove_unused(name, WallTime{}));
  const WallTime later = system_clock().wall() + std::chrono::hours(1);
  EXPECT_TRUE(*store_->remove_unused(name, later));
  EXPECT_FALSE(store_->has(name));
  EXPECT_FALSE(*store_->remove_unused(name, later));
}

TEST_F(BlobStoreTest, RemovesLeftoversOfKilledWriters) {
  ASSERT_TRUE(write_file_atomic(folder_ / "blobs" / "tmp" / "abc.1.1", "half", Durability::memory));
  EXPECT_EQ(*store_->remove_leftovers(WallTime{}), 0);
  EXPECT_EQ(*store_->remove_leftovers(system_clock().wall() + std::chrono::hours(1)), 1);
  EXPECT_EQ(leftovers(), 0);
}

TEST(BlobStoreDisk, AFullDiskLeavesNoDebris) {
  const testing::TempFolder folder;
  const int status = testing::with_small_disk(folder.path(), "1m", [&] {
    auto store = BlobStore::open(folder / "blobs");
    ASSERT_TRUE(store);
    const auto kept = (*store)->put(noise(300'000, 1));
    ASSERT_TRUE(kept);

    const auto refused = (*store)->put(noise(900'000, 2));

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::exhausted) << describe(refused.error());
    EXPECT_TRUE(std::filesystem::is_empty(folder / "blobs" / "tmp"));
    EXPECT_EQ((*store)->list()->size(), 1U);
    EXPECT_TRUE((*store)->get(*kept));
    EXPECT_TRUE((*store)->put(noise(300'000, 3)));
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot mount a small disk here";
  EXPECT_EQ(status, 0);
}

TEST(BlobStoreDisk, AReadOnlyFolderIsForbidden) {
  const testing::TempFolder folder;
  ASSERT_TRUE(BlobStore::open(folder / "blobs"));
  ASSERT_EQ(::chmod((folder / "blobs" / "tmp").c_str(), 0555), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const int status = testing::as_nobody([&] {
    const auto store = BlobStore::open(folder / "blobs");
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, Errc::forbidden) << describe(store.error());
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot become another user here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace galley::blobs
