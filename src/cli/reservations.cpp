#include <fmt/format.h>

#include "base/units.h"
#include "commands.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct ReserveOptions {
  std::string team;
  std::string at;
  std::string duration;
  std::string gpu_type;
  std::string memory;
  std::int64_t gpus = 0;
  std::int64_t cpus = 1;
  std::int64_t nodes = 1;
};

std::string size_text(const Json& resources) {
  const std::int64_t gpus = count_of(resources, "gpus");
  const std::int64_t nodes = count_of(resources, "nodes");
  const std::string type = text_of(resources, "gpu_type");
  std::string text = gpus > 0 ? fmt::format("{} {}", gpus, type.empty() ? "GPU" : type)
                              : fmt::format("{} CPU", count_of(resources, "cpus"));
  if (gpus > 1 && type.empty()) text += 's';
  return nodes > 1 ? fmt::format("{} on each of {} nodes", text, nodes) : text;
}

Result<int> list_reservations(Session& session) {
  GALLEY_TRY(const Json all, session.get("/api/v1/reservations"));
  if (session.flags.json) {
    session.print_json(all);
    return 0;
  }
  Table table({{.title = "ID"},
               {.title = "TEAM", .min_width = 8},
               {.title = "STATE"},
               {.title = "WHAT", .min_width = 10},
               {.title = "FROM"},
               {.title = "FOR", .right = true},
               {.title = "BY", .drop_rank = 1}});
  for (const Json& one : items_of(all)) {
    const std::string state = text_of(one, "state");
    const auto length = Millis{static_cast<std::int64_t>(real_of(one, "duration") * 1e3)};
    table.add({{text_of(one, "id")},
               {text_of(one, "team")},
               {state, state == "active" ? Style::good : Style::plain},
               {size_text(child_of(one, "resources"))},
               {relative_time(text_of(one, "start_at"), session.now())},
               {format_duration(length)},
               {text_of(one, "principal"), Style::dim}});
  }
  if (table.empty())
    session.note("no reservations; `galley reserve --gpus 8 --for 6h` makes one");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

Result<int> reserve(Session& session, const ReserveOptions& options) {
  if (options.duration.empty())
    return Error{Errc::invalid_argument,
                 "galley reserve: for how long?",
                 {},
                 "--for TIME",
                 "galley reserve --gpus 8 --for 6h"};
  WallTime start = session.now();
  if (!options.at.empty()) {
    GALLEY_TRY(start, parse_time_here("--at", options.at));
  }
  Json body{
      {"resources", {{"gpus", options.gpus}, {"cpus", options.cpus}, {"nodes", options.nodes}}},
      {"start_at", to_rfc3339(start)},
      {"duration", options.duration}};
  if (!options.gpu_type.empty()) body["resources"]["gpu_type"] = options.gpu_type;
  if (!options.memory.empty()) body["resources"]["memory"] = options.memory;
  if (!options.team.empty()) body["team"] = options.team;
  GALLEY_TRY(const Json made, session.post("/api/v1/reservations", body));
  if (session.flags.json) {
    session.print_json(made);
    return 0;
  }
  const std::string id = text_of(made, "id");
  print_out(id + "\n");
  session.note(fmt::format("{} for team {}, {}; jobs with `reservation: {}` run there",
                           size_text(child_of(made, "resources")), text_of(made, "team"),
                           relative_time(text_of(made, "start_at"), session.now()), id));
  return 0;
}

Result<int> cancel_reservation(Session& session, const std::string& id) {
  GALLEY_TRY_STATUS(session.remove("/api/v1/reservations/" + encoded(id)));
  session.note(id + " is given up");
  return 0;
}

Action define_reserve(Session& session, Options& options) {
  auto wanted = std::make_shared<ReserveOptions>();
  options.text("--team", wanted->team, "TEAM", "Whose jobs may run there")
      .number("--gpus", wanted->gpus, "N", "GPUs of each node")
      .text("--gpu-type", wanted->gpu_type, "WORDS", "In the GPU's name, such as H100")
      .number("--nodes", wanted->nodes, "N", "Nodes; 1 when absent")
      .number("--cpus", wanted->cpus, "N", "Processors of each node; 1 when absent")
      .text("--memory", wanted->memory, "SIZE", "Of each node, such as 64GiB")
      .text("--at", wanted->at, "TIME", "From when on; 2026-12-01T09:00 is here; now when absent")
      .text("--for", wanted->duration, "TIME", "For how long, such as 6h");
  return [&session, wanted] { return reserve(session, *wanted); };
}

}  // namespace

void add_reservation_commands(std::vector<Command>& commands, Session& session) {
  const auto list = [&session](Options&) -> Action {
    return [&session] { return list_reservations(session); };
  };
  const auto make = [&session](Options& options) { return define_reserve(session, options); };
  const std::vector<std::string> examples{
      "galley reserve --team nlp --gpus 8 --nodes 2 --at 2026-12-01T09:00 --for 6h",
      "galley reserve --gpus 1 --for 2h         from now on"};
  commands.push_back({.name = "reserve",
                      .help = "Set GPUs aside for a team, from a time on",
                      .group = kJobGroup,
                      .examples = examples,
                      .define = make});
  commands.push_back(
      {.name = "reservations",
       .help = "What is set aside for whom and when",
       .group = kJobGroup,
       .aliases = {"reservation"},
       .examples = {"galley reservations", "galley reservations cancel ID", examples.front()},
       .define = list,
       .children = {
           {.name = "list", .help = "All reservations", .define = list},
           {.name = "make", .help = "As galley reserve", .examples = examples, .define = make},
           {.name = "cancel",
            .help = "Give one up",
            .define = [&session](Options& options) -> Action {
              auto id = std::make_shared<std::string>();
              options.positional("ID", *id, "Of the reservation");
              return [&session, id] { return cancel_reservation(session, *id); };
            }}}});
}

}  // namespace galley::cli
