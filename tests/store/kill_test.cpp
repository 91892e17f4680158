// A process that is killed with SIGKILL while it writes loses nothing that it acknowledged.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <thread>

#include "base/file.h"
#include "store/database.h"
#include "support/temp_folder.h"

namespace galley::store {
namespace {

constexpr Migration kSteps[] = {
    {1, "initial",
     "create table halves (number bigint not null, half integer not null,"
     " primary key (number, half))"}};
constexpr int kThreads = 4;

/// Writes numbers until killed; each is two rows of one command, and goes to `acknowledged` once
/// its command has been answered.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int acknowledged,
                                     std::int64_t first) {
  auto db = open_sqlite({.path = path, .migrations = kSteps});
  if (!db) ::_exit(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (std::int64_t number = first + t;; number += kThreads) {
        const auto status = (*db)->write([&](Transaction& transaction) -> Status {
          for (const std::int64_t half : {1, 2})
            GALLEY_TRY_STATUS(transaction.execute(
                "insert into halves (number, half) values (:1, :2)", {number, half}));
          return ok();
        });
        // A pipe write of eight bytes is atomic.
        if (!status || ::write(acknowledged, &number, sizeof number) != sizeof number) ::_exit(1);
      }
    });
  for (auto& thread : threads) thread.join();
  ::_exit(1);
}

TEST(StoreKill, LosesNoAcknowledgedCommandAndKeepsNoHalfCommand) {
  const testing::TempFolder folder;
  std::set<std::int64_t> acknowledged;
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(folder / "x.db", writing.get(), round * 1'000'000);
    writing.reset();

    // The kill falls at another point of the stream in each round.
    std::int64_t number = 0;
    int seen = 0;
    while (::read(reading.get(), &number, sizeof number) == sizeof number) {
      acknowledged.insert(number);
      if (++seen == 50 + round * 37) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
      }
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";

    auto db = open_sqlite({.path = folder / "x.db", .migrations = kSteps});
    ASSERT_TRUE(db) << describe(db.error());
    std::set<std::int64_t> stored;
    ASSERT_TRUE((*db)->read([&](Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows,
                 transaction.query("select number, count(*) from halves group by number"));
      for (const Row& row : rows) {
        EXPECT_EQ(row.integer(1), 2) << "number " << row.integer(0) << " is torn";
        stored.insert(row.integer(0));
      }
      return ok();
    }));
    for (const std::int64_t wanted : acknowledged)
      EXPECT_TRUE(stored.contains(wanted)) << wanted << " was acknowledged and is gone";
  }
}

}  // namespace
}  // namespace galley::store
