#include "snapshot_tables.h"

#include <fmt/format.h>

#include "base/units.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {

std::string snapshots_table(const Session& session, const Json& snapshots) {
  Table table({{.title = "SNAPSHOT", .min_width = 12},
               {.title = "SIZE", .right = true},
               {.title = "FILES", .right = true, .drop_rank = 2},
               {.title = "CREATED"},
               {.title = "RUN", .drop_rank = 3},
               {.title = "BY", .min_width = 6, .drop_rank = 4},
               {.title = "NOTE", .min_width = 10, .drop_rank = 1},
               {.title = "ID", .drop_rank = 5}});
  if (!snapshots.is_array()) return {};
  for (const Json& one : snapshots)
    table.add({{text_of(one, "ref")},
               {format_bytes(count_of(one, "size_bytes"))},
               {std::to_string(count_of(one, "file_count"))},
               {relative_time(text_of(one, "created_at"), session.now())},
               {text_of(one, "run_id")},
               {text_of(one, "principal")},
               {text_of(one, "note"), Style::dim},
               {text_of(one, "id"), Style::dim}});
  return table.empty() ? std::string{}
                       : table.print(session.terminal.width, session.terminal.color);
}

std::string snapshot_text(const Session& session, const Json& snapshot) {
  std::string out = snapshots_table(session, Json::array({snapshot}));
  const Json& sources = child_of(snapshot, "sources");
  if (sources.is_array())
    for (const Json& source : sources)
      if (source.is_string()) out += "made from " + plain_line(source.get<std::string>()) + "\n";
  Table table({{.title = "FILE", .min_width = 12},
               {.title = "SIZE", .right = true},
               {.title = "SHA256", .min_width = 12, .drop_rank = 1}});
  const Json& files = child_of(snapshot, "files");
  if (files.is_array())
    for (const Json& file : files)
      table.add({{text_of(file, "path")},
                 {format_bytes(count_of(file, "size_bytes"))},
                 {text_of(file, "sha256"), Style::dim}});
  if (!table.empty()) out += "\n" + table.print(session.terminal.width, session.terminal.color);
  return out;
}

}  // namespace galley::cli
