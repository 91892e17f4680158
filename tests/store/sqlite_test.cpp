// What only the SQLite file can do wrong: foreign and broken files, full disks, forbidden folders.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "store/database.h"
#include "support/child.h"
#include "support/temp_folder.h"

namespace galley::store {
namespace {

constexpr Migration kSteps[] = {
    {1, "initial", "create table things (seq {bigserial}, bytes {blob} not null)"}};

Result<std::unique_ptr<Database>> open(const std::filesystem::path& path) {
  return open_sqlite({.path = path, .migrations = kSteps});
}

Status add(Database& db, std::size_t size) {
  return db.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute("insert into things (bytes) values (:1)",
                                          {Blob{std::string(size, 'x')}}));
    return ok();
  });
}

std::int64_t count(Database& db) {
  std::int64_t found = -1;
  const auto status = db.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row, transaction.query_one("select count(*) from things"));
    found = row->integer(0);
    return ok();
  });
  EXPECT_TRUE(status) << describe(status.error());
  return found;
}

TEST(Sqlite, AFileThatIsNoDatabaseIsCorrupt) {
  const testing::TempFolder folder;
  const std::string text(5000, 'n');
  ASSERT_TRUE(write_file_atomic(folder / "x.db", text, Durability::memory));

  const auto opened = open(folder / "x.db");

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_NE(opened.error().message.find("x.db"), std::string::npos);
  EXPECT_EQ(*read_file(folder / "x.db", 10000), text) << "a file that is not ours stays as it was";
}

TEST(Sqlite, ADamagedDatabaseIsCorrupt) {
  const testing::TempFolder folder;
  { ASSERT_TRUE(open(folder / "x.db")); }
  auto bytes = *read_file(folder / "x.db", 1 << 20);
  ASSERT_GT(bytes.size(), 4096U);
  // The root page of the schema keeps its header, and its tree becomes nonsense.
  for (std::size_t i = 100; i < 4096; ++i) bytes[i] = '\x5a';
  ASSERT_TRUE(write_file_atomic(folder / "x.db", bytes, Durability::memory));

  const auto opened = open(folder / "x.db");

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt) << describe(opened.error());
}

TEST(Sqlite, AnotherProgramsDatabaseIsRefused) {
  const testing::TempFolder folder;
  {
    auto theirs = open(folder / "x.db");
    ASSERT_TRUE(theirs);
    ASSERT_TRUE((*theirs)->write([](Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.execute("drop table schema_versions"));
      return ok();
    }));
  }

  const auto opened = open(folder / "x.db");

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::conflict);
  EXPECT_NE(opened.error().message.find("another program"), std::string::npos);
}

TEST(Sqlite, AMissingFolderIsNamed) {
  const testing::TempFolder folder;
  const auto opened = open(folder / "absent" / "x.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::not_found) << describe(opened.error());
  EXPECT_NE(opened.error().message.find("absent"), std::string::npos) << opened.error().message;
}

TEST(Sqlite, AReadOnlyFolderIsForbidden) {
  const testing::TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  const int status = testing::as_nobody([&] {
    const auto opened = open(folder / "x.db");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::forbidden) << describe(opened.error());
  });
  EXPECT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot become another user here";
  EXPECT_EQ(status, 0);
}

