#include "frozen_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/file.h"
#include "blobs/freeze.h"
#include "support/temp_folder.h"

namespace galley::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FrozenFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_folders(work_ / "sub"));
    write("sub/a.bin", "alpha");
  }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(work_ / name, text, Durability::memory));
  }
  FrozenFiles freeze(const fs::path& path, bool checkpoint = false) {
    return freeze_files({{path.string(), checkpoint}}, work_, FileReader(), *blobs_);
  }

  galley::testing::TempFolder temp_;
  fs::path work_ = temp_ / "work";
  std::unique_ptr<blobs::BlobStore> blobs_ = *blobs::BlobStore::open(temp_ / "blobs");
};

TEST_F(FrozenFilesTest, AFileKeepsItsName) {
  const auto frozen = freeze(work_ / "sub/a.bin");
  ASSERT_EQ(frozen.files.size(), 1U) << frozen.faults;
  EXPECT_EQ(frozen.files[0].path, "sub/a.bin");
  EXPECT_EQ(frozen.files[0].kind, "file");
  EXPECT_EQ(frozen.files[0].size_bytes, 5);
  const auto manifest = blobs::get_manifest(*blobs_, frozen.files[0].manifest_sha256);
  ASSERT_TRUE(manifest);
  ASSERT_EQ(manifest->files.size(), 1U);
  EXPECT_EQ(manifest->files[0].path, "a.bin");
}

TEST_F(FrozenFilesTest, FoldersAndCheckpoints) {
  write("sub/b.bin", "beta");
  const auto folder = freeze(work_ / "sub");
  ASSERT_EQ(folder.files.size(), 1U);
  EXPECT_EQ(folder.files[0].kind, "folder");
  EXPECT_EQ(folder.files[0].size_bytes, 9);
  EXPECT_EQ(freeze(work_ / "sub", true).files.at(0).kind, "checkpoint");
}

TEST_F(FrozenFilesTest, FollowsALinkAtTheEnd) {
  fs::create_symlink("sub/a.bin", work_ / "latest");
  const auto frozen = freeze(work_ / "latest", true);
  ASSERT_EQ(frozen.files.size(), 1U) << frozen.faults;
  EXPECT_EQ(frozen.files[0].path, "latest");
}

TEST_F(FrozenFilesTest, AFileElsewhereKeepsItsWholePath) {
  const auto outside = temp_ / "outside.txt";
  ASSERT_TRUE(write_file_atomic(outside, "x", Durability::memory));
  EXPECT_EQ(freeze(outside).files.at(0).path, outside.string());
}

TEST_F(FrozenFilesTest, WhatCannotBeKeptIsToldAndStopsNothing) {
  const fs::path fifo = work_ / "pipe";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto frozen = freeze_files({{(work_ / "absent").string(), false},
                                    {fifo.string(), false},
                                    {(work_ / "sub/a.bin").string(), false}},
                                   work_, FileReader(), *blobs_);
  EXPECT_EQ(frozen.files.size(), 1U);
  EXPECT_THAT(frozen.faults, HasSubstr("'absent' was not kept: it cannot be opened"));
  EXPECT_THAT(frozen.faults, HasSubstr("'pipe' was not kept: it is neither a file nor a folder"));
}

}  // namespace
}  // namespace galley::agent
