#include <algorithm>

#include "base/json.h"
#include "registry/registry.h"
#include "rows.h"
#include "store/events.h"

namespace galley::registry {
namespace {

using store::Row;
using store::Transaction;
using store::Value;

constexpr std::string_view kChannelColumns =
    "select c.model, c.channel, c.snapshot_id, s.version, c.generation, c.changed_ms"
    " from channels c join snapshots s on s.id = c.snapshot_id";

Channel channel_of(const Row& row) {
  return Channel{.model = row.text(0),
                 .channel = row.text(1),
                 .snapshot_id = SnapshotId::trusted(row.text(2)),
                 .version = row.integer(3),
                 .generation = row.integer(4),
                 .changed = from_ms(row.integer(5))};
}

Result<std::optional<Channel>> find_channel(Transaction& transaction, std::string_view model,
                                            std::string_view channel) {
  GALLEY_TRY(const auto row, transaction.query_one(std::string(kChannelColumns) +
                                                       " where c.model = :1 and c.channel = :2",
                                                   {std::string(model), std::string(channel)}));
  if (!row) return std::optional<Channel>();
  return std::optional(channel_of(*row));
}

Error no_channel(std::string_view model, std::string_view channel) {
  return Error{Errc::not_found,
               "model " + std::string(model) + " has no channel " + std::string(channel),
               {},
               {},
               "deploy a snapshot to it first"};
}

Status check_generation(std::optional<std::int64_t> expected, std::string_view model,
                        std::string_view channel, std::int64_t current) {
  if (!expected || *expected == current) return ok();
  return Error{Errc::conflict,
               "channel " + std::string(channel) + " of " + std::string(model) +
                   " is at generation " + std::to_string(current) + ", not at the expected " +
                   std::to_string(*expected),
               {},
               {},
               "someone moved it in between: look at its history and try again"};
}

/// One step of a channel, ready to be recorded.
struct Step {
  Channel to;
  std::string_view action;
  std::optional<std::int64_t> undo_generation;
  std::optional<SnapshotId> previous;
  const std::string& principal;
  const std::string& request_id;
  const std::string& address;
};

Status record(Transaction& transaction, const Step& step) {
  const Channel& to = step.to;
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into channels (model, channel, snapshot_id, generation, changed_ms)"
      " values (:1, :2, :3, :4, :5) on conflict (model, channel) do update set"
      " snapshot_id = excluded.snapshot_id, generation = excluded.generation,"
      " changed_ms = excluded.changed_ms",
      {to.model, to.channel, to.snapshot_id.str(), to.generation, to_ms(to.changed)}));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into channel_history (model, channel, generation, snapshot_id, undo_generation,"
      " action, principal, at_ms) values (:1, :2, :3, :4, :5, :6, :7, :8)",
      {to.model, to.channel, to.generation, to.snapshot_id.str(),
       step.undo_generation ? Value(*step.undo_generation) : Value(nullptr),
       std::string(step.action), step.principal, to_ms(to.changed)}));
  const std::string subject = to.model + "/" + to.channel;
  Json data{{"action", step.action},          {"model", to.model},
            {"channel", to.channel},          {"snapshot_id", to.snapshot_id.str()},
            {"version", to.version},          {"generation", to.generation},
            {"previous_snapshot_id", nullptr}};
  if (step.previous) data["previous_snapshot_id"] = step.previous->str();
  GALLEY_TRY_STATUS(store::append_event(transaction, {.at_ms = to_ms(to.changed),
                                                      .kind = "channel",
                                                      .subject = subject,
                                                      .data = dump_json(data)}));
  return store::append_audit(
      transaction, {.at_ms = to_ms(to.changed),
                    .principal = step.principal,
                    .action = "channel." + std::string(step.action),
                    .subject = subject + " -> " + to.model + "@" + std::to_string(to.version),
                    .request_id = step.request_id,
                    .address = step.address});
}

Status move(Transaction& transaction, const MoveRequest& request, WallTime now,
            MoveAnswer& answer) {
  GALLEY_TRY(const auto snapshot, snapshot_by_id(transaction, request.snapshot_id));
  if (snapshot.kind != Kind::model || snapshot.name != request.model)
    return Error{Errc::invalid_argument,
                 snapshot.id.str() + " is " + std::string(to_string(snapshot.kind)) + " " +
                     reference(snapshot) + ", which a channel of model " + request.model +
                     " cannot point at",
                 "snapshot_id", "a snapshot of model " + request.model};
  GALLEY_TRY(auto current, find_channel(transaction, request.model, request.channel));
  const std::int64_t generation = current ? current->generation : 0;
  GALLEY_TRY_STATUS(
      check_generation(request.expected_generation, request.model, request.channel, generation));
  if (current && current->snapshot_id == snapshot.id) {
    answer = {*current, current->snapshot_id, false};
    return ok();
  }
  answer.moved = true;
  if (current) answer.previous = current->snapshot_id;
  answer.channel = {request.model,    request.channel, snapshot.id,
                    snapshot.version, generation + 1,  now};
  return record(transaction, {.to = answer.channel,
                              .action = "deploy",
                              .undo_generation = current ? std::optional(generation) : std::nullopt,
                              .previous = answer.previous,
                              .principal = request.principal,
                              .request_id = request.request_id,
                              .address = request.address});
}