TEST(Sqlite, AReadOnlyFileIsForbidden) {
  const testing::TempFolder folder;
  { ASSERT_TRUE(open(folder / "x.db")); }
  ASSERT_EQ(::chmod((folder / "x.db").c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const int status = testing::as_nobody([&] {
    const auto opened = open(folder / "x.db");
    if (opened) {
      const auto added = add(**opened, 10);
      ASSERT_FALSE(added);
      EXPECT_EQ(added.error().code, Errc::forbidden) << describe(added.error());
    } else {
      EXPECT_EQ(opened.error().code, Errc::forbidden) << describe(opened.error());
    }
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot become another user here";
  EXPECT_EQ(status, 0);
}

TEST(Sqlite, AFullDiskFailsTheWriteAndNothingElse) {
  const testing::TempFolder folder;
  const int status = testing::with_small_disk(folder.path(), "4m", [&] {
    ASSERT_TRUE(
        write_file_atomic(folder / "filler", std::string(1 << 20, 'f'), Durability::memory));
    auto db = open(folder / "x.db");
    ASSERT_TRUE(db) << describe(db.error());
    std::int64_t acknowledged = 0;
    Status last = ok();
    while (acknowledged < 1000 && (last = add(**db, 50'000))) ++acknowledged;

    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().code, Errc::exhausted) << describe(last.error());
    EXPECT_EQ(count(**db), acknowledged) << "reads go on, and the failed write left nothing";
    EXPECT_FALSE(add(**db, 50'000));

    std::filesystem::remove(folder / "filler");
    EXPECT_TRUE(add(**db, 50'000)) << "with space again, so are writes";
    db->reset();
    db = open(folder / "x.db");
    ASSERT_TRUE(db) << describe(db.error());
    EXPECT_EQ(count(**db), acknowledged + 1);
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot mount a small disk here";
  EXPECT_EQ(status, 0);
}

TEST(Sqlite, AFullDiskFailsAWholeGroup) {
  const testing::TempFolder folder;
  const int status = testing::with_small_disk(folder.path(), "4m", [&] {
    auto db = open(folder / "x.db");
    ASSERT_TRUE(db) << describe(db.error());
    int succeeded = 0;
    int exhausted = 0;
    for (int i = 0; i < 100; ++i)
      (*db)->write_async(
          [](Transaction& transaction) -> Status {
            GALLEY_TRY_STATUS(transaction.execute("insert into things (bytes) values (:1)",
                                                  {Blob{std::string(100'000, 'x')}}));
            return ok();
          },
          [&](const Status& outcome) {
            if (outcome)
              ++succeeded;
            else if (outcome.error().code == Errc::exhausted)
              ++exhausted;
          });
    const bool joined = add(**db, 10).has_value();  // it may share its neighbours' fate
    EXPECT_EQ(succeeded + exhausted, 100);
    EXPECT_GT(exhausted, 0);
    EXPECT_EQ(count(**db), succeeded + (joined ? 1 : 0));
    EXPECT_TRUE(add(**db, 10)) << "the next small write fits";
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot mount a small disk here";
  EXPECT_EQ(status, 0);
}

TEST(Sqlite, AFullDiskAtTheStartIsExhausted) {
  const testing::TempFolder folder;
  const int status = testing::with_small_disk(folder.path(), "16k", [&] {
    const auto db = open_sqlite({.path = folder / "x.db"});
    ASSERT_FALSE(db);
    EXPECT_EQ(db.error().code, Errc::exhausted) << describe(db.error());
  });
  if (status == testing::kNotPossible) GTEST_SKIP() << "cannot mount a small disk here";
  EXPECT_EQ(status, 0);
}

TEST(Sqlite, TheLogStaysBoundedUnderWritesWithoutAPause) {
  const testing::TempFolder folder;
  auto db = open(folder / "x.db");
  ASSERT_TRUE(db);
  constexpr std::uintmax_t kMiB = 1024 * 1024;
  constexpr int kWrites = 300;
  ASSERT_TRUE(add(**db, kMiB));
  std::uintmax_t longest = 0;
  for (int i = 0; i < kWrites; ++i) {
    ASSERT_TRUE((*db)->write([&](Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.execute("update things set bytes = :1",
                                            {Blob{std::string(kMiB, static_cast<char>(i))}}));
      return ok();
    }));
    longest = std::max(longest, std::filesystem::file_size(folder / "x.db-wal"));
  }

  EXPECT_LT(longest, 150 * kMiB) << "of " << kWrites << " MiB that were written";
}

}  // namespace
}  // namespace galley::store
