// Teams, bookings and what a new leader reads, of the twin in memory.
#include <algorithm>

#include "capacity_check.h"
#include "memory_store.h"

namespace galley::controller {

std::vector<protocol::NodeRecord> MemoryStore::nodes() const {
  std::vector<protocol::NodeRecord> records;
  for (const auto& [id, node] : nodes_) records.push_back(node.record);
  return records;
}

Status MemoryStore::put_team(const PutTeam& command) {
  std::vector<protocol::TeamSpec> teams;
  for (const auto& [name, team] : teams_)
    if (name != command.team.name) teams.push_back(team);
  teams.push_back(command.team);
  GALLEY_TRY_STATUS(check_guarantees(teams, nodes()));
  teams_[command.team.name] = command.team;
  return ok();
}

Status MemoryStore::delete_team(const DeleteTeam& command) {
  if (teams_.erase(command.name) == 0)
    return Error{Errc::not_found, "there is no team " + command.name};
  return ok();
}

Status MemoryStore::reserve(const Reserve& command) {
  const auto& wanted = command.reservation;
  if (wanted.start_at + wanted.duration <= command.at)
    return Error{Errc::invalid_argument, "the booking would have ended"};
  std::vector<protocol::ReservationRecord> others;
  for (const auto& [id, other] : reservations_)
    if (!other.cancelled && other.record.start_at + other.record.duration > command.at)
      others.push_back(other.record);
  std::ranges::stable_sort(others, {}, &protocol::ReservationRecord::start_at);
  GALLEY_TRY_STATUS(check_booking(wanted, others, nodes()));
  reservations_[command.id].record = {.id = command.id,
                                      .team = wanted.team,
                                      .resources = wanted.resources,
                                      .start_at = wanted.start_at,
                                      .duration = wanted.duration,
                                      .principal = command.caller.principal};
  return ok();
}

Status MemoryStore::unreserve(const Unreserve& command) {
  const auto found = reservations_.find(command.id);
  if (found == reservations_.end())
    return Error{Errc::not_found, "there is no reservation " + command.id.str()};
  if (found->second.cancelled) return Error{Errc::conflict, "it was cancelled before"};
  found->second.cancelled = true;
  return ok();
}

Result<Restored> MemoryStore::restore(WallTime now) {
  Restored restored;
  for (const auto& [name, team] : teams_)
    restored.learnt.emplace_back(scheduler::TeamChanged{team_of(team)});
  std::vector<protocol::ReservationRecord> kept;
  for (const auto& [id, reservation] : reservations_)
    if (!reservation.cancelled && reservation.record.start_at + reservation.record.duration > now)
      kept.push_back(reservation.record);
  std::ranges::stable_sort(kept, {}, &protocol::ReservationRecord::start_at);
  for (const auto& reservation : kept)
    restored.learnt.emplace_back(scheduler::Booked{booking_of(reservation)});
  for (const auto& [key, gpu_seconds] : usage_)
    restored.learnt.emplace_back(scheduler::UsageSeen{
        key.second, gpu_seconds, std::min(now, from_ms(key.first * 3'600'000 + 1'800'000))});
  for (const auto& [node, names] : contents_)
    restored.learnt.emplace_back(scheduler::ContentsSeen{node, {names.begin(), names.end()}});
  for (const auto& [seq, id] : unfinished_) {
    const Job& job = jobs_.at(id);
    auto known = contents(job.record.spec);
    auto sizes = known ? *std::move(known) : std::vector<scheduler::Content>{};
    if (job.record.state == protocol::JobState::queued) {
      restored.queued.push_back(queued_job(job.record, std::move(sizes)));
      continue;
    }
    const Attempt& attempt = attempts_.at(*job.last_attempt);
    ActiveAttempt active;
    active.id = attempt.id;
    active.number = attempt.number;
    active.placed_at = attempt.created;
    active.stopping = job.record.state == protocol::JobState::cancelling ||
                      attempt.preemption_asked || attempt.outcome.has_value();
    for (const Member& member : attempt.members) {
      active.placement.shares.push_back(member.share);
      active.members.push_back({member.running, member.ended});
    }
    active.request = queued_job(job.record, std::move(sizes));
    active.job = job.record;
    restored.active.push_back(std::move(active));
  }
  return restored;
}

}  // namespace galley::controller