/// The history row that lies below the channel's current one on its undo stack: its snapshot, that
/// snapshot's version, and the generation below it again.
Result<std::optional<Row>> below(Transaction& transaction, const Channel& current) {
  return transaction.query_one(
      "select b.snapshot_id, s.version, b.undo_generation from channel_history h"
      " join channel_history b on b.model = h.model and b.channel = h.channel and"
      " b.generation = h.undo_generation join snapshots s on s.id = b.snapshot_id"
      " where h.model = :1 and h.channel = :2 and h.generation = :3",
      {current.model, current.channel, current.generation});
}

Status go_back(Transaction& transaction, const RollbackRequest& request, WallTime now,
               MoveAnswer& answer) {
  GALLEY_TRY(const auto current, find_channel(transaction, request.model, request.channel));
  if (!current) return no_channel(request.model, request.channel);
  GALLEY_TRY_STATUS(check_generation(request.expected_generation, request.model, request.channel,
                                     current->generation));
  GALLEY_TRY(const auto target, below(transaction, *current));
  if (!target)
    return Error{Errc::conflict, "cannot roll back channel " + request.channel + " of " +
                                     request.model + ": nothing was deployed before " +
                                     request.model + "@" + std::to_string(current->version)};
  answer.moved = true;
  answer.previous = current->snapshot_id;
  answer.channel = {
      request.model,      request.channel,         SnapshotId::trusted(target->text(0)),
      target->integer(1), current->generation + 1, now};
  return record(
      transaction,
      {.to = answer.channel,
       .action = "rollback",
       .undo_generation = target->is_null(2) ? std::nullopt : std::optional(target->integer(2)),
       .previous = answer.previous,
       .principal = request.principal,
       .request_id = request.request_id,
       .address = request.address});
}

/// One durable change of a channel: `step` checks and records it.
template <class Request>
Result<MoveAnswer> change_channel(store::Database& database, WallTime now, const Request& request,
                                  Status (*step)(Transaction&, const Request&, WallTime,
                                                 MoveAnswer&)) {
  GALLEY_TRY_STATUS(check_name("model", request.model));
  GALLEY_TRY_STATUS(check_name("channel", request.channel));
  MoveAnswer answer;
  GALLEY_TRY_STATUS(database.write([&](Transaction& transaction) {
    answer = {};
    return step(transaction, request, now, answer);
  }));
  return answer;
}

}  // namespace

Result<MoveAnswer> Registry::move_channel(const MoveRequest& request) {
  return change_channel(database_, clock_.wall(), request, move);
}

Result<MoveAnswer> Registry::rollback(const RollbackRequest& request) {
  return change_channel(database_, clock_.wall(), request, go_back);
}

Result<std::optional<SnapshotId>> Registry::rollback_target(std::string_view model,
                                                            std::string_view channel) const {
  GALLEY_TRY(const auto current, this->channel(model, channel));
  std::optional<SnapshotId> target;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto row, below(transaction, current));
    if (row) target = SnapshotId::trusted(row->text(0));
    return ok();
  }));
  return target;
}

Result<Channel> Registry::channel(std::string_view model, std::string_view channel) const {
  GALLEY_TRY_STATUS(check_name("model", model));
  GALLEY_TRY_STATUS(check_name("channel", channel));
  std::optional<Channel> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(found, find_channel(transaction, model, channel));
    return ok();
  }));
  if (!found) return no_channel(model, channel);
  return *std::move(found);
}

Result<std::vector<Channel>> Registry::channels(std::string_view model) const {
  std::vector<Channel> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(const auto rows,
               transaction.query(std::string(kChannelColumns) + " where (:1 = '' or c.model = :1)"
                                                                " order by c.model, c.channel",
                                 {std::string(model)}));
    for (const Row& row : rows) found.push_back(channel_of(row));
    return ok();
  }));
  return found;
}

Result<std::vector<Move>> Registry::history(std::string_view model, std::string_view channel,
                                            std::int64_t limit) const {
  GALLEY_TRY_STATUS(check_name("model", model));
  std::vector<Move> found;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& transaction) -> Status {
    GALLEY_TRY(
        const auto rows,
        transaction.query("select h.channel, h.generation, h.snapshot_id, s.version, h.action,"
                          " h.principal, h.at_ms from channel_history h"
                          " join snapshots s on s.id = h.snapshot_id"
                          " where h.model = :1 and (:2 = '' or h.channel = :2)"
                          " order by h.seq desc limit :3",
                          {std::string(model), std::string(channel),
                           std::clamp<std::int64_t>(limit, 1, kMaxHistory)}));
    for (const Row& row : rows)
      found.push_back({.channel = row.text(0),
                       .generation = row.integer(1),
                       .snapshot_id = SnapshotId::trusted(row.text(2)),
                       .version = row.integer(3),
                       .action = row.text(4),
                       .principal = row.text(5),
                       .at = from_ms(row.integer(6))});
    return ok();
  }));
  return found;
}

}  // namespace galley::registry
