#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "store/database.h"
#include "support/database.h"
#include "support/temp_folder.h"

namespace galley::store {

inline constexpr Migration kSteps[] = {
    {1, "initial",
     "create table parents (id {id} primary key);"
     "create table things (seq {bigserial}, name text not null, active integer not null,"
     " parent {id} references parents (id), large bigint, real double precision, bytes {blob});"
     "create unique index one_active_name on things (name) where active = 1;"}};

class StoreContract : public ::testing::Test {
 protected:
  void SetUp() override { open(kSteps); }

  void open(std::span<const Migration> steps) {
    db_.reset();
    auto opened = testing::open_database(folder_.path(), steps);
    ASSERT_TRUE(opened) << describe(opened.error());
    db_ = *std::move(opened);
  }

  static Status add(Transaction& transaction, const std::string& name, std::int64_t active = 0) {
    GALLEY_TRY_STATUS(
        transaction.execute("insert into things (name, active) values (:1, :2)", {name, active}));
    return ok();
  }

  static Status enqueue(Transaction& transaction, const std::string& name,
                        std::int64_t active = 0) {
    return transaction.enqueue("insert into things (name, active) values (:1, :2)", {name, active});
  }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto status = db_->read([&](Transaction& transaction) -> Status {
      GALLEY_TRY(const auto rows, transaction.query("select name from things order by seq"));
      for (const Row& row : rows) found.push_back(row.text(0));
      return ok();
    });
    EXPECT_TRUE(status) << describe(status.error());
    return found;
  }

  /// Holds the writer inside a command until released, so that a test can fill the queue behind it.
  class Gate {
   public:
    explicit Gate(Database& db) {
      db.write_async(
          [this](Transaction&) {
            std::unique_lock lock(mutex_);
            entered_ = true;
            changed_.notify_all();
            changed_.wait(lock, [&] { return open_; });
            return ok();
          },
          [](const Status&) {});
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return entered_; });
    }
    void open() {
      const std::lock_guard lock(mutex_);
      open_ = true;
      changed_.notify_all();
    }

   private:
    std::mutex mutex_;  // guards entered_ and open_
    std::condition_variable changed_;
    bool entered_ = false;
    bool open_ = false;
  };

  testing::TempFolder folder_;
  std::unique_ptr<Database> db_;
};

}  // namespace galley::store
