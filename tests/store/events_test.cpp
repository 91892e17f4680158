#include "store/events.h"

#include <gtest/gtest.h>

#include "store/lease.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::store {
namespace {

class Records : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = testing::open_database(folder_.path());
    ASSERT_TRUE(opened) << describe(opened.error());
    db_ = *std::move(opened);
  }

  Status write(const Database::Command& command) { return db_->write(command); }

  testing::TempFolder folder_;
  std::unique_ptr<Database> db_;
};

TEST_F(Records, EventsComeBackInOrderByKindAndAfterASeq) {
  ASSERT_TRUE(write([](Transaction& transaction) -> Status {
    for (const std::string kind : {"job", "node", "job", "run"})
      GALLEY_TRY_STATUS(append_event(
          transaction, {.at_ms = 5, .kind = kind, .subject = "s", .data = R"({"a":1})"}));
    return ok();
  }));

  ASSERT_TRUE(db_->read([](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto all, read_events(transaction, 0, {}, 10));
    EXPECT_EQ(all.size(), 4U);
    EXPECT_EQ(all.front().data, R"({"a":1})");
    GALLEY_TRY(const auto last, last_event_seq(transaction));
    EXPECT_EQ(last, all.back().seq);

    const std::vector<std::string> kinds{"job", "run"};
    GALLEY_TRY(const auto some, read_events(transaction, all.front().seq, kinds, 10));
    EXPECT_EQ(some.size(), 2U);
    EXPECT_EQ(some[0].kind, "job");
    EXPECT_EQ(some[1].kind, "run");
    GALLEY_TRY(const auto one, read_events(transaction, 0, kinds, 1));
    EXPECT_EQ(one.size(), 1U);
    return ok();
  }));
}

TEST_F(Records, ASeqIsNeverReused) {
  std::int64_t first = 0;
  ASSERT_TRUE(write([&](Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(append_event(transaction, {.kind = "job"}));
    GALLEY_TRY(first, last_event_seq(transaction));
    GALLEY_TRY_STATUS(transaction.execute("delete from events"));
    GALLEY_TRY_STATUS(append_event(transaction, {.kind = "job"}));
    GALLEY_TRY(const auto second, last_event_seq(transaction));
    EXPECT_GT(second, first);
    return ok();
  }));
}

TEST_F(Records, AuditKeepsWhoDidWhat) {
  ASSERT_TRUE(write([](Transaction& transaction) {
    return append_audit(transaction, {.at_ms = 7,
                                      .principal = "admin",
                                      .action = "channel.deploy",
                                      .subject = "reviews",
                                      .request_id = "r1"});
  }));
  ASSERT_TRUE(db_->read([](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row,
               transaction.query_one("select principal, action, subject, request_id from audit"));
    EXPECT_EQ(row->text(0), "admin");
    EXPECT_EQ(row->text(1), "channel.deploy");
    EXPECT_EQ(row->text(2), "reviews");
    EXPECT_EQ(row->text(3), "r1");
    return ok();
  }));
}

TEST_F(Records, ANewLeaderCutsOffTheOldOne) {
  ASSERT_TRUE(write([](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto nobody, read_lease(transaction));
    EXPECT_FALSE(nobody);
    EXPECT_FALSE(check_epoch(transaction, 1));
    GALLEY_TRY(const auto first, acquire_lease(transaction, "a"));
    GALLEY_TRY_STATUS(check_epoch(transaction, first));
    GALLEY_TRY_STATUS(renew_lease(transaction, first));
    GALLEY_TRY(const auto second, acquire_lease(transaction, "b"));
    EXPECT_EQ(second, first + 1);

    const auto stale = check_epoch(transaction, first);
    EXPECT_FALSE(stale);
    EXPECT_EQ(stale.error().code, Errc::conflict);
    EXPECT_FALSE(renew_lease(transaction, first));
    GALLEY_TRY_STATUS(renew_lease(transaction, second));
    GALLEY_TRY(const auto lease, read_lease(transaction));
    EXPECT_EQ(lease->holder, "b");
    EXPECT_EQ(lease->epoch, second);
    EXPECT_EQ(lease->renewals, 1);
    return ok();
  }));
}

}  // namespace
}  // namespace galley::store
