#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "health.h"
#include "join_tokens.h"
#include "table.h"
#include "topology.h"
#include "watch.h"

namespace galley::cli {
namespace {

std::string notes_of(const Json& node) {
  std::string text;
  const Json& notes = child_of(node, "notes");
  if (!notes.is_array()) return text;
  for (const Json& note : notes)
    if (note.is_string()) text += (text.empty() ? "" : "; ") + note.get<std::string>();
  return text;
}

std::string gpus_of(const Json& node) {
  const Json& devices = child_of(node, "devices");
  if (!devices.is_array() || devices.empty()) return "0";
  const auto used = std::ranges::count_if(
      devices, [](const Json& device) { return !text_of(device, "job_id").empty(); });
  return fmt::format("{}/{}", used, devices.size());
}

std::string nodes_table(const Session& session, const Json& nodes) {
  Table table({{.title = "NAME", .min_width = 8},
               {.title = "STATE"},
               {.title = "CPUS", .right = true},
               {.title = "MEMORY", .right = true},
               {.title = "GPUS", .right = true},
               {.title = "LOAD", .right = true, .drop_rank = 2},
               {.title = "BUSY", .right = true, .drop_rank = 3},
               {.title = "DISK FREE", .right = true, .drop_rank = 4},
               {.title = "NOTES", .min_width = 10, .drop_rank = 5},
               {.title = "ID", .drop_rank = 6}});
  for (const Json& node : items_of(nodes)) {
    const std::string state = text_of(node, "state");
    table.add({{text_of(node, "name")},
               {state, style_of_state(state)},
               {fmt::format("{}/{}", count_of(node, "cpus_allocated"), count_of(node, "cpus"))},
               {fmt::format("{} / {}", format_bytes(count_of(node, "memory_allocated_bytes")),
                            format_bytes(count_of(node, "memory_bytes")))},
               {gpus_of(node)},
               {fmt::format("{:.2f}", real_of(node, "load_1m"))},
               {fmt::format("{:.0f} %", real_of(node, "cpu_used_ratio") * 100)},
               {format_bytes(count_of(node, "disk_free_bytes"))},
               {notes_of(node)},
               {text_of(node, "id"), Style::dim}});
  }
  return table.empty() ? std::string("no nodes\n")
                       : table.print(session.terminal.width, session.terminal.color);
}

std::string devices_table(const Session& session, const Json& devices) {
  Table table({{.title = "GPU", .right = true},
               {.title = "MODEL", .min_width = 8},
               {.title = "MEMORY", .right = true},
               {.title = "STATE"},
               {.title = "JOB"},
               {.title = "UUID", .drop_rank = 1},
               {.title = "REASON", .min_width = 8}});
  for (const Json& device : devices)
    table.add({{std::to_string(count_of(device, "index"))},
               {text_of(device, "model")},
               {format_bytes(count_of(device, "memory_bytes"))},
               {text_of(device, "state")},
               {text_of(device, "job_id")},
               {text_of(device, "id"), Style::dim},
               {text_of(device, "reason")}});
  return table.empty() ? std::string{}
                       : "\n" + table.print(session.terminal.width, session.terminal.color);
}

Result<int> list_nodes(Session& session, bool watching) {
  if (watching)
    return watch(session, "node,job", [&]() -> Result<std::string> {
      GALLEY_TRY(const Json nodes, session.list("/api/v1/nodes", 500));
      return nodes_table(session, nodes);
    });
  GALLEY_TRY(const Json nodes, session.list("/api/v1/nodes", 500));
  if (session.flags.json) {
    session.print_json(nodes);
  } else {
    print_out(nodes_table(session, nodes));
  }
  return 0;
}

Result<int> show_node(Session& session, const std::string& name) {
  GALLEY_TRY(const Json nodes, session.list("/api/v1/nodes", 10'000));
  const Json& items = items_of(nodes);
  const auto found = std::ranges::find_if(items, [&](const Json& node) {
    return text_of(node, "name") == name || text_of(node, "id") == name;
  });
  if (found == items.end())
    return Error{
        Errc::not_found, "there is no node '" + name + "'", {}, {}, "`galley nodes` lists them"};
  if (session.flags.json) {
    session.print_json(*found);
    return 0;
  }
  const Json one{{"items", Json::array({*found})}};
  const Json& devices = child_of(*found, "devices");
  print_out(nodes_table(session, one) +
            (devices.is_array() ? devices_table(session, devices) : std::string{}));
  return 0;
}

}  // namespace

void add_node_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back({.name = "nodes",
                      .help = "List machines: what they offer and what is given away",
                      .group = kJobGroup,
                      .aliases = {"node"},
                      .examples = {"galley nodes", "galley nodes --watch",
                                   "galley nodes show NODE    with its GPUs",
                                   "galley nodes topology     which GPUs lie close together"},
                      .define = [&session](Options& options) -> Action {
                        auto watching = std::make_shared<bool>(false);
                        options.flag("-w,--watch", *watching, "Show every change until Ctrl-C");
                        return [&session, watching] { return list_nodes(session, *watching); };
                      },
                      .children = {{.name = "show",
                                    .help = "One machine and its GPUs",
                                    .define = [&session](Options& options) -> Action {
                                      auto name = std::make_shared<std::string>();
                                      options.positional("NODE", *name, "Name or id");
                                      return [&session, name] { return show_node(session, *name); };
                                    }},
                                   topology_command(session),
                                   health_command(session),
                                   drain_command(session),
                                   resume_command(session),
                                   join_token_command(session),
                                   remove_node_command(session)}});
}

}  // namespace galley::cli
