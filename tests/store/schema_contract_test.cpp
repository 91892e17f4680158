// What every driver of store::Database promises of its schema.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract.h"
#include "store/schema.h"

namespace galley::store {
namespace {

TEST_F(StoreContract, AppliesOnlyPendingMigrationsAndKeepsData) {
  ASSERT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "kept"); }));
  const std::vector<Migration> longer{
      kSteps[0], {2, "labels", "alter table things add column label text not null default 'none'"}};
  open(longer);
  ASSERT_TRUE(db_->read([](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row, transaction.query_one("select name, label from things"));
    EXPECT_EQ(row->text(0), "kept");
    EXPECT_EQ(row->text(1), "none");
    return ok();
  }));
  open(longer);
}

TEST_F(StoreContract, AFailedMigrationChangesNothing) {
  db_.reset();
  const std::vector<Migration> broken{
      kSteps[0], {2, "broken", "create table extra (a integer); insert into absent values (1)"}};
  EXPECT_FALSE(testing::open_database(folder_.path(), broken));

  const std::vector<Migration> repaired{kSteps[0],
                                        {2, "repaired", "create table extra (a integer)"}};
  open(repaired);
}

TEST_F(StoreContract, RefusesASchemaNewerThanTheProgram) {
  const std::vector<Migration> newer{kSteps[0], {17, "future", "drop table if exists absent"}};
  open(newer);
  db_.reset();

  const auto older = testing::open_database(folder_.path(), std::span<const Migration>(kSteps));

  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, Errc::conflict);
  EXPECT_NE(older.error().message.find("17"), std::string::npos) << older.error().message;
  EXPECT_NE(older.error().message.find("up to 1"), std::string::npos) << older.error().message;
}

TEST_F(StoreContract, GoesOnWithASchemaThatOnlyHasMore) {
  const std::vector<Migration> newer{kSteps[0], {17, "more", "create table more (a integer)"}};
  open(newer);
  db_.reset();

  open(kSteps);
  EXPECT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "a"); }));
  SchemaState state;
  ASSERT_TRUE(db_->read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(state, read_schema(transaction, db_->kind()));
    return ok();
  }));
  EXPECT_EQ(state.version(), kSteps[0].number);
  EXPECT_EQ(state.additions, std::vector<std::int64_t>{17});
  db_.reset();

  open(newer);  // and back again
  EXPECT_TRUE(db_->write([](Transaction& transaction) { return add(transaction, "b"); }));
}

TEST_F(StoreContract, CarriesOutANumberThatWasLeftOut) {
  const std::vector<Migration> with_gap{kSteps[0],
                                        {12, "twelve", "create table twelve (a integer)"}};
  open(with_gap);
  db_.reset();
  const std::vector<Migration> filled{kSteps[0],
                                      {11, "eleven", "create table eleven (a integer)"},
                                      {12, "twelve", "create table twelve (a integer)"}};
  open(filled);
  EXPECT_TRUE(db_->read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows, transaction.query("select count(*) from eleven"));
    return ok();
  }));
}

TEST_F(StoreContract, TheSchemaOfThisProgramIsAccepted) {
  db_.reset();
  const testing::TempFolder fresh;
  const auto opened = testing::open_database(fresh.path(), migrations());
  ASSERT_TRUE(opened) << describe(opened.error());
  EXPECT_FALSE((*opened)->description().empty());
}

}  // namespace
}  // namespace galley::store
