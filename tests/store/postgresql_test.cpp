// What only PostgreSQL can do: other processes that write too, foreign locks, wrong addresses.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/database.h"
#include "store/events.h"
#include "store/lease.h"
#include "support/postgres/shared_server.h"
#include "support/postgres/stub_server.h"

namespace galley::store {
namespace {

using std::chrono::steady_clock;
using testing::shared_postgres;

constexpr Migration kSteps[] = {
    {1, "initial", "create table things (name text primary key, number integer not null)"}};

std::unique_ptr<Database> opened(const std::string& url,
                                 std::span<const Migration> steps = kSteps) {
  auto db = open_postgresql({.url = url, .durable = false, .migrations = steps});
  EXPECT_TRUE(db) << describe(db.error());
  return db ? *std::move(db) : nullptr;
}

Status add(Transaction& transaction, const std::string& name, std::int64_t number = 0) {
  GALLEY_TRY_STATUS(
      transaction.execute("insert into things (name, number) values (:1, :2)", {name, number}));
  return ok();
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

/// A session of somebody else's, on its own thread until it is let go.
class ForeignSession {
 public:
  ForeignSession(const std::string& url, const std::string& sql)
      : database_(url.substr(url.rfind('/') + 1)), thread_([this, sql] {
          (void)shared_postgres().run(database_, sql + "; select pg_sleep(60)");
        }) {}
  ~ForeignSession() {
    (void)shared_postgres().run("postgres",
                                "select pg_terminate_backend(pid) from pg_stat_activity where "
                                "query like '%pg_sleep(60)' and pid <> pg_backend_pid()");
  }
  void wait_until_asleep() const {
    const std::string asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    while (shared_postgres().run("postgres", asleep).value_or("1") == "0")
      std::this_thread::yield();
  }

 private:
  const std::string database_;
  std::jthread thread_;
};

TEST(Postgresql, SaysWhatItIs) {
  const auto db = opened(testing::fresh_database());
  EXPECT_TRUE(db->description().starts_with("postgresql 1")) << db->description();
  EXPECT_NE(db->description().find("127.0.0.1"), std::string::npos) << db->description();
  EXPECT_EQ(db->kind(), Database::Kind::postgresql);
}

TEST(Postgresql, ACommitIsHeardByAnotherProcessSoon) {
  const std::string url = testing::fresh_database();
  const auto writer = opened(url);
  const auto other = opened(url);
  std::mutex mutex;  // guards heard
  std::condition_variable changed;
  int heard = 0;
  other->on_commit([&] {
    const std::lock_guard lock(mutex);
    ++heard;
    changed.notify_one();
  });
  for (int i = 0; i < 5; ++i) {
    const int before = [&] {
      const std::lock_guard lock(mutex);
      return heard;
    }();
    ASSERT_TRUE(writer->write([&](Transaction& t) { return add(t, std::to_string(i)); }));
    const auto begin = steady_clock::now();
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, Millis{5'000}, [&] { return heard > before; }));
    EXPECT_LT(steady_clock::now() - begin, Millis{100});
  }
  other->on_commit({});
}

TEST(Postgresql, CommandsOfTwoProcessesTakeTurns) {
  const std::string url = testing::fresh_database();
  const auto first = opened(url, migrations());
  const auto second = opened(url, migrations());
  // Each looks for the highest number before it takes the next: two at once would meet.
  constexpr int kEach = 100;
  const auto write = [](Database& db, const std::string& who) {
    for (int i = 0; i < kEach; ++i) {
      const auto status = db.write([&](Transaction& t) -> Status {
        GALLEY_TRY(const auto row, t.query_one("select coalesce(max(generation), 0) from"
                                               " channel_probe"));
        GALLEY_TRY_STATUS(
            t.execute("insert into channel_probe (generation) values (:1)", {row->integer(0) + 1}));
        GALLEY_TRY_STATUS(append_event(t, {.kind = "job", .subject = who, .data = "{}"}));
        return ok();
      });
      EXPECT_TRUE(status) << describe(status.error());
    }
  };
  ASSERT_TRUE(first->write([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(t.execute("create table channel_probe (generation bigint primary key)"));
    return ok();
  }));
  std::atomic<bool> done = false;
  // What a watcher has seen up to a number never gets a predecessor later.
  std::jthread watcher([&] {
    std::int64_t last = 0;
    std::int64_t seen = 0;
    while (!done || seen < 2 * kEach) {
      const bool all_written = done;  // before this look, which then sees everything
      const auto status = second->read([&](Transaction& t) -> Status {
        GALLEY_TRY(const auto events, read_events(t, last, {}, 1000));
        for (const Event& event : events) {
          ++seen;
          last = event.seq;
        }
        return ok();
      });
      if (!status || (all_written && seen < 2 * kEach)) {
        EXPECT_EQ(seen, 2 * kEach) << "an event came to light behind the watcher";
        return;
      }
    }
  });
  std::jthread one([&] { write(*first, "a"); });
  std::jthread two([&] { write(*second, "b"); });
  one.join();
  two.join();
  done = true;
}

TEST(Postgresql, TheLeaderOfOneProcessIsCutOffByAnother) {
  const std::string url = testing::fresh_database();
  const auto first = opened(url, migrations());
  const auto second = opened(url, migrations());
  std::int64_t old_epoch = 0;
  ASSERT_TRUE(first->write([&](Transaction& t) -> Status {
    GALLEY_TRY(old_epoch, acquire_lease(t, "first"));
    return ok();
  }));
  ASSERT_TRUE(second->write([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(acquire_lease(t, "second"));
    return ok();
  }));
  const auto late = first->write([&](Transaction& t) { return renew_lease(t, old_epoch); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::conflict) << describe(late.error());
}

TEST(Postgresql, AForeignLockFailsOneCommandInBoundedTime) {
  const std::string url = testing::fresh_database();
  const auto db = opened(url);
  ASSERT_TRUE(db->write([](Transaction& t) { return add(t, "held"); }));
  {
    const ForeignSession foreign(url, "begin; select * from things where name = 'held' for update");
    foreign.wait_until_asleep();
    const auto begin = steady_clock::now();
    const auto held = db->write([](Transaction& t) -> Status {
      GALLEY_TRY_STATUS(t.execute("update things set number = 1 where name = 'held'"));
      return ok();
    });
    EXPECT_LT(steady_clock::now() - begin, Millis{4'000});
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, Errc::unavailable) << describe(held.error());
    EXPECT_NE(held.error().message.find("lock"), std::string::npos) << describe(held.error());
    EXPECT_TRUE(db->write([](Transaction& t) { return add(t, "free"); }));
  }
  EXPECT_EQ(count(*db), 2);
}

TEST(Postgresql, ADeadlockIsRunAgain) {
  const std::string url = testing::fresh_database();
  const auto db = opened(url);
  ASSERT_TRUE(db->write([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(add(t, "a"));
    return add(t, "b");
  }));
  std::atomic<int> runs = 0;
  // It fails once as the server would make it fail, since a real deadlock would end either side.
  const auto status = db->write([&](Transaction& t) -> Status {
    if (++runs == 1)
      GALLEY_TRY_STATUS(
          t.query("do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"));
    return add(t, "c");
  });
  EXPECT_TRUE(status) << describe(status.error());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(*db), 3);
}

TEST(Postgresql, ASerializationFailureRunsTheWholeGroupAgain) {
  const auto db = opened(testing::fresh_database());
  std::atomic<int> runs = 0;
  std::atomic<bool> gate = false;
  std::atomic<int> succeeded = 0;
  db->write_async(
      [&](Transaction&) {
        while (!gate) std::this_thread::yield();
        return ok();
      },
      [](const Status&) {});
  for (int i = 0; i < 10; ++i)
    db->write_async(
        [&, i](Transaction& t) -> Status {
          GALLEY_TRY_STATUS(add(t, std::to_string(i)));
          if (i == 7 && ++runs < 3)
            GALLEY_TRY_STATUS(
                t.query("do $$ begin raise exception 'again' using errcode = '40001'; end $$"));
          return ok();
        },
        [&](const Status& status) { succeeded += status ? 1 : 0; });
  gate = true;
  ASSERT_TRUE(db->write([](Transaction&) { return ok(); }));
  EXPECT_EQ(succeeded, 10);
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(count(*db), 10);
}

TEST(Postgresql, ASlowStatementIsGivenUp) {
  const auto db = opened(testing::fresh_database());
  const auto begin = steady_clock::now();
  const auto status = db->write([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(t.query("select pg_sleep(30)"));
    return ok();
  });
  EXPECT_LT(steady_clock::now() - begin, Millis{4'000});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unavailable) << describe(status.error());
  EXPECT_TRUE(db->write([](Transaction& t) { return add(t, "after"); }));
}

TEST(Postgresql, AStoppedTransactionDoesNotHoldUpTheNextLeader) {
  const std::string url = testing::fresh_database();
  const auto stopped = opened(url);
  const auto next = opened(url);
  std::atomic<bool> inside = false;
  std::atomic<bool> go_on = false;
  std::atomic<int> runs = 0;
  std::jthread paused([&] {
    // Waits inside its first transaction, as a process that is stopped does.
    const auto status = stopped->write([&](Transaction& t) -> Status {
      GALLEY_TRY_STATUS(add(t, "old"));
      if (++runs == 1) {
        inside = true;
        while (!go_on) std::this_thread::yield();
      }
      return ok();
    });
    EXPECT_TRUE(status) << describe(status.error());
  });
  while (!inside) std::this_thread::yield();
  const auto begin = steady_clock::now();
  EXPECT_TRUE(next->write([](Transaction& t) { return add(t, "new"); }));
  EXPECT_LT(steady_clock::now() - begin, Millis{3'000});
  go_on = true;
  paused.join();
  EXPECT_EQ(runs, 2) << "its first transaction was ended by the server";
  EXPECT_EQ(count(*next), 2);
}

TEST(Postgresql, TextsThatCannotBeStoredAreRefused) {
  const auto db = opened(testing::fresh_database());
  for (const std::string& text : {std::string("a\0b", 3), std::string("\xff\xfe")}) {
    const auto status = db->write([&](Transaction& t) { return add(t, text); });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::invalid_argument) << describe(status.error());
  }
}

TEST(Postgresql, TextSortsByBytesWhateverTheDatabasesLanguage) {
  const auto db = opened(testing::fresh_database());
  ASSERT_TRUE(db->write([](Transaction& t) -> Status {
    for (const std::string name : {"b", "a", "B", "A", "é"}) GALLEY_TRY_STATUS(add(t, name));
    return ok();
  }));
  std::string order;
  ASSERT_TRUE(db->read([&](Transaction& t) -> Status {
    GALLEY_TRY(const auto rows, t.query("select name from things order by name"));
    for (const Row& row : rows) order += row.text(0);
    return ok();
  }));
  EXPECT_EQ(order, "ABabé");
}

TEST(Postgresql, AReadOnlyDatabaseIsUnavailableForWrites) {
  const std::string url = testing::fresh_database();
  const auto db = opened(url);
  const std::string name = url.substr(url.rfind('/') + 1);
  ASSERT_TRUE(shared_postgres().run(
      "postgres", "alter database " + name + " set default_transaction_read_only = on"));
  const auto refused = open_postgresql({.url = url, .migrations = kSteps});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable) << describe(refused.error());
  EXPECT_NE(refused.error().message.find("read-only"), std::string::npos)
      << describe(refused.error());
}

TEST(Postgresql, AnotherProgramsDatabaseIsRefused) {
  const std::string url = testing::fresh_database();
  ASSERT_TRUE(shared_postgres().run(url.substr(url.rfind('/') + 1), "create table theirs (a int)"));
  const auto db = open_postgresql({.url = url});
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, Errc::conflict);
  EXPECT_NE(db.error().message.find("another program"), std::string::npos);
}

TEST(Postgresql, MigrationsOfTwoProcessesDoNotMeet) {
  const std::string url = testing::fresh_database();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(opened(url, migrations())); });
}

struct WrongAddress {
  std::string what;
  std::string url;
  Errc code;
  std::string said;
};

TEST(Postgresql, AWrongAddressIsSaidPlainlyAndSoon) {
  const std::string good = testing::fresh_database();
  const std::string at = "127.0.0.1:" + std::to_string(shared_postgres().port());
  const std::vector<WrongAddress> cases{
      {"password", "postgresql://locked:wrong@" + at + "/postgres", Errc::unavailable, "password"},
      {"no password", "postgresql://locked@" + at + "/postgres", Errc::unavailable, "password"},
      {"database", "postgresql://galley@" + at + "/absent", Errc::unavailable, "absent"},
      {"role", "postgresql://nobody_here@" + at + "/postgres", Errc::unavailable, "nobody_here"},
      {"port", "postgresql://galley@127.0.0.1:1/x", Errc::unavailable, "127.0.0.1"},
      {"host", "postgresql://galley@host.invalid/x", Errc::unavailable, "host.invalid"},
      {"option", good + "?colour=blue", Errc::invalid_argument, "colour"},
      {"text", "postgresql://[", Errc::invalid_argument, "address"}};
  for (const WrongAddress& wrong : cases) {
    const auto begin = steady_clock::now();
    const auto db = open(wrong.url);
    EXPECT_LT(steady_clock::now() - begin, Millis{5'000}) << wrong.what;
    ASSERT_FALSE(db) << wrong.what;
    EXPECT_EQ(db.error().code, wrong.code) << wrong.what << ": " << describe(db.error());
    EXPECT_NE(db.error().message.find(wrong.said), std::string::npos) << describe(db.error());
    EXPECT_EQ(db.error().message.find("wrong@"), std::string::npos) << "a password was shown";
    EXPECT_EQ(db.error().message.find('\n'), std::string::npos) << "one sentence";
  }
}

TEST(Postgresql, AnOldServerIsRefusedWithBothVersions) {
  const testing::StubServer old("12.17");
  const auto db = open_postgresql({.url = old.url()});
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, Errc::unsupported) << describe(db.error());
  EXPECT_NE(db.error().message.find("12.17"), std::string::npos) << describe(db.error());
  EXPECT_NE(db.error().message.find("13"), std::string::npos) << describe(db.error());
}

TEST(Postgresql, AnotherEncodingIsRefused) {
  ASSERT_TRUE(shared_postgres().run("postgres",
                                    "create database latin encoding 'SQL_ASCII'"
                                    " locale_provider libc locale 'C' template"
                                    " template0"));
  const auto db = open_postgresql({.url = shared_postgres().url("latin")});
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, Errc::unsupported);
  EXPECT_NE(db.error().message.find("SQL_ASCII"), std::string::npos) << describe(db.error());
}

TEST(OpenStore, AnUnknownAddressIsRefusedWithoutShowingIt) {
  for (const std::string address : {"mysql://u:secret@h/d", "sqlite:", "", "nothing"}) {
    const auto db = open(address);
    ASSERT_FALSE(db) << address;
    EXPECT_EQ(db.error().code, Errc::invalid_argument);
    EXPECT_EQ(db.error().message.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace galley::store
