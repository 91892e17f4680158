// What every driver of store::Database promises; the driver is the one that the program links.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "contract.h"

namespace galley::store {
namespace {

TEST_F(StoreContract, KeepsEveryKindOfValueExactly) {
  const std::string bytes("a\0\xff\n", 4);
  const std::int64_t large = 5'000'000'000'000;
  ASSERT_TRUE(db_->write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into things (name, active, large, real, bytes) values (:2, :1, :3, :4, :5)",
        {std::int64_t{1}, std::string("이름 'quoted'"), large, 0.1, Blob{bytes}}));
    GALLEY_TRY_STATUS(transaction.execute(
        "insert into things (name, active, large, real, bytes) values (:1, 0, :2, :2, :3)",
        {std::string(), nullptr, Blob{}}));
    return ok();
  }));

  std::vector<Row> rows;
  ASSERT_TRUE(db_->read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(rows, transaction.query("select name, large, real, bytes from things order by seq"));
    return ok();
  }));

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].text(0), "이름 'quoted'");
  EXPECT_EQ(rows[0].integer(1), large);
  EXPECT_EQ(rows[0].real(2), 0.1);
  EXPECT_EQ(rows[0].text(3), bytes);
  EXPECT_FALSE(rows[1].is_null(0));
  EXPECT_TRUE(rows[1].is_null(1));
  EXPECT_EQ(rows[1].real(2), 0.0);
  EXPECT_FALSE(rows[1].is_null(3));
  EXPECT_EQ(rows[1].text(3), "");
}

TEST_F(StoreContract, CountsRowsThatAStatementChanged) {
  ASSERT_TRUE(db_->write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(add(transaction, "a"));
    GALLEY_TRY_STATUS(add(transaction, "b"));
    GALLEY_TRY(const auto changed, transaction.execute("update things set active = 1"));
    EXPECT_EQ(changed, 2);
    GALLEY_TRY(const auto none, transaction.execute("delete from things where name = 'x'"));
    EXPECT_EQ(none, 0);
    GALLEY_TRY(const auto row, transaction.query_one("select name from things where name = 'x'"));
    EXPECT_FALSE(row);
    return ok();
  }));
}

TEST_F(StoreContract, ACommandThatFailsLeavesNothingBehind) {
  const auto status = db_->write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(add(transaction, "half"));
    return Error{Errc::conflict, "precondition failed"};
  });

  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "precondition failed");
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(StoreContract, AnOverlookedFailureStillFailsTheCommand) {
  ASSERT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "a", 1); }));

  const auto status = db_->write([](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(add(transaction, "b"));
    (void)add(transaction, "a", 1);
    return ok();
  });

  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::conflict);
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(StoreContract, FailureOfOneCommandInAGroupUndoesOnlyItself) {
  Gate gate(*db_);
  std::vector<std::string> outcomes;
  for (const std::string name : {"a", "b", "a", "c"})
    db_->write_async(
        [name](Transaction& transaction) -> Status {
          GALLEY_TRY_STATUS(add(transaction, name + "-before"));
          return add(transaction, name, 1);
        },
        [&outcomes, name](const Status& status) {
          outcomes.push_back(name + (status ? "+" : "-"));
        });
  gate.open();
  ASSERT_TRUE(db_->write([](Transaction&) { return ok(); }));

  EXPECT_EQ(outcomes, (std::vector<std::string>{"a+", "b+", "a-", "c+"}));
  EXPECT_EQ(names(), (std::vector<std::string>{"a-before", "a", "b-before", "b", "c-before", "c"}));
}

