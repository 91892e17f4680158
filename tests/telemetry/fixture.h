#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "support/database.h"
#include "support/temp_folder.h"
#include "telemetry/telemetry.h"

namespace galley::telemetry {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

/// Telemetry on a real database, with a clock that moves when told to and no thread of its own.
class TelemetryFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = testing::open_database(folder_.path());
    ASSERT_TRUE(database) << describe(database.error());
    database_ = *std::move(database);
    sql("insert into nodes (id, name, state, cpus, memory_bytes, inventory, changed_ms)"
        " values ('" +
        node_.str() + "', 'gpu01', 'up', 64, 1, '{}', 0)");
    for (const char* gpu : {"GPU-0", "GPU-1"})
      sql("insert into devices (id, node_id, device_index, model, memory_bytes, state, reason)"
          " values ('" +
          std::string(gpu) + "', '" + node_.str() + "', 0, 'H100', 1, 'in_service', '')");
    start();
  }
  void start() { telemetry_.emplace(*database_, clock_, Telemetry::Options{.background = false}); }

  void sql(const std::string& text) {
    const auto status = database_->write([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY_STATUS(transaction.execute(text));
      return ok();
    });
    ASSERT_TRUE(status) << describe(status.error());
  }
  std::int64_t number(const std::string& query) {
    std::int64_t found = -1;
    const auto status = database_->read([&](store::Transaction& transaction) -> Status {
      GALLEY_TRY(const auto row, transaction.query_one(query));
      if (row) found = row->integer(0);
      return ok();
    });
    EXPECT_TRUE(status) << describe(status.error());
    return found;
  }

  /// A job that has held these GPUs since now.
  JobId run_job(const std::string& team, const std::string& user,
                const std::vector<std::string>& gpus, int milli = 1000) {
    const auto job = ids_.next<JobTag>();
    const auto attempt = ids_.next<AttemptTag>();
    const std::string now = std::to_string(to_ms(clock_.wall()));
    sql("insert into jobs (id, seq, name, team, priority_class, state, reason, spec, principal,"
        " run_id, attempts, created_ms, started_ms) values ('" +
        job.str() + "', " + std::to_string(++seq_) + ", 'train', '" + team +
        "', 'normal', 'running', '', '{}', '" + user + "', '" + ids_.next<RunTag>().str() +
        "', 1, " + now + ", " + now + ")");
    sql("insert into attempts (id, job_id, number, node_id, epoch, state, reason, log_bytes,"
        " progress_offset, created_ms, started_ms) values ('" +
        attempt.str() + "', '" + job.str() + "', 1, '" + node_.str() +
        "', 1, 'running', '', 0, 0, " + now + ", " + now + ")");
    sql("insert into attempt_members (attempt_id, member_rank, node_id, state) values ('" +
        attempt.str() + "', 0, '" + node_.str() + "', 'running')");
    for (const std::string& gpu : gpus)
      sql("insert into allocations (attempt_id, member_rank, node_id, device_id, milli, cpus,"
          " memory_bytes, active) values ('" +
          attempt.str() + "', 0, '" + node_.str() + "', '" + gpu + "', " + std::to_string(milli) +
          ", 1, 1, 1)");
    attempt_of_[job.str()] = attempt;
    return job;
  }
  void end_job(const JobId& job) {
    const std::string now = std::to_string(to_ms(clock_.wall()));
    const std::string attempt = attempt_of_[job.str()].str();
    sql("update jobs set state = 'succeeded', finished_ms = " + now + " where id = '" + job.str() +
        "'");
    sql("update attempts set state = 'succeeded', finished_ms = " + now + " where id = '" +
        attempt + "'");
    sql("update allocations set active = 0 where attempt_id = '" + attempt + "'");
  }

  static protocol::GpuSample gpu(const std::string& uuid, std::int64_t index, double used) {
    protocol::GpuSample sample;
    sample.uuid = uuid;
    sample.index = index;
    sample.model = "NVIDIA H100 80GB HBM3";
    sample.temperature_celsius = 60 + index;
    sample.power_watts = 300;
    sample.utilization_ratio = used;
    sample.memory_used_bytes = std::int64_t{10} << 30;
    sample.memory_total_bytes = std::int64_t{80} << 30;
    sample.ecc_corrected_volatile = 3;
    return sample;
  }
  protocol::NodeSample sample(double used0 = 0.9, double used1 = 0.0) const {
    protocol::NodeSample taken;
    taken.node = node_;
    taken.host.cpu_busy_ratio = 0.5;
    taken.host.memory_total_bytes = std::int64_t{1} << 40;
    taken.host.memory_used_bytes = std::int64_t{1} << 39;
    taken.host.network_sent_bytes_since_start = 1'000 * (to_ms(clock_.wall()) / 1'000);
    taken.driver = protocol::DriverState::ok;
    taken.gpus = {gpu("GPU-0", 0, used0), gpu("GPU-1", 1, used1)};
    return taken;
  }
  /// Samples every 5 s, and a period's work after each.
  void pass(Millis time, double used0 = 0.9, double used1 = 0.0) {
    for (Millis passed{0}; passed < time; passed += 5s) {
      clock_.advance(5s);
      telemetry_->add(node_, "gpu01", sample(used0, used1));
      const auto status = telemetry_->work();
      ASSERT_TRUE(status) << describe(status.error());
    }
  }
  std::vector<Series> ask(const std::string& metric, Millis back, Millis step,
                          const std::string& subject = {}, bool of_fleet = false) const {
    Query query{.node = of_fleet ? NodeId() : node_,
                .metric = *find_metric(metric),
                .subject = subject,
                .from = clock_.wall() - back,
                .to = clock_.wall() + 1ms,
                .step = step};
    const auto found = telemetry_->query(query);
    EXPECT_TRUE(found) << describe(found.error());
    return found ? *found : std::vector<Series>{};
  }
  std::string printed() const {
    std::string out;
    telemetry_->print(out);
    return out;
  }

  testing::TempFolder folder_;
  ManualClock clock_{WallTime{Millis{1'700'000'400'000}}};  // 20 minutes past an hour, by chance
  IdSource ids_{clock_, 1};
  const NodeId node_ = ids_.next<NodeTag>();
  std::int64_t seq_ = 0;
  std::map<std::string, AttemptId> attempt_of_;
  std::unique_ptr<store::Database> database_;
  std::optional<Telemetry> telemetry_;
};

}  // namespace galley::telemetry
