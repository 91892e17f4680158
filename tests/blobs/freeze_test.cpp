#include "blobs/freeze.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "blobs/materialize.h"
#include "support/child.h"
#include "support/temp_folder.h"

namespace galley::blobs {
namespace {
namespace fs = std::filesystem;

std::string freeze_noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return bytes;
}

void write(const fs::path& path, std::string_view bytes, unsigned mode = 0644) {
  ASSERT_TRUE(make_folders(path.parent_path()));
  ASSERT_TRUE(write_file_atomic(path, bytes, Durability::memory, mode));
}

/// Everything under a folder: path → bytes, with "x" appended to the path of an executable.
std::map<std::string, std::string> content(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory()) continue;
    struct stat info {};
    EXPECT_EQ(::stat(entry.path().c_str(), &info), 0);
    const bool executable = (info.st_mode & S_IXUSR) != 0;
    found[entry.path().lexically_relative(folder).string() + (executable ? " x" : "")] =
        *read_file(entry.path(), 1 << 30);
  }
  return found;
}

class Freeze : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = BlobStore::open(folder_ / "blobs");
    ASSERT_TRUE(opened);
    store_ = *std::move(opened);
  }
  void fill() {
    write(source() / "weights.bin", freeze_noise(9'000'000, 1));
    write(source() / "exactly-one-chunk", freeze_noise(static_cast<std::size_t>(kChunkBytes), 2));
    write(source() / "empty", "");
    write(source() / "dir/deep/이름.txt", "text");
    write(source() / "dir/run.sh", "#!/bin/sh\n", 0755);
  }
  fs::path source() { return folder_ / "source"; }

  testing::TempFolder folder_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(Freeze, AFolderComesBackAsItWasAndReadOnly) {
  fill();
  const auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen) << describe(frozen.error());
  EXPECT_EQ(frozen->manifest.files.size(), 5U);
  EXPECT_EQ(frozen->manifest.find("weights.bin")->chunks.size(), 3U);
  EXPECT_EQ(frozen->manifest.find("exactly-one-chunk")->chunks.size(), 1U);
  EXPECT_EQ(frozen->name, manifest_name(frozen->manifest));

  const auto manifest = get_manifest(*store_, frozen->name);
  ASSERT_TRUE(manifest) << describe(manifest.error());
  const auto status = materialize(*manifest, *store_, folder_ / "target");
  ASSERT_TRUE(status) << describe(status.error());

  EXPECT_EQ(content(folder_ / "target"), content(source()));
  struct stat info {};
  ASSERT_EQ(::stat((folder_ / "target" / "dir").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0555U);
  ASSERT_EQ(::stat((folder_ / "target").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0555U);
  ASSERT_EQ(::stat((folder_ / "target" / "empty").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0444U);
  ASSERT_EQ(::stat((folder_ / "target" / "dir/run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0555U);
}

TEST_F(Freeze, EqualContentsHaveOneNameWhereverTheyLie) {
  fill();
  fs::copy(source(), folder_ / "copy", fs::copy_options::recursive);
  fs::create_directories(folder_ / "copy" / "empty-folder");
  const auto first = freeze(source(), *store_);
  const auto blobs = store_->list()->size();
  const auto second = freeze(folder_ / "copy", *store_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->name, second->name);
  EXPECT_EQ(store_->list()->size(), blobs) << "nothing is stored twice";
}

/// The other end of a connection, which counts what crosses it.
class CountingSink final : public ChunkSink {
 public:
  explicit CountingSink(BlobStore& store) : store_(store) {}
  Result<std::vector<std::string>> missing(std::span<const std::string> names) override {
    ++asked;
    EXPECT_LE(names.size(), kFreezeBatchChunks);
    return store_.missing(names);
  }
  Status put(const std::string& name, std::string_view bytes) override {
    sent_bytes += bytes.size();
    ++sent;
    return store_.put(name, bytes);
  }
  int asked = 0;
  int sent = 0;
  std::size_t sent_bytes = 0;

 private:
  BlobStore& store_;
};

TEST_F(Freeze, SendsOnlyWhatTheOtherSideLacks) {
  fill();
  write(source() / "again.bin", freeze_noise(9'000'000, 1));  // a second copy of the same chunks
  CountingSink first(*store_);
  const auto before = freeze(source(), first);
  ASSERT_TRUE(before);
  EXPECT_EQ(first.sent, 6);
  EXPECT_LE(first.asked, 2);
  ASSERT_TRUE(put_manifest(*store_, print_manifest(*before)));

  write(source() / "dir/deep/이름.txt", "other text");
  CountingSink second(*store_);
  const auto after = freeze(source(), second);
  ASSERT_TRUE(after);
  EXPECT_EQ(second.sent, 1);
  EXPECT_EQ(second.sent_bytes, 10U);
  ASSERT_TRUE(put_manifest(*store_, print_manifest(*after)));
}

TEST_F(Freeze, ManySmallFilesAreAskedAboutTogether) {
  for (int i = 0; i < 300; ++i) write(source() / std::to_string(i), "file " + std::to_string(i));
  CountingSink sink(*store_);
  ASSERT_TRUE(freeze(source(), sink));
  EXPECT_EQ(sink.asked, 1);
  EXPECT_EQ(sink.sent, 300);
}

TEST_F(Freeze, ALargeFileIsNeverHeldWhole) {
  fs::create_directories(source());
  write(source() / "sparse", "");
  fs::resize_file(source() / "sparse", 200'000'000);  // zeros that take no disk
  const int status = testing::in_child([&] {
    rusage before{};
    rusage after{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto frozen = freeze(source(), *store_);
    EXPECT_TRUE(frozen) << describe(frozen.error());
    ::getrusage(RUSAGE_SELF, &after);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 60'000) << "KiB";
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Freeze, RefusesLinksAndSpecialFilesByName) {
  fill();
  fs::create_symlink("/etc/passwd", source() / "dir/link");
  const auto link = freeze(source(), *store_);
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Errc::invalid_argument);
  EXPECT_NE(link.error().message.find("dir/link"), std::string::npos) << link.error().message;
  EXPECT_NE(link.error().message.find("symbolic link"), std::string::npos);

  fs::remove(source() / "dir/link");
  ASSERT_EQ(::mkfifo((source() / "pipe").c_str(), 0600), 0);
  const auto pipe = freeze(source(), *store_);
  ASSERT_FALSE(pipe);
  EXPECT_NE(pipe.error().message.find("special file"), std::string::npos) << pipe.error().message;
}

TEST_F(Freeze, RefusesNamesThatAreNotText) {
  write(source() / "bad\xff", "x");
  const auto frozen = freeze(source(), *store_);
  ASSERT_FALSE(frozen);
  EXPECT_EQ(frozen.error().code, Errc::invalid_argument);
}

TEST_F(Freeze, RefusesAnEmptyOrAbsentFolder) {
  const auto absent = freeze(source(), *store_);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  fs::create_directories(source());
  const auto empty = freeze(source(), *store_);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, Errc::invalid_argument);
}

TEST_F(Freeze, NoticesAFileThatShrinksMeanwhile) {
  // Larger than a batch, so the sink is asked in the middle of the file; it is truncated in place.
  fs::create_directories(source());
  const fs::path victim = source() / "growing";
  write(victim,
        freeze_noise(static_cast<std::size_t>(kFreezeBatchBytes), 1) + freeze_noise(5'000'000, 2));
  class Truncating final : public ChunkSink {
   public:
    explicit Truncating(fs::path path) : path_(std::move(path)) {}
    Result<std::vector<std::string>> missing(std::span<const std::string>) override {
      fs::resize_file(path_, 17'000'000);
      return std::vector<std::string>();
    }
    Status put(const std::string&, std::string_view) override { return ok(); }

   private:
    fs::path path_;
  } sink(victim);
  const auto frozen = freeze(source(), sink);
  ASSERT_FALSE(frozen);
  EXPECT_EQ(frozen.error().code, Errc::conflict);
  EXPECT_NE(frozen.error().message.find("growing"), std::string::npos);
}

TEST_F(Freeze, AManifestWithoutItsChunksIsNotStored) {
  fill();
  class Nowhere final : public ChunkSink {
    Result<std::vector<std::string>> missing(std::span<const std::string>) override {
      return std::vector<std::string>();
    }
    Status put(const std::string&, std::string_view) override { return ok(); }
  } nowhere;
  const auto manifest = freeze(source(), nowhere);
  ASSERT_TRUE(manifest);

  const auto stored = put_manifest(*store_, print_manifest(*manifest));

  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::conflict);
  EXPECT_NE(stored.error().message.find("6 of the manifest's 6"), std::string::npos)
      << stored.error().message;
  EXPECT_FALSE(store_->has(manifest_name(*manifest)));
}

TEST_F(Freeze, ABlobThatIsNoManifestIsCorruptAsOne) {
  const auto name = *store_->put("just bytes");
  const auto manifest = get_manifest(*store_, name);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::corrupt);
  EXPECT_EQ(get_manifest(*store_, sha256_hex("absent")).error().code, Errc::not_found);
}

TEST_F(Freeze, MaterializingOverSomethingIsRefused) {
  fill();
  const auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen);
  write(folder_ / "target" / "mine", "keep me");
  const auto status = materialize(frozen->manifest, *store_, folder_ / "target");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::conflict);
  EXPECT_TRUE(fs::exists(folder_ / "target" / "mine"));
}

TEST_F(Freeze, ADamagedOrAbsentChunkLeavesNoTarget) {
  fill();
  const auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen);
  const std::string chunk = frozen->manifest.find("weights.bin")->chunks[1];
  const fs::path file = folder_ / "blobs" / chunk.substr(0, 2) / chunk;
  auto bytes = *read_file(file, 1 << 30);
  bytes[1000] = static_cast<char>(bytes[1000] + 1);
  ASSERT_TRUE(write_file_atomic(file, bytes, Durability::memory));
  fs::create_directories(folder_ / "place");

  const auto damaged = materialize(frozen->manifest, *store_, folder_ / "place" / "target");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, Errc::corrupt);
  EXPECT_NE(damaged.error().message.find(chunk), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder_ / "place")) << "no half-made tree stays";

  ASSERT_TRUE(store_->remove(chunk));
  EXPECT_EQ(materialize(frozen->manifest, *store_, folder_ / "place" / "target").error().code,
            Errc::not_found);
  EXPECT_TRUE(fs::is_empty(folder_ / "place"));
}

