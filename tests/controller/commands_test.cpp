// The typed writes and their preconditions, without a core that could be right by chance.
#include "commands.h"

#include "fixture.h"
#include "queries.h"
#include "restore.h"
#include "store/lease.h"

namespace galley::controller {
namespace {

using ::testing::HasSubstr;

class CommandsTest : public ControllerFixture {
 protected:
  void SetUp() override {
    open_database();
    ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(epoch_, store::acquire_lease(transaction, "test"));
      protocol::NodeRecord record;
      record.id = node_;
      record.name = "n1";
      record.cpus = 4;
      record.memory_bytes = 100;
      record.devices = {{.id = "GPU-0", .model = "H100"}};
      return save_node(transaction, record, clock_.wall());
    }));
  }

  JobId accepted() {
    protocol::JobRecord record;
    record.id = ids_.next<JobTag>();
    record.run_id = ids_.next<RunTag>();
    record.name = "x";
    record.team = "default";
    record.spec = spec();
    EXPECT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(accept_job(transaction, {record, caller()}));
      return ok();
    }));
    return record.id;
  }

  StartAttempt start_of(const JobId& job_id, std::vector<std::string> devices = {"GPU-0"}) {
    return {.epoch = epoch_,
            .job = job_id,
            .attempt = ids_.next<AttemptTag>(),
            .resources = {.gpus = static_cast<std::int64_t>(devices.size()), .cpus = 1},
            .placement = {{{node_, std::move(devices)}}},
            .terms = {.start_delay_s = 1.5},
            .at = clock_.wall()};
  }
  Status store_start(const StartAttempt& command) {
    return database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(start_attempt(transaction, command));
      return ok();
    });
  }
  std::string state_of(const JobId& job_id) {
    return std::string(protocol::word_of(find_job(*database_, job_id)->state));
  }

  const NodeId node_ = ids_.next<NodeTag>();
  std::int64_t epoch_ = 0;
};

TEST_F(CommandsTest, TheDatabaseRefusesADeviceThatIsTaken) {
  const JobId first = accepted();
  const JobId second = accepted();
  ASSERT_TRUE(store_start(start_of(first)));

  const auto twice = store_start(start_of(second));

  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Errc::conflict);
  EXPECT_EQ(state_of(second), "queued");
  EXPECT_EQ(count("select count(*) from allocations where active = 1 and device_id = 'GPU-0'"), 1);
  EXPECT_EQ(count("select count(*) from attempts"), 1);
}

TEST_F(CommandsTest, ADeviceIsFreeAgainOnceItsAttemptEnded) {
  const StartAttempt first = start_of(accepted());
  ASSERT_TRUE(store_start(first));
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(end_member(
        transaction, {.attempt_id = first.attempt, .state = protocol::AttemptState::succeeded},
        clock_.wall()));
    return ok();
  }));
  EXPECT_TRUE(store_start(start_of(accepted())));
}

TEST_F(CommandsTest, AFormerLeaderIsRefused) {
  const JobId waiting = accepted();
  StartAttempt stale = start_of(waiting);
  ASSERT_TRUE(database_->write([&](store::Transaction& transaction) -> Status {
    GALLEY_TRY_STATUS(store::acquire_lease(transaction, "another"));
    return ok();
  }));
  const auto refused = store_start(stale);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_EQ(state_of(waiting), "queued");
}

TEST_F(CommandsTest, AFullOrUnknownNodeIsRefused) {
  StartAttempt wide = start_of(accepted(), {});
  wide.resources.cpus = 5;
  EXPECT_THAT(store_start(wide).error().message, HasSubstr("is full"));
  wide.resources = {.cpus = 1, .memory = {101}};
  EXPECT_THAT(store_start(wide).error().message, HasSubstr("is full"));
  wide.placement.shares[0].node = ids_.next<NodeTag>();
  EXPECT_EQ(store_start(wide).error().code, Errc::conflict);
}

TEST_F(CommandsTest, AJobThatIsNotQueuedCannotStart) {
  const JobId started = accepted();
  ASSERT_TRUE(store_start(start_of(started)));
  const auto again = store_start(start_of(started, {}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_THAT(again.error().message, HasSubstr("is starting and cannot become starting"));
}

TEST_F(CommandsTest, SeveralJobsInOneTransactionAreCountedInTheirOrder) {
  accepted();
  accepted();
  EXPECT_EQ(count("select max(seq) from jobs"), 2);
  EXPECT_EQ(restore(*database_, clock_.wall())->queued.size(), 2U);
}

}  // namespace
}  // namespace galley::controller
