#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include "commands.h"
#include "fields.h"
#include "table.h"

namespace galley::cli {
namespace {

constexpr std::chrono::seconds kHandoverPatience{15};
constexpr std::chrono::milliseconds kAskEvery{50};

Style style_of_role(const std::string& role) {
  return role == "leader" ? Style::good : role == "gone" ? Style::bad : Style::plain;
}

/// "accepted nothing for 2.4 s this month; 3.1 s of the 600 s of two years are used"
std::string service_line(const Json& availability) {
  const Json& months = items_of(availability);
  const double now_s = months.empty() ? 0 : real_of(months.front(), "down_s");
  return fmt::format(
      "accepted nothing for {:.1f} s this month; {:.1f} s of the {:.0f} s of {} months are used\n",
      now_s, real_of(availability, "budget_used_s"), real_of(availability, "budget_s"),
      count_of(availability, "budget_months"));
}

Result<int> list_controllers(Session& session) {
  GALLEY_TRY(Json all, session.list("/api/v1/controllers", 500));
  // An older server does not know.
  const auto availability = session.get("/api/v1/availability");
  if (session.flags.json) {
    if (availability) all["availability"] = *availability;
    session.print_json(all);
    return 0;
  }
  Table table({{.title = "NAME", .min_width = 8},
               {.title = "ROLE"},
               {.title = "EPOCH", .right = true},
               {.title = "LAG", .right = true},
               {.title = "VERSION", .drop_rank = 2},
               {.title = "STARTED", .drop_rank = 3},
               {.title = "URL", .min_width = 12, .drop_rank = 1}});
  for (const Json& one : items_of(all)) {
    const std::string role = text_of(one, "role");
    const bool leads = role == "leader";
    table.add({{text_of(one, "name")},
               {role, style_of_role(role)},
               {leads ? std::to_string(count_of(one, "epoch")) : ""},
               {role == "standby" ? fmt::format("{} events", count_of(one, "lag_events")) : ""},
               {text_of(one, "version")},
               {text_of(one, "started_at")},
               {text_of(one, "url")}});
  }
  print_out(table.print(session.terminal.width, session.terminal.color));
  if (availability) print_out(service_line(*availability));
  return 0;
}

/// The name of the leader, once it answers.
std::string leader_now(Session& session) {
  const auto all = session.list("/api/v1/controllers", 500);
  if (!all) return {};
  for (const Json& one : items_of(*all))
    if (text_of(one, "role") == "leader") return text_of(one, "name");
  return {};
}

Result<int> hand_over(Session& session, const std::string& to) {
  using Steady = std::chrono::steady_clock;
  const auto begin = Steady::now();
  GALLEY_TRY(const Json asked, session.post("/api/v1/controllers/handover", Json{{"to", to}}));
  const std::string successor = text_of(asked, "to");
  while (leader_now(session) != successor) {
    if (Steady::now() - begin > kHandoverPatience)
      return Error{Errc::timeout,
                   successor + " was asked to lead and does not yet",
                   {},
                   {},
                   "`galley controllers` shows who leads; its log says why"};
    std::this_thread::sleep_for(kAskEvery);
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begin);
  if (session.flags.json)
    session.print_json(Json{{"leader", successor}, {"took_ms", took.count()}});
  else
    print_out(fmt::format("{} leads now, after {} ms\n", successor, took.count()));
  return 0;
}

}  // namespace

void add_controller_commands(std::vector<Command>& commands, Session& session) {
  Command handover{.name = "handover",
                   .help = "Move the lead to another controller, without a pause",
                   .examples = {"galley controllers handover", "galley controllers handover rack2"},
                   .define = [&session](Options& options) -> Action {
                     auto to = std::make_shared<std::string>();
                     options.optional_positional("NAME", *to, "Who is to lead; any that stands by");
                     return [&session, to] { return hand_over(session, *to); };
                   }};
  commands.push_back({.name = "controllers",
                      .help = "Who leads this installation, and who stands by",
                      .group = kJobGroup,
                      .examples = {"galley controllers", "galley controllers handover"},
                      .define = [&session](Options&) -> Action {
                        return [&session] { return list_controllers(session); };
                      },
                      .children = {std::move(handover)}});
}

}  // namespace galley::cli