TEST_F(Freeze, AManifestThatContradictsItsChunksIsCorrupt) {
  fill();
  auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen);
  Manifest lying = frozen->manifest;
  std::ranges::find(lying.files, "weights.bin", &ManifestFile::path)->sha256 = sha256_hex("other");
  const auto status = materialize(lying, *store_, folder_ / "target");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::corrupt);
  EXPECT_FALSE(fs::exists(folder_ / "target"));
}

TEST_F(Freeze, MaterializingOnAFullDiskLeavesNothing) {
  fill();
  const auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen);
  fs::create_directories(folder_ / "small");
  const int status = testing::with_small_disk(folder_ / "small", "4m", [&] {
    const auto made = materialize(frozen->manifest, *store_, folder_ / "small" / "target");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::exhausted) << describe(made.error());
    EXPECT_TRUE(fs::is_empty(folder_ / "small"));
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot mount a small disk here";
  EXPECT_EQ(status, 0);
}

TEST_F(Freeze, AnOrdinaryUserCanMakeAndRemoveAReadOnlyTree) {
  fill();
  const auto frozen = freeze(source(), *store_);
  ASSERT_TRUE(frozen);
  fs::create_directories(folder_ / "place");
  ASSERT_EQ(::chmod((folder_ / "place").c_str(), 0777), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const int status = testing::as_nobody([&] {
    const auto made = materialize(frozen->manifest, *store_, folder_ / "place" / "target");
    ASSERT_TRUE(made) << describe(made.error());
    EXPECT_NE(::access((folder_ / "place" / "target" / "new").c_str(), F_OK), 0);
    EXPECT_NE(::mkdir((folder_ / "place" / "target" / "new").c_str(), 0755), 0);
    const auto removed = remove_tree(folder_ / "place" / "target");
    EXPECT_TRUE(removed) << describe(removed.error());
    EXPECT_TRUE(fs::is_empty(folder_ / "place"));
    EXPECT_TRUE(remove_tree(folder_ / "place" / "target"));
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot become another user here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace galley::blobs
