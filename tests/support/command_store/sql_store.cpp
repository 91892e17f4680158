#include "sql_store.h"

#include <algorithm>

#include "queries.h"
#include "store/lease.h"

namespace galley::controller {

using store::Transaction;

template <class Answer, class Command>
Result<Answer> SqlStore::write(const Command& command) {
  std::optional<Answer> answer;
  GALLEY_TRY_STATUS(database_.write([&](Transaction& transaction) -> Status {
    GALLEY_TRY(answer, command(transaction));
    return ok();
  }));
  return *std::move(answer);
}

Result<std::int64_t> SqlStore::lead() {
  return write<std::int64_t>([](Transaction& t) { return store::acquire_lease(t, "test"); });
}
Result<AcceptedJob> SqlStore::accept(const AcceptJob& command) {
  return write<AcceptedJob>([&](Transaction& t) { return accept_job(t, command); });
}
Result<StartedAttempt> SqlStore::start(const StartAttempt& command) {
  return write<StartedAttempt>([&](Transaction& t) { return start_attempt(t, command); });
}
Result<RunningMember> SqlStore::run(const protocol::AttemptReport& report, WallTime at) {
  return write<RunningMember>([&](Transaction& t) { return mark_running(t, report, at); });
}
Result<EndedMember> SqlStore::end(const protocol::AttemptReport& report, WallTime at) {
  return write<EndedMember>([&](Transaction& t) { return end_member(t, report, at); });
}
Status SqlStore::preempt(const PreemptAttempt& command) {
  return database_.write([&](Transaction& t) { return preempt_attempt(t, command); });
}
Result<protocol::JobState> SqlStore::cancel(const CancelJob& command) {
  return write<protocol::JobState>([&](Transaction& t) { return cancel_job(t, command); });
}
Status SqlStore::save_node(const protocol::NodeRecord& node, WallTime at) {
  return database_.write([&](Transaction& t) { return controller::save_node(t, node, at); });
}
Status SqlStore::put_team(const PutTeam& command) {
  return database_.write([&](Transaction& t) { return controller::put_team(t, command); });
}
Status SqlStore::delete_team(const DeleteTeam& command) {
  return database_.write([&](Transaction& t) { return controller::delete_team(t, command); });
}
Status SqlStore::reserve(const Reserve& command) {
  return database_.write([&](Transaction& t) { return controller::reserve(t, command); });
}
Status SqlStore::unreserve(const Unreserve& command) {
  return database_.write([&](Transaction& t) { return controller::unreserve(t, command); });
}

Status SqlStore::add_dataset(const std::string& reference, std::int64_t size_bytes) {
  const auto at = reference.find('@');
  return database_.write([&](Transaction& t) -> Status {
    GALLEY_TRY_STATUS(t.execute(
        "insert into snapshots (id, kind, name, version, manifest_sha256, size_bytes, file_count, "
        "note, principal, created_ms) values (:1, 'dataset', :2, :3, 'x', :4, 1, '', 'test', 0)",
        {reference, reference.substr(0, at), std::int64_t{std::stoll(reference.substr(at + 1))},
         size_bytes}));
    return ok();
  });
}

Result<Restored> SqlStore::restore(WallTime now) { return controller::restore(database_, now); }
Result<protocol::JobRecord> SqlStore::job(const JobId& id) { return find_job(database_, id); }

Result<protocol::AttemptState> SqlStore::attempt_state(const AttemptId& id) {
  std::string word;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& t) -> Status {
    GALLEY_TRY(auto row, t.query_one("select state from attempts where id = :1", {id.str()}));
    if (!row) return Error{Errc::not_found, "there is no attempt " + id.str()};
    word = row->text(0);
    return ok();
  }));
  return *protocol::from_word<protocol::AttemptState>(word);
}

Result<std::vector<HeldDevice>> SqlStore::held() {
  std::vector<HeldDevice> held;
  GALLEY_TRY_STATUS(database_.read([&](Transaction& t) -> Status {
    GALLEY_TRY(auto rows,
               t.query("select attempt_id, member_rank, node_id, device_id, milli from allocations "
                       "where active = 1 and device_id is not null"));
    for (const store::Row& row : rows)
      held.push_back({AttemptId::trusted(row.text(0)), row.integer(1), NodeId::trusted(row.text(2)),
                      row.text(3), row.integer(4)});
    return ok();
  }));
  std::ranges::sort(held);
  return held;
}

}  // namespace galley::controller