TEST_F(StoreContract, WhatIsEnqueuedComesInItsTurn) {
  ASSERT_TRUE(db_->write([](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(enqueue(transaction, "a"));
    GALLEY_TRY_STATUS(add(transaction, "b"));
    GALLEY_TRY_STATUS(enqueue(transaction, "c"));
    GALLEY_TRY(const auto row, transaction.query_one("select count(*) from things"));
    EXPECT_EQ(row->integer(0), 3);
    return enqueue(transaction, "d");
  }));
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST_F(StoreContract, WhatIsEnqueuedFailsItsOwnCommandAlone) {
  Gate gate(*db_);
  std::vector<std::string> outcomes;
  for (const std::string name : {"a", "a", "b"})
    db_->write_async([name](Transaction& transaction) { return enqueue(transaction, name, 1); },
                     [&outcomes, name](const Status& status) {
                       outcomes.push_back(name + (status ? "+" : "-"));
                       EXPECT_TRUE(status || status.error().code == Errc::conflict);
                     });
  db_->write_async(
      [](Transaction& transaction) -> Status {
        GALLEY_TRY_STATUS(add(transaction, "half"));
        GALLEY_TRY_STATUS(enqueue(transaction, "other half"));
        return Error{Errc::conflict, "precondition failed"};
      },
      [&outcomes](const Status& status) { outcomes.emplace_back(status ? "half+" : "half-"); });
  db_->write_async(
      [](Transaction& transaction) -> Status {
        GALLEY_TRY_STATUS(enqueue(transaction, "never"));
        return Error{Errc::conflict, "precondition failed"};
      },
      [&outcomes](const Status& status) { outcomes.emplace_back(status ? "never+" : "never-"); });
  db_->write_async(
      [](Transaction& transaction) { return enqueue(transaction, "c", 1); },
      [&outcomes](const Status& status) { outcomes.emplace_back(status ? "c+" : "c-"); });
  gate.open();
  ASSERT_TRUE(db_->write([](Transaction&) { return ok(); }));
  EXPECT_EQ(outcomes, (std::vector<std::string>{"a+", "a-", "b+", "half-", "never-", "c+"}));
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c"}));

  const auto fault = db_->write([](Transaction& transaction) {
    return transaction.enqueue("insert into things (name) values (:1)", {});
  });
  ASSERT_FALSE(fault);
  EXPECT_EQ(fault.error().code, Errc::internal);
}

TEST_F(StoreContract, CommandsOfOneGroupSeeEachOther) {
  Gate gate(*db_);
  db_->write_async([](Transaction& transaction) { return add(transaction, "first"); },
                   [](const Status& status) { EXPECT_TRUE(status); });
  std::int64_t seen = 0;
  db_->write_async(
      [&seen](Transaction& transaction) -> Status {
        GALLEY_TRY(const auto row, transaction.query_one("select count(*) from things"));
        seen = row->integer(0);
        return ok();
      },
      [](const Status& status) { EXPECT_TRUE(status); });
  gate.open();
  ASSERT_TRUE(db_->write([](Transaction&) { return ok(); }));
  EXPECT_EQ(seen, 1);
}

TEST_F(StoreContract, CompletesInOrderAndGroupsCommits) {
  constexpr int kCount = 1000;
  const auto before = db_->stats();
  std::vector<int> order;
  {
    Gate gate(*db_);
    for (int i = 0; i < kCount; ++i)
      db_->write_async(
          [i](Transaction& transaction) { return add(transaction, std::to_string(i)); },
          [&order, i](const Status& status) {
            EXPECT_TRUE(status);
            order.push_back(i);
          });
    EXPECT_EQ(db_->stats().queued, kCount);
    gate.open();
    ASSERT_TRUE(db_->write([](Transaction&) { return ok(); }));
  }

  EXPECT_EQ(order.size(), static_cast<std::size_t>(kCount));
  EXPECT_TRUE(std::ranges::is_sorted(order));
  const auto after = db_->stats();
  EXPECT_EQ(after.queued, 0);
  EXPECT_GE(after.commands - before.commands, kCount);
  EXPECT_LE(after.commits - before.commits, kCount / static_cast<int>(Database::kMaxGroup) + 3);
}

TEST_F(StoreContract, RefusesMoreThanTheQueueHolds) {
  Gate gate(*db_);
  std::atomic<std::size_t> done{0};
  for (std::size_t i = 0; i < Database::kMaxQueued; ++i)
    db_->write_async([](Transaction&) { return ok(); }, [&](const Status&) { ++done; });
  EXPECT_EQ(done, 0U);

  std::optional<Errc> refusal;
  db_->write_async([](Transaction&) { return ok(); },
                   [&](const Status& status) { refusal = status.error().code; });

  EXPECT_EQ(refusal, Errc::rate_limited);
  gate.open();
  db_.reset();
  EXPECT_EQ(done, Database::kMaxQueued) << "closing carries out what was accepted";
}

TEST_F(StoreContract, ReadersSeeOneSnapshotWhileWritesGoOn) {
  ASSERT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "old"); }));

  ASSERT_TRUE(db_->read([&](Transaction& snapshot) -> Status {
    const auto count = [&]() -> Result<std::int64_t> {
      GALLEY_TRY(const auto row, snapshot.query_one("select count(*) from things"));
      return row->integer(0);
    };
    GALLEY_TRY(const auto before, count());
    EXPECT_EQ(before, 1);
    EXPECT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "new"); }));
    GALLEY_TRY(const auto after, count());
    EXPECT_EQ(after, 1) << "the snapshot must not move";
    return ok();
  }));
  EXPECT_EQ(names(), (std::vector<std::string>{"old", "new"}));
}

