#include "base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/temp_folder.h"

namespace galley {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string content(const fs::path& path) { return read_file(path, 1 << 30).value_or("(none)"); }

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(OpenStandardStreams, FillsTheClosedOnesAndLeavesTheOthers) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    struct stat before {};
    struct stat after {};
    ::fstat(STDERR_FILENO, &before);
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    const bool opened = open_standard_streams().has_value();
    ::fstat(STDERR_FILENO, &after);
    const bool kept = before.st_ino == after.st_ino && before.st_dev == after.st_dev;
    const bool nowhere = ::write(STDOUT_FILENO, "lost", 4) == 4;
    char byte = 0;
    const bool empty = ::read(STDIN_FILENO, &byte, 1) == 0;
    const bool next = ::open("/dev/null", O_RDONLY) > STDERR_FILENO;
    ::_exit(opened && kept && nowhere && empty && next ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(ReadFile, GivesTheWholeFileOrSaysWhyNot) {
  const testing::TempFolder folder;
  ASSERT_TRUE(write_file_atomic(folder / "a", "hello", Durability::memory));

  EXPECT_EQ(content(folder / "a"), "hello");
  EXPECT_TRUE(read_file(folder / "a", 5));
  const auto long_file = read_file(folder / "a", 4);
  ASSERT_FALSE(long_file);
  EXPECT_EQ(long_file.error().code, Errc::too_large);
  const auto absent = read_file(folder / "b", 100);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_THAT(absent.error().message, HasSubstr((folder / "b").string()));
  EXPECT_EQ(read_file(folder.path(), 100).error().code, Errc::invalid_argument);
}

TEST(ReadFile, ReadsFilesThatClaimToBeEmpty) {
  const auto text = read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("Name:"));
}

TEST(WriteFileAtomic, ReplacesContentAndSetsTheMode) {
  const testing::TempFolder folder;
  const fs::path path = folder / "secret";

  ASSERT_TRUE(write_file_atomic(path, "one", Durability::disk, 0600));
  ASSERT_TRUE(write_file_atomic(path, "two", Durability::disk, 0600));

  EXPECT_EQ(content(path), "two");
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomic, ReadersNeverSeeAMixture) {
  const testing::TempFolder folder;
  const fs::path path = folder / "x";
  const std::string a(100'000, 'a');
  const std::string b(100'000, 'b');
  ASSERT_TRUE(write_file_atomic(path, a, Durability::memory));
  const auto write_many = [&](const std::string& text) {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(write_file_atomic(path, text, Durability::memory));
  };
  {
    const std::jthread first([&] { write_many(a); });
    const std::jthread second([&] { write_many(b); });
    for (int i = 0; i < 100; ++i) {
      const std::string seen = content(path);
      ASSERT_TRUE(seen == a || seen == b);
    }
  }
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomic, OnAFullDiskTheOldFileStaysAndNothingElse) {
  const testing::TempFolder folder;
  const int code = testing::with_small_disk(folder.path(), "1m", [&] {
    const fs::path path = folder / "x";
    EXPECT_TRUE(write_file_atomic(path, "old", Durability::disk));
    const auto status = write_file_atomic(path, std::string(4 << 20, 'n'), Durability::disk);
    EXPECT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::exhausted);
    EXPECT_THAT(status.error().message, HasSubstr(path.string()));
    EXPECT_EQ(content(path), "old");
    EXPECT_EQ(entries(folder.path()), 1U);
  });
  if (code == testing::kNotPossible) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(code, 0);
}

TEST(WriteFileAtomic, InAReadOnlyFolderIsForbidden) {
  const testing::TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  const int code = testing::as_nobody([&] {
    const auto status = write_file_atomic(folder / "x", "a", Durability::memory);
    EXPECT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::forbidden);
    EXPECT_EQ(make_folders(folder / "sub").error().code, Errc::forbidden);
    EXPECT_EQ(entries(folder.path()), 0U);
  });
  if (code == testing::kNotPossible) GTEST_SKIP() << "the user cannot be changed here";
  EXPECT_EQ(code, 0);
}

TEST(WriteFileAtomic, ToAFolderThatIsNotThereIsNotFound) {
  const testing::TempFolder folder;
  const auto status = write_file_atomic(folder / "no/x", "a", Durability::memory);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::not_found);
}

TEST(WriteAll, NamesAClosedDescriptor) {
  EXPECT_FALSE(write_all(-1, "x"));
  EXPECT_TRUE(write_all(-1, ""));
}

TEST(MakeFolders, MakesAllOfThemAndIsRepeatable) {
  const testing::TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "a/b/c"));
  ASSERT_TRUE(make_folders(folder / "a/b/c"));
  ASSERT_TRUE(write_file_atomic(folder / "file", "", Durability::memory));
  EXPECT_FALSE(make_folders(folder / "file/sub"));
  EXPECT_TRUE(sync_folder(folder / "a"));
  EXPECT_EQ(sync_folder(folder / "none").error().code, Errc::not_found);
}

TEST(UniqueFd, ClosesOnceAndMoves) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first);
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  second = UniqueFd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace galley
