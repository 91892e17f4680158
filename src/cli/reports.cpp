#include <fmt/format.h>

#include "commands.h"
#include "fields.h"
#include "table.h"

namespace galley::cli {
namespace {

struct ReportOptions {
  std::string by = "team";
  std::string from = "7d";
  std::string to;
};

std::string hours(const Json& row, const char* key) {
  return fmt::format("{:.1f}", real_of(row, key));
}

std::vector<Cell> cells_of(const Json& row, const std::string& name) {
  const double idle = real_of(row, "idle_gpu_hours");
  const double allocated = real_of(row, "allocated_gpu_hours");
  const double measured = real_of(row, "measured_gpu_hours");
  const bool wasteful = measured > 0 && idle > measured / 4;
  return {{name},
          {text_of(row, "job_name")},
          {fmt::format("{:.1f}", allocated)},
          {hours(row, "used_gpu_hours")},
          {hours(row, "idle_gpu_hours"), wasteful ? Style::bad : Style::plain},
          {measured > 0 ? fmt::format("{:.0f} %", 100 * real_of(row, "utilization_ratio")) : "–"},
          {fmt::format("{:.1f}", measured)}};
}

Result<int> report_utilization(Session& session, const ReportOptions& options) {
  std::string target =
      "/api/v1/reports/utilization?by=" + encoded(options.by) + "&from=" + encoded(options.from);
  if (!options.to.empty()) target += "&to=" + encoded(options.to);
  GALLEY_TRY(const Json report, session.get(target));
  if (session.flags.json) {
    session.print_json(report);
    return 0;
  }
  const std::string title = options.by == "user" ? "USER" : options.by == "job" ? "JOB" : "TEAM";
  Table table({{.title = title, .min_width = 8},
               {.title = "NAME", .min_width = 8, .drop_rank = 2},
               {.title = "GPU HOURS HELD", .right = true},
               {.title = "USED", .right = true},
               {.title = "IDLE", .right = true},
               {.title = "UTILISATION", .right = true},
               {.title = "MEASURED", .right = true, .drop_rank = 1}});
  for (const Json& row : items_of(report)) table.add(cells_of(row, text_of(row, "name")));
  if (table.empty()) {
    session.note("no job held a GPU in that time");
    return 0;
  }
  table.add(cells_of(child_of(report, "total"), "total"));
  print_out(table.print(session.terminal.width, session.terminal.color));
  session.note(
      "used: held hours by how busy the GPUs were; idle: minutes in which they did nothing");
  return 0;
}

}  // namespace

void add_report_commands(std::vector<Command>& commands, Session& session) {
  const std::vector<std::string> examples{"galley report utilization",
                                          "galley report utilization --by user --from 30d",
                                          "galley report utilization --by job --json"};
  commands.push_back(
      {.name = "report",
       .help = "Reports: who holds GPUs, and how far they are used",
       .group = kOtherGroup,
       .aliases = {"reports"},
       .examples = examples,
       .children = {{.name = "utilization",
                     .help = "Held, used and idle GPU hours, the most idle first",
                     .aliases = {"utilisation"},
                     .examples = examples,
                     .define = [&session](Options& options) -> Action {
                       auto wanted = std::make_shared<ReportOptions>();
                       options.text("--by", wanted->by, "team|user|job", "team when absent")
                           .text("--from", wanted->from, "TIME", "A time, or how long ago: 7d")
                           .text("--to", wanted->to, "TIME", "Likewise; now when absent");
                       return [&session, wanted] { return report_utilization(session, *wanted); };
                     }}}});
}

}  // namespace galley::cli
