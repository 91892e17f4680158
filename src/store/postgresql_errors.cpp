#include "postgresql_errors.h"

#include "libpq.h"

#include <algorithm>
#include <array>

namespace galley::store {
namespace {

constexpr std::size_t kShownSql = 120;

std::string field(const pg_result& result, int code) {
  const char* text = pq().PQresultErrorField(&result, code);
  return text ? text : std::string();
}

/// Why a statement was given up, in our words where PostgreSQL's would name no number or cause.
std::string explained(std::string_view state, std::string message) {
  if (state == "57014") return "a statement was given up: " + message;
  if (state == "55P03") return "another session holds a lock: " + message;
  return message;
}

}  // namespace

Errc code_of_sqlstate(std::string_view state) {
  const auto is = [&](std::string_view prefix) { return state.starts_with(prefix); };
  if (is("23")) return Errc::conflict;  // a unique, check, foreign key or not null one
  if (is("22021") || is("22P05")) return Errc::invalid_argument;  // bytes that are no UTF-8
  if (is("22003")) return Errc::invalid_argument;                 // a number out of range
  if (is("25006") || is("42501") || is("28")) return Errc::forbidden;
  if (is("53100")) return Errc::exhausted;
  if (is("54")) return Errc::too_large;
  if (is("XX001") || is("XX002")) return Errc::corrupt;
  if (is("0A000")) return Errc::unsupported;
  constexpr std::array kPassing{"08", "25P03", "26000", "40", "53", "55", "57", "58"};
  if (std::ranges::any_of(kPassing, is)) return Errc::unavailable;
  return Errc::internal;
}

Trouble trouble_of_sqlstate(std::string_view state) {
  const auto is = [&](std::string_view prefix) { return state.starts_with(prefix); };
  if (is("40")) return Trouble::rerun;  // 40001 serialization, 40P01 deadlock
  // 25P03: we were idle for too long, perhaps stopped. 26000 and 0A000: what was prepared is gone
  // or no longer fits the tables, which a new session mends. 57014 and 55P03 are the statement's.
  constexpr std::array kLost{"08", "25P03", "26000", "57P", "58"};
  return std::ranges::any_of(kLost, is) ? Trouble::lost : Trouble::statement;
}

std::string one_line(std::string_view message) {
  std::string line;
  for (const char c : message) {
    if (c != '\n' && c != '\t')
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

Fault fault_of(const pg_result& result, std::string_view where, std::string_view sql) {
  const std::string state = field(result, PG_DIAG_SQLSTATE);
  const std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  // Without a state it is libpq's own: it makes such results when the connection breaks.
  Fault fault{state.empty() ? Trouble::lost : trouble_of_sqlstate(state),
              {state.empty() ? Errc::unavailable : code_of_sqlstate(state), {}}};
  if (state == "0A000" && message.find("cached plan") != std::string::npos)
    fault = {Trouble::lost, {Errc::unavailable, {}}};
  fault.error.message =
      std::string(where) + ": " +
      one_line(message.empty() ? pq().PQresultErrorMessage(&result) : explained(state, message));
  if (fault.error.code == Errc::conflict)
    if (const auto table = field(result, PG_DIAG_TABLE_NAME); !table.empty())
      fault.error.message += " in table " + table;
  if (fault.error.code == Errc::internal || fault.error.code == Errc::conflict)
    fault.error.message += " in: " + std::string(sql.substr(0, kShownSql));
  if (fault.error.code == Errc::exhausted)
    fault.error.hint = "free some space on the disk that holds the database";
  return fault;
}

}  // namespace galley::store
