// A grown installation moves between the databases without loss.
#include "store/copy.h"

#include <gtest/gtest.h>

#include "store/events.h"
#include "support/postgres/shared_server.h"
#include "support/temp_folder.h"

namespace galley::store {
namespace {

std::unique_ptr<Database> sqlite(const std::filesystem::path& path) {
  auto db = open_sqlite({.path = path, .durable = false});
  EXPECT_TRUE(db) << describe(db.error());
  return db ? *std::move(db) : nullptr;
}

std::unique_ptr<Database> postgresql() {
  auto db = open_postgresql({.url = testing::fresh_database(), .durable = false});
  EXPECT_TRUE(db) << describe(db.error());
  return db ? *std::move(db) : nullptr;
}

/// Rows in tables that name each other, with every kind of value and a counter that has run ahead.
Status grow(Transaction& t, std::int64_t jobs) {
  GALLEY_TRY_STATUS(
      t.execute("insert into nodes (id, name, state, cpus, memory_bytes, inventory,"
                " changed_ms) values ('node_1', 'n1', 'up', 64, :1, '{}', 1)",
                {std::int64_t{1} << 40}));
  for (std::int64_t i = 1; i <= jobs; ++i) {
    const std::string id = "job_" + std::to_string(i);
    GALLEY_TRY_STATUS(t.execute(
        "insert into jobs (id, seq, name, team, priority_class, state, reason, spec, principal,"
        " run_id, attempts, created_ms) values (:1, :2, :3, 'team', 'normal', 'succeeded', '',"
        " '{\"a\": 1}', 'p', :4, 1, 5)",
        {id, i, std::string("이름 \"x\" ") + id, "run_" + std::to_string(i)}));
    GALLEY_TRY_STATUS(append_event(t, {.at_ms = i, .kind = "job", .subject = id, .data = "{}"}));
  }
  GALLEY_TRY_STATUS(
      t.execute("insert into runs (id, name, experiment, state, created_ms) values"
                " ('run_1', '', '', 'running', 1)"));
  GALLEY_TRY_STATUS(t.execute(
      "insert into series (run_id, metric_key, point_count, last_step, last_value, last_ms,"
      " min_value) values ('run_1', 'loss', 1, 1, :1, 1, :2)",
      {0.1, nullptr}));
  std::string bytes(100'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  GALLEY_TRY_STATUS(t.execute(
      "insert into chunks (series_id, chunk_index, first_step, point_count, sealed, columns)"
      " values (1, 0, 1, 1, 1, :1)",
      {Blob{bytes}}));
  GALLEY_TRY_STATUS(t.execute("delete from events where seq > :1", {jobs - 5}));
  return ok();
}

std::vector<TableContent> contents(Database& db) {
  auto found = read_contents(db);
  EXPECT_TRUE(found) << describe(found.error());
  return found ? *std::move(found) : std::vector<TableContent>{};
}

std::int64_t next_event(Database& db) {
  std::int64_t seq = 0;
  EXPECT_TRUE(db.write([&](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(append_event(t, {.kind = "job"}));
    GALLEY_TRY(seq, last_event_seq(t));
    return ok();
  }));
  return seq;
}

TEST(Copy, AGrownInstallationGoesThroughPostgresqlAndBack) {
  constexpr std::int64_t kJobs = 1'700;  // several batches
  const testing::TempFolder folder;
  const auto first = sqlite(folder / "a.db");
  ASSERT_TRUE(first->write([](Transaction& t) { return grow(t, kJobs); }));
  const auto middle = postgresql();
  const auto last = sqlite(folder / "b.db");
  std::int64_t told = 0;

  const auto there = copy_database(*first, *middle, [&](std::int64_t done, std::int64_t total) {
    EXPECT_LE(done, total);
    EXPECT_GE(done, told);
    told = done;
  });
  ASSERT_TRUE(there) << describe(there.error());
  const auto back = copy_database(*middle, *last);
  ASSERT_TRUE(back) << describe(back.error());

  EXPECT_GT(told, 2 * kJobs);
  EXPECT_EQ(contents(*first), contents(*last));
  EXPECT_EQ(contents(*first), contents(*middle));
  // The numbers of events that were deleted are not given again.
  EXPECT_EQ(next_event(*middle), kJobs + 1);
  EXPECT_EQ(next_event(*last), kJobs + 1);
}

TEST(Copy, AnEmptyInstallationIsCopiedToo) {
  const testing::TempFolder folder;
  const auto from = sqlite(folder / "a.db");
  const auto to = postgresql();
  ASSERT_TRUE(copy_database(*from, *to));
  EXPECT_EQ(contents(*from), contents(*to));
  EXPECT_EQ(next_event(*to), 1);
}

TEST(Copy, ATargetThatHoldsSomethingIsRefusedAndStays) {
  const testing::TempFolder folder;
  const auto from = sqlite(folder / "a.db");
  ASSERT_TRUE(from->write([](Transaction& t) { return grow(t, 10); }));
  const auto to = postgresql();
  (void)next_event(*to);
  const auto before = contents(*to);

  const auto copied = copy_database(*from, *to);

  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Errc::conflict);
  EXPECT_NE(copied.error().message.find("events has 1 rows"), std::string::npos)
      << describe(copied.error());
  EXPECT_EQ(contents(*to), before);
}

TEST(Copy, WhatTheTargetCannotHoldIsNamedAndNothingIsKept) {
  const testing::TempFolder folder;
  const auto from = sqlite(folder / "a.db");
  ASSERT_TRUE(from->write([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(grow(t, 10));
    // A stray byte that SQLite lets pass and PostgreSQL does not.
    GALLEY_TRY_STATUS(t.execute("update nodes set inventory = cast(x'ff7b' as text)"));
    return ok();
  }));
  const auto to = postgresql();

  const auto copied = copy_database(*from, *to);

  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Errc::invalid_argument) << describe(copied.error());
  EXPECT_NE(copied.error().message.find("table nodes"), std::string::npos)
      << describe(copied.error());
  for (const auto& table : contents(*to)) EXPECT_EQ(table.rows, 0) << table.table;
}

TEST(Copy, DifferentSchemasAreRefused) {
  const testing::TempFolder folder;
  const auto from = sqlite(folder / "a.db");
  auto to =
      open_sqlite({.path = folder / "b.db", .durable = false, .migrations = migrations().first(1)});
  ASSERT_TRUE(to);
  const auto copied = copy_database(*from, **to);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Errc::conflict);
  EXPECT_NE(copied.error().message.find("schemas differ"), std::string::npos);
}

TEST(Copy, DamageIsFound) {
  const testing::TempFolder folder;
  const auto db = sqlite(folder / "a.db");
  ASSERT_TRUE(db->write([](Transaction& t) { return grow(t, 10); }));
  ASSERT_EQ(find_damage(*db)->size(), 0U);
  EXPECT_EQ(find_damage(*postgresql())->size(), 0U);
}

}  // namespace
}  // namespace galley::store
