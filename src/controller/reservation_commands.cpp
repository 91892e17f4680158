#include <fmt/format.h>

#include "capacity_check.h"
#include "job_events.h"
#include "store/events.h"
#include "team_commands.h"

namespace galley::controller {
namespace {

using store::Transaction;

Status tell_reservation(Transaction& transaction, const ReservationId& id, const std::string& team,
                        std::string_view state, WallTime at) {
  return store::append_event(
      transaction, {.at_ms = to_ms(at),
                    .kind = "reservation",
                    .subject = id.str(),
                    .data = dump_json(Json{{"team", team}, {"state", std::string(state)}})});
}

Result<protocol::ReservationRecord> reservation_of_row(const store::Row& row, WallTime now) {
  protocol::ReservationRecord reservation;
  reservation.id = ReservationId::trusted(row.text(0));
  reservation.team = row.text(1);
  GALLEY_TRY(const Json json, parse_json(row.text(2)));
  GALLEY_TRY(reservation.resources,
             protocol::parse_struct<protocol::Resources>(json, protocol::Unknown::ignore));
  reservation.start_at = from_ms(row.integer(3));
  reservation.duration = Millis{row.integer(4)};
  reservation.principal = row.text(5);
  const bool ended = reservation.start_at + reservation.duration <= now;
  reservation.state = ended                         ? protocol::ReservationState::ended
                      : reservation.start_at <= now ? protocol::ReservationState::active
                                                    : protocol::ReservationState::upcoming;
  return reservation;
}

}  // namespace

Result<std::vector<protocol::ReservationRecord>> read_reservations(Transaction& transaction,
                                                                   WallTime now) {
  GALLEY_TRY(auto rows,
             transaction.query("select id, team, resources, start_ms, duration_ms, principal from "
                               "reservations where cancelled_ms is null and start_ms + duration_ms "
                               "> :1 order by start_ms, id",
                               {to_ms(now)}));
  std::vector<protocol::ReservationRecord> reservations;
  for (const store::Row& row : rows) {
    GALLEY_TRY(auto reservation, reservation_of_row(row, now));
    reservations.push_back(std::move(reservation));
  }
  return reservations;
}

Status reserve(Transaction& transaction, const Reserve& command) {
  const protocol::ReservationSpec& wanted = command.reservation;
  if (wanted.start_at + wanted.duration <= command.at)
    return Error{Errc::invalid_argument,
                 "the booking would have ended at " + to_rfc3339(wanted.start_at + wanted.duration),
                 "start_at", "a slot that has not passed"};
  GALLEY_TRY(const auto others, read_reservations(transaction, command.at));
  GALLEY_TRY(const auto nodes, read_nodes(transaction));
  GALLEY_TRY_STATUS(check_booking(wanted, others, nodes));
  GALLEY_TRY_STATUS(transaction.execute(
      "insert into reservations (id, team, resources, start_ms, duration_ms, principal, "
      "created_ms) values (:1, :2, :3, :4, :5, :6, :7)",
      {command.id.str(), wanted.team, dump_json(protocol::print_struct(wanted.resources)),
       to_ms(wanted.start_at), wanted.duration.count(), command.caller.principal,
       to_ms(command.at)}));
  GALLEY_TRY_STATUS(tell_reservation(transaction, command.id, wanted.team, "reserved", command.at));
  return audit(transaction, command.caller, "reservation.create", command.id.str(), command.at);
}

Status unreserve(Transaction& transaction, const Unreserve& command) {
  GALLEY_TRY(auto row,
             transaction.query_one("select team, cancelled_ms from reservations where id = :1",
                                   {command.id.str()}));
  if (!row)
    return Error{Errc::not_found,
                 "there is no reservation " + command.id.str(),
                 {},
                 {},
                 "`galley reservations` lists them"};
  if (!row->is_null(1))
    return Error{Errc::conflict, "reservation " + command.id.str() + " was cancelled before"};
  GALLEY_TRY_STATUS(transaction.execute("update reservations set cancelled_ms = :2 where id = :1",
                                        {command.id.str(), to_ms(command.at)}));
  GALLEY_TRY_STATUS(
      tell_reservation(transaction, command.id, row->text(0), "cancelled", command.at));
  return audit(transaction, command.caller, "reservation.cancel", command.id.str(), command.at);
}

}  // namespace galley::controller
