// A PostgreSQL that crashes, is restarted, or is cut off at the worst moment loses nothing that was
// acknowledged, and nothing is done twice.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "store/database.h"
#include "support/postgres/cut_proxy.h"

#include "postgres_server.h"

namespace galley::store {
namespace {

using std::chrono::steady_clock;
using support::PostgresServer;
using testing::CutProxy;

constexpr Migration kSteps[] = {
    {1, "initial",
     "create table halves (number bigint not null, half integer not null,"
     " primary key (number, half))"}};

std::optional<PostgresServer> server;

class StopServer final : public ::testing::Environment {
  void SetUp() override {
    auto started = PostgresServer::start({.durable = true});
    ASSERT_TRUE(started) << describe(started.error());
    server.emplace(*std::move(started));
  }
  void TearDown() override { server.reset(); }
};
[[maybe_unused]] const auto* const kStopServer =
    ::testing::AddGlobalTestEnvironment(new StopServer);

const std::string kName = "loss";

/// An empty database of that name. One for all tests: hundreds of files come with each.
std::string fresh_name() {
  const auto found =
      server->run("postgres", "select count(*) from pg_database where datname = '" + kName + "'");
  EXPECT_TRUE(found) << describe(found.error());
  if (found && *found == "0")
    EXPECT_TRUE(server->make_database(kName));
  else
    EXPECT_TRUE(server->run(kName, "drop schema public cascade; create schema public"));
  return kName;
}

std::unique_ptr<Database> opened(const std::string& url, Millis patience = Millis{5'000}) {
  auto db = open_postgresql({.url = url, .patience = patience, .migrations = kSteps});
  EXPECT_TRUE(db) << describe(db.error());
  return db ? *std::move(db) : nullptr;
}

Status add(Transaction& transaction, std::int64_t number) {
  for (const std::int64_t half : {1, 2})
    GALLEY_TRY_STATUS(
        transaction.execute("insert into halves (number, half) values (:1, :2)", {number, half}));
  return ok();
}

std::set<std::int64_t> stored(Database& db) {
  std::set<std::int64_t> numbers;
  const auto status = db.read([&](Transaction& transaction) -> Status {
    numbers.clear();
    GALLEY_TRY(const auto rows,
               transaction.query("select number, count(*) from halves group by number"));
    for (const Row& row : rows) {
      EXPECT_EQ(row.integer(1), 2) << "number " << row.integer(0) << " is torn";
      numbers.insert(row.integer(0));
    }
    return ok();
  });
  EXPECT_TRUE(status) << describe(status.error());
  return numbers;
}

/// Writes numbers from several threads until it goes; keeps what was acknowledged. Nothing may be
/// refused: each is tried again until the server is back.
class Load {
 public:
  explicit Load(Database& db) : db_(db) {
    for (int t = 0; t < 4; ++t) threads_.emplace_back([this, t] { run(t); });
  }
  void wait_for(std::size_t more) {
    const std::size_t wanted = count() + more;
    while (count() < wanted) std::this_thread::yield();
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }
  std::set<std::int64_t> stop() {
    stopping_ = true;
    threads_.clear();
    return acknowledged_;
  }

 private:
  void run(std::int64_t number) {
    for (; !stopping_; number += 4) {
      const auto status = db_.write([&](Transaction& t) { return add(t, number); });
      if (status) {
        const std::lock_guard lock(mutex_);
        acknowledged_.insert(number);
      } else {
        ADD_FAILURE() << describe(status.error());
      }
    }
  }

  Database& db_;
  std::mutex mutex_;  // guards acknowledged_
  std::set<std::int64_t> acknowledged_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> threads_;
};

void expect_kept(const std::set<std::int64_t>& acknowledged, Database& db) {
  const auto found = stored(db);
  for (const std::int64_t number : acknowledged)
    EXPECT_TRUE(found.contains(number)) << number << " was acknowledged and is gone";
}

TEST(PostgresqlLoss, CrashesUnderLoadLoseNothingAndRefuseNothing) {
  const auto db = opened(server->url(fresh_name()), Millis{15'000});
  Load load(*db);
  for (int round = 0; round < 4; ++round) {
    load.wait_for(100);
    ASSERT_TRUE(server->crash());
    ASSERT_TRUE(server->restart());
    const auto begin = steady_clock::now();
    load.wait_for(10);
    EXPECT_LT(steady_clock::now() - begin, Millis{3'000}) << "writes go on soon";
  }
  const auto acknowledged = load.stop();
  expect_kept(acknowledged, *db);
}

TEST(PostgresqlLoss, KilledSessionsAreReplaced) {
  const std::string name = fresh_name();
  const auto db = opened(server->url(name));
  Load load(*db);
  for (int round = 0; round < 20; ++round) {
    load.wait_for(20);
    ASSERT_TRUE(server->run("postgres",
                            "select count(pg_terminate_backend(pid)) from"
                            " pg_stat_activity where datname = '" +
                                name + "'"));
  }
  const auto acknowledged = load.stop();
  expect_kept(acknowledged, *db);
}

TEST(PostgresqlLoss, ASnapshotThatIsLostIsReportedAndTheNextOneWorks) {
  const std::string name = fresh_name();
  const auto db = opened(server->url(name));
  ASSERT_TRUE(db->write([](Transaction& t) { return add(t, 1); }));
  int runs = 0;
  const auto status = db->read([&](Transaction& t) -> Status {
    ++runs;
    GALLEY_TRY_STATUS(t.query("select 1"));
    EXPECT_TRUE(server->run("postgres",
                            "select count(pg_terminate_backend(pid)) from"
                            " pg_stat_activity where datname = '" +
                                name + "'"));
    GALLEY_TRY_STATUS(t.query("select 1"));
    return ok();
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unavailable) << describe(status.error());
  EXPECT_EQ(runs, 1) << "a reader is not run twice behind its back";
  EXPECT_EQ(stored(*db).size(), 1U);
}

TEST(PostgresqlLoss, ACommitWhoseAnswerIsLostIsLookedUp) {
  CutProxy proxy(server->port());
  const auto db = opened(proxy.url(fresh_name()));
  int runs = 0;
  const auto status = db->write([&](Transaction& t) -> Status {
    ++runs;
    GALLEY_TRY_STATUS(add(t, 7));
    proxy.cut_next_answer();  // the commit is the next question
    return ok();
  });
  EXPECT_TRUE(status) << describe(status.error());
  EXPECT_EQ(runs, 1) << "it was done, so it must not be done again";
  EXPECT_EQ(stored(*db), std::set<std::int64_t>{7});
}

TEST(PostgresqlLoss, ACommitThatNeverArrivedIsRunAgain) {
  CutProxy proxy(server->port());
  const auto db = opened(proxy.url(fresh_name()));
  int runs = 0;
  const auto status = db->write([&](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(add(t, 7));
    if (++runs == 1) proxy.cut_next_question();
    return ok();
  });
  EXPECT_TRUE(status) << describe(status.error());
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(stored(*db), std::set<std::int64_t>{7});
}

TEST(PostgresqlLoss, AnOutcomeThatStaysUnknownIsSaid) {
  auto proxy = std::make_optional<CutProxy>(server->port());
  const std::string name = fresh_name();
  const auto db = opened(proxy->url(name), Millis{300});
  const auto status = db->write([&](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(add(t, 7));
    proxy.reset();  // and nobody answers there any more
    return ok();
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unavailable);
  EXPECT_NE(status.error().message.find("not known"), std::string::npos)
      << describe(status.error());
}

TEST(PostgresqlLoss, AServerThatIsAwayIsReportedWithinThePatience) {
  const auto db = opened(server->url(fresh_name()), Millis{500});
  ASSERT_TRUE(server->crash());
  const auto begin = steady_clock::now();
  const auto written = db->write([](Transaction& t) { return add(t, 1); });
  const auto read = db->read([](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(t.query("select 1"));
    return ok();
  });
  EXPECT_LT(steady_clock::now() - begin, Millis{4'000});
  ASSERT_TRUE(server->restart());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::unavailable) << describe(written.error());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::unavailable) << describe(read.error());
  EXPECT_TRUE(db->write([](Transaction& t) { return add(t, 2); })) << "it connects again by itself";
  EXPECT_EQ(stored(*db), std::set<std::int64_t>{2});
}

TEST(PostgresqlLoss, AServerThatIsStoppedCountsAsAway) {
  const std::string name = fresh_name();
  const auto db = opened(server->url(name), Millis{500});
  ASSERT_TRUE(db->write([](Transaction& t) { return add(t, 1); }));
  const auto all = server->run("postgres",
                               "select string_agg(cast(pid as text), ' ') from"
                               " pg_stat_activity where datname = '" +
                                   name + "'");
  ASSERT_TRUE(all);
  std::vector<pid_t> stopped{server->pid()};
  for (std::size_t at = 0; at < all->size(); at = all->find(' ', at) + 1) {
    stopped.push_back(static_cast<pid_t>(std::stol(all->substr(at))));
    if (all->find(' ', at) == std::string::npos) break;
  }
  for (const pid_t pid : stopped) ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto begin = steady_clock::now();
  const auto status = db->write([](Transaction& t) { return add(t, 2); });
  EXPECT_LT(steady_clock::now() - begin, Millis{10'000});
  for (const pid_t pid : stopped) ::kill(pid, SIGCONT);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::unavailable) << describe(status.error());
  // Whoever wrote before is cut off by the server's own timeouts.
  Status later = Error{};
  for (int i = 0; i < 20 && !later; ++i)
    later = db->write([](Transaction& t) { return add(t, 3); });
  EXPECT_TRUE(later) << describe(later.error());
  EXPECT_EQ(stored(*db).count(2), 0U) << "what was refused has not happened";
}

}  // namespace
}  // namespace galley::store
