#include "estimate_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "fields.h"
#include "table.h"

namespace galley::cli {
namespace {

constexpr std::size_t kShownRows = 25;

std::string note_of_row(const Json& row, bool good) {
  std::string note = good ? "" : text_of(row, "verdict");
  std::ranges::replace(note, '_', ' ');
  const std::string more = plain_line(text_of(row, "note"));
  if (!more.empty()) note += (note.empty() ? "" : ": ") + more;
  return note;
}

}  // namespace

std::string money_text(double usd) {
  return usd >= 100 ? fmt::format("${:.0f}", usd) : fmt::format("${:.2f}", usd);
}

std::string seconds_text(double seconds) {
  if (!(seconds > 0)) return "";
  return format_duration(Millis(static_cast<std::int64_t>(std::min(seconds, 1e11) * 1e3)));
}

void print_advice_table(const Session& session, const Json& answer, bool all) {
  Table table({{.title = ""},
               {.title = "CONFIGURATION", .min_width = 16},
               {.title = "RUNTIME", .right = true},
               {.title = "P10 TO P90", .right = true, .drop_rank = 2},
               {.title = "COST", .right = true},
               {.title = "WAIT", .right = true},
               {.title = "FINISH", .right = true, .drop_rank = 1},
               {.title = "PARETO"},
               {.title = "NOTE", .min_width = 12, .drop_rank = 3}});
  const Json& rows = items_of(answer);
  std::size_t shown = 0;
  for (const Json& row : rows) {
    if (!all && shown >= kShownRows) break;
    ++shown;
    const bool good = text_of(row, "verdict") == "good";
    const Json& runtime = child_of(row, "runtime_s");
    const double low = real_of(runtime, "p10"), high = real_of(runtime, "p90");
    const bool timed = real_of(runtime, "p50") > 0;
    table.add({{child_of(row, "recommended") == true ? "→" : ""},
               {plain_line(text_of(row, "name")), good ? Style::plain : Style::dim},
               {seconds_text(real_of(runtime, "p50"))},
               {timed && high > low ? seconds_text(low) + " – " + seconds_text(high) : ""},
               {timed ? money_text(real_of(row, "cost_usd")) : ""},
               {seconds_text(real_of(row, "wait_s"))},
               {seconds_text(real_of(row, "finish_s"))},
               {child_of(row, "pareto") == true ? "*" : ""},
               {note_of_row(row, good), good ? Style::plain : Style::bad}});
  }
  print_out(table.print(session.terminal.width, session.terminal.color));
  if (shown < rows.size())
    session.note(fmt::format("{} more; --all shows them", rows.size() - shown));
  print_out("\n" + plain_line(text_of(answer, "reason")) + "\n");
}

}  // namespace galley::cli
