#include <fmt/format.h>

#include "commands.h"
#include "job_events.h"
#include "lineage.h"
#include "store/lease.h"
#include "tracking/tracking.h"

namespace galley::controller {
namespace {

using protocol::JobState;
using scheduler::NodeShare;
using store::Transaction;

Status check_room(Transaction& transaction, const StartAttempt& command, const NodeShare& share) {
  GALLEY_TRY(auto node, transaction.query_one("select cpus, memory_bytes from nodes where id = :1",
                                              {share.node.str()}));
  if (!node) return Error{Errc::conflict, "node " + share.node.str() + " is not known"};
  GALLEY_TRY(auto used, transaction.query_one(
                            "select coalesce(sum(cpus), 0), coalesce(sum(memory_bytes), 0) from "
                            "allocations where node_id = :1 and active = 1",
                            {share.node.str()}));
  if (used->integer(0) + command.resources.cpus > node->integer(0) ||
      used->integer(1) + command.resources.memory.count > node->integer(1))
    return Error{Errc::conflict, "node " + share.node.str() + " is full"};
  return ok();
}

/// The check on allocated_milli refuses more than there is, and the unique index a whole device
/// that another active row holds, whatever the code above believes.
Status take_device(Transaction& transaction, const StartAttempt& command, std::size_t rank,
                   const std::string& device) {
  const NodeShare& share = command.placement.shares[rank];
  const std::int64_t milli = milli_of(command.resources);
  GALLEY_TRY(const auto taken,
             transaction.execute("update devices set allocated_milli = allocated_milli + :3 where "
                                 "id = :1 and node_id = :2 and state = 'in_service'",
                                 {device, share.node.str(), milli}));
  if (taken != 1)
    return Error{Errc::conflict, "node " + share.node.str() + " has no " + device + " in service"};
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into allocations (attempt_id, member_rank, node_id, device_id, milli, cpus, "
      "memory_bytes, active) values (:1, :2, :3, :4, :5, 0, 0, 1)",
      {command.attempt.str(), static_cast<std::int64_t>(rank), share.node.str(), device, milli}));
  return ok();
}

Status add_member(Transaction& transaction, const StartAttempt& command, std::size_t rank) {
  const NodeShare& share = command.placement.shares[rank];
  GALLEY_TRY_STATUS(check_room(transaction, command, share));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into attempt_members (attempt_id, member_rank, node_id, state) values "
      "(:1, :2, :3, 'starting')",
      {command.attempt.str(), static_cast<std::int64_t>(rank), share.node.str()}));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into allocations (attempt_id, member_rank, node_id, device_id, milli, cpus, "
      "memory_bytes, active) values (:1, :2, :3, null, 0, :4, :5, 1)",
      {command.attempt.str(), static_cast<std::int64_t>(rank), share.node.str(),
       command.resources.cpus, command.resources.memory.count}));
  for (const std::string& device : share.device_ids)
    GALLEY_TRY_STATUS(take_device(transaction, command, rank, device));
  return ok();
}

std::int64_t gpu_milli_of(const StartAttempt& command) {
  std::size_t devices = 0;
  for (const NodeShare& share : command.placement.shares) devices += share.device_ids.size();
  return static_cast<std::int64_t>(devices) * milli_of(command.resources);
}

Json decision_of(const StartAttempt& command) {
  Json nodes = Json::array();
  for (const NodeShare& share : command.placement.shares)
    nodes.push_back({{"node_id", share.node.str()}, {"device_ids", share.device_ids}});
  const bool guaranteed = command.standing == scheduler::Standing::guaranteed;
  return {{"standing", guaranteed ? "guaranteed" : "borrowed"},
          {"start_delay_s", command.terms.start_delay_s},
          {"fragmentation_s", command.terms.fragmentation_s},
          {"spread_s", command.terms.spread_s},
          {"nodes", std::move(nodes)}};
}

}  // namespace

std::int64_t milli_of(const protocol::Resources& resources) {
  constexpr std::int64_t kWhole = 1000;
  return resources.gpu_milli.value_or(kWhole);
}

Result<StartedAttempt> start_attempt(Transaction& transaction, const StartAttempt& command) {
  GALLEY_TRY_STATUS(store::check_epoch(transaction, command.epoch));
  GALLEY_TRY(auto job, read_job(transaction, command.job));
  GALLEY_TRY_STATUS(check_move(job, JobState::starting));
  GALLEY_CHECK(!command.placement.shares.empty(), "a job runs somewhere");
  const std::int64_t number = job.attempts + 1;
  const Json decision = decision_of(command);
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into attempts (id, job_id, number, node_id, epoch, state, reason, log_bytes, "
      "progress_offset, created_ms, gpu_milli, decision) values "
      "(:1, :2, :3, :4, :5, 'starting', '', 0, 0, :6, :7, :8)",
      {command.attempt.str(), command.job.str(), number, command.placement.shares[0].node.str(),
       command.epoch, to_ms(command.at), gpu_milli_of(command), dump_json(decision)}));
  for (std::size_t rank = 0; rank < command.placement.shares.size(); ++rank)
    GALLEY_TRY_STATUS(add_member(transaction, command, rank));
  GALLEY_TRY_STATUS(
      transaction.execute("update jobs set state = 'starting', reason = '', attempts = :2, "
                          "started_ms = :3 where id = :1",
                          {command.job.str(), number, to_ms(command.at)}));
  if (number == 1)
    GALLEY_TRY_STATUS(tracking::create_run(transaction, {.id = job.run_id,
                                                         .name = job.name,
                                                         .experiment = job.team,
                                                         .job_id = job.id.str(),
                                                         .created = command.at}));
  GALLEY_TRY_STATUS(record_lineage(transaction, job, command, number));
  job.state = JobState::starting;
  job.reason.clear();
  job.attempts = number;
  GALLEY_TRY_STATUS(tell(transaction, job, command.at, {{"decision", decision}}));
  return StartedAttempt{std::move(job), number};
}

}  // namespace galley::controller
