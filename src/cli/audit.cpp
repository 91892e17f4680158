#include "commands.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

struct AuditOptions {
  std::string filter;
  std::int64_t limit = 50;
};

Result<int> list_audit(Session& session, const AuditOptions& options) {
  std::string target = "/api/v1/audit";
  if (!options.filter.empty()) target += "?filter=" + encoded(options.filter);
  GALLEY_TRY(const Json rows, session.list(target, options.limit));
  if (session.flags.json) {
    session.print_json(rows);
    return 0;
  }
  Table table({{.title = "WHEN"},
               {.title = "WHO", .min_width = 8},
               {.title = "ACTION"},
               {.title = "SUBJECT", .min_width = 16},
               {.title = "FROM", .drop_rank = 1},
               {.title = "REQUEST", .drop_rank = 2}});
  for (const Json& row : items_of(rows))
    table.add({{relative_time(text_of(row, "at"), session.now())},
               {text_of(row, "principal")},
               {text_of(row, "action")},
               {text_of(row, "subject")},
               {text_of(row, "address"), Style::dim},
               {text_of(row, "request_id"), Style::dim}});
  if (table.empty())
    session.note("nothing was changed that fits");
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

}  // namespace

void add_audit_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "audit",
       .help = "Who changed what, newest first",
       .group = kOtherGroup,
       .examples = {"galley audit", R"(galley audit --filter 'principal = "ada"')",
                    R"(galley audit --filter 'action = "channel.deploy" and at >= "2026-12-01"')"},
       .define = [&session](Options& options) -> Action {
         auto wanted = std::make_shared<AuditOptions>();
         options.text("--filter", wanted->filter, "CONDITION", R"(Such as action = "job.cancel")")
             .number("--limit", wanted->limit, "N", "At most this many; 50 when absent");
         return [&session, wanted] { return list_audit(session, *wanted); };
       }});
}

}  // namespace galley::cli