TEST_F(StoreContract, ReadersNeverSeeAnUncommittedWrite) {
  Gate gate(*db_);  // the group that holds the gate is open while we look
  db_->write_async([](Transaction& transaction) { return add(transaction, "waiting"); },
                   [](const Status&) {});
  EXPECT_EQ(names(), std::vector<std::string>{});
  gate.open();
  ASSERT_TRUE(db_->write([](Transaction&) { return ok(); }));
  EXPECT_EQ(names(), std::vector<std::string>{"waiting"});
}

TEST_F(StoreContract, AReadThatWritesIsForbidden) {
  const auto status =
      db_->read([](Transaction& transaction) { return add(transaction, "sneaky"); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::forbidden);
  EXPECT_EQ(names(), std::vector<std::string>{});
}

TEST_F(StoreContract, ManyThreadsWriteAndRead) {
  constexpr int kThreads = 8;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(t) + "." + std::to_string(i);
        EXPECT_TRUE(db_->write([&](Transaction& transaction) { return add(transaction, name); }));
        EXPECT_TRUE(db_->read([&](Transaction& transaction) -> Status {
          GALLEY_TRY(const auto row,
                     transaction.query_one("select 1 from things where name = :1", {name}));
          EXPECT_TRUE(row) << "a thread must see its own acknowledged write";
          return ok();
        }));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(names().size(), std::size_t{kThreads} * kEach);
}

TEST_F(StoreContract, ConstraintsAnswerConflict) {
  ASSERT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "gpu0", 1); }));
  // The partial index counts active rows only.
  ASSERT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "gpu0", 0); }));

  const auto duplicate =
      db_->write([](Transaction& transaction) { return add(transaction, "gpu0", 1); });
  ASSERT_FALSE(duplicate);
  EXPECT_EQ(duplicate.error().code, Errc::conflict);
  EXPECT_NE(duplicate.error().message.find("things"), std::string::npos)
      << duplicate.error().message;

  const auto orphan = db_->write([](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(
        transaction.execute("insert into things (name, active, parent) values ('x', 0, 'nobody')"));
    return ok();
  });
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().code, Errc::conflict);
}

TEST_F(StoreContract, FaultsInOurSqlAreInternal) {
  for (const auto& [sql, parameters] :
       std::vector<std::pair<std::string, std::vector<Value>>>{{"select nothing from nowhere", {}},
                                                               {"select :1", {}},
                                                               {"select 1", {std::int64_t{1}}},
                                                               {"select ?", {std::int64_t{1}}},
                                                               {"select 1; select 2", {}},
                                                               {"", {}}}) {
    const auto status = db_->read([&](Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.query(sql, parameters));
      return ok();
    });
    ASSERT_FALSE(status) << sql;
    EXPECT_EQ(status.error().code, Errc::internal) << sql;
  }
}

}  // namespace
}  // namespace galley::store
