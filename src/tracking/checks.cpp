#include "checks.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "store/events.h"

namespace galley::tracking {

Status check_text(std::string_view what, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return Error{Errc::too_large,
                 std::string(what) + " has " + std::to_string(text.size()) + " bytes; at most " +
                     std::to_string(max_bytes) + " are kept",
                 std::string(what)};
  if (!is_valid_utf8(text))
    return Error{Errc::invalid_argument, std::string(what) + " is not valid UTF-8",
                 std::string(what)};
  return ok();
}

Status check_key(std::string_view what, std::string_view key) {
  const bool printable =
      std::ranges::all_of(key, [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  if (!key.empty() && key.size() <= kMaxKeyBytes && printable && is_valid_utf8(key)) return ok();
  return Error{
      Errc::invalid_argument,
      "'" + to_valid_utf8(key.substr(0, 80)) + "' is not a key of a " + std::string(what),
      std::string(what),
      "1 to " + std::to_string(kMaxKeyBytes) + " bytes of UTF-8 without control characters"};
}

std::string run_columns(std::string_view table) {
  std::string columns;
  for (const std::string_view name : {"id", "name", "experiment", "job_id", "state", "created_ms",
                                      "ended_ms", "user_name", "owner_run", "deleted_ms"}) {
    if (!columns.empty()) columns += ", ";
    columns += table;
    columns += '.';
    columns += name;
  }
  return columns;
}

Status require_run(store::Transaction& transaction, const RunId& run) {
  GALLEY_TRY(const auto row,
             transaction.query_one("select 1 from runs where id = :1", {run.str()}));
  if (!row) return Error{Errc::not_found, "there is no run " + run.str()};
  return ok();
}

Status tell(store::Transaction& transaction, const RunId& run, WallTime at,
            std::string_view action) {
  GALLEY_TRY_STATUS(store::append_event(
      transaction, {.at_ms = to_ms(at),
                    .kind = "run",
                    .subject = run.str(),
                    .data = dump_json({{"action", action}, {"id", run.str()}})}));
  return ok();
}

}  // namespace galley::tracking
