#include "guides.h"

#include <fmt/format.h>

#include "commands.h"
#include "eta_text.h"
#include "fields.h"
#include "protocol/job_spec.h"
#include "references.h"
#include "table.h"

namespace galley::cli {
namespace {

constexpr int kRefused = 4;

Error placed(const Draft& draft, const Error& error) {
  return draft.file != nullptr && !error.field.empty() ? locate(*draft.file, error) : error;
}

/// The reason begins with the place in the file, where there is one to blame.
Json placed_guide(const Draft& draft, Json guide) {
  const std::string field = text_of(guide, "field");
  if (draft.file == nullptr || field.empty()) return guide;
  std::string reason = text_of(guide, "reason");
  if (reason.starts_with(field + ": ")) reason.erase(0, field.size() + 2);
  guide["reason"] = locate(*draft.file, {Errc::invalid_argument, reason, field}).message;
  return guide;
}

Result<int> show_guide(Session& session, const Draft& draft, const Json& guide) {
  if (session.flags.json)
    session.print_json(guide);
  else
    print_out(guide_text(session, placed_guide(draft, guide), draft.form()));
  return is_impossible(guide) ? kRefused : 0;
}

/// The refusal as an error; what would help goes to stderr before it.
Error explained(const Session& session, const Draft& draft, Error error, const Json& guide) {
  const std::string table = alternatives_table(session, guide, draft.form());
  if (!table.empty()) print_note(table + "\n");
  error = placed(draft, error);
  if (is_impossible(guide)) error.code = Errc::forbidden;
  return error;
}

/// Our own check, whose answer is at hand and needs no server.
Result<protocol::JobSpec> check(const Draft& draft) { return protocol::parse_job_spec(draft.spec); }

/// Of amounts the server knows what would fit.
bool asks_anyway(const Draft& draft, const Error& error) {
  return protocol::is_about_amounts(draft.spec, error);
}

std::string candidates_table(const Session& session, const Json& candidates) {
  Table table({{.title = "NODE", .min_width = 8},
               {.title = "START DELAY", .right = true},
               {.title = "FRAGMENTATION", .right = true},
               {.title = "SPREAD", .right = true},
               {.title = "TOTAL", .right = true},
               {.title = "OBSTACLE", .min_width = 12}});
  for (const Json& one : candidates) {
    const bool fits = child_of(one, "fits") == true;
    const auto seconds = [&](const char* key) {
      return Cell{fits ? fmt::format("{:.1f} s", real_of(one, key)) : ""};
    };
    table.add({{text_of(one, "node_name"), fits ? Style::plain : Style::dim},
               seconds("start_delay_s"),
               seconds("fragmentation_s"),
               seconds("spread_s"),
               seconds("total_s"),
               {text_of(one, "obstacle"), Style::dim}});
  }
  return table.print(session.terminal.width, session.terminal.color);
}

std::string why_text(const Session& session, const Json& answer) {
  std::string out = plain_line(text_of(answer, "summary")) + "\n";
  const Json& lines = child_of(answer, "lines");
  if (lines.is_array())
    for (const Json& line : lines)
      if (line.is_string()) out += "  " + plain_line(line.get<std::string>()) + "\n";
  const std::string start = estimate_text(child_of(answer, "start"), session.now());
  if (!start.empty()) out += fmt::format("\n{:<8} {}\n", "starts", start);
  if (child_of(answer, "jobs_ahead").is_number_integer()) {
    const std::int64_t ahead = count_of(answer, "jobs_ahead");
    out += fmt::format("{:<8} {} waiting job{}\n", "before", ahead, ahead == 1 ? "" : "s");
  }
  const Json& candidates = child_of(answer, "candidates");
  if (candidates.is_array() && !candidates.empty())
    out += "\n" + candidates_table(session, candidates);
  const std::string help = alternatives_table(session, child_of(answer, "guide"), EditForm::fields);
  return help.empty() ? out : out + "\n" + help;
}

Result<int> why(Session& session, const std::string& name) {
  GALLEY_TRY(const std::string id, resolve_job(session, name));
  GALLEY_TRY(const Json answer, session.get("/api/v1/jobs/" + id + "/why"));
  if (session.flags.json) {
    session.print_json(answer);
    return 0;
  }
  std::string out = why_text(session, answer);
  // Of one that runs people ask when it ends.
  if (const auto job = session.get("/api/v1/jobs/" + id)) {
    const Json& eta = child_of(*job, "eta");
    for (const std::string& line :
         {eta_sentence(eta, session.now()), eta_target(eta, session.now())})
      if (!line.empty()) out += "  " + plain_line(line) + "\n";
  }
  print_out(out);
  return 0;
}

}  // namespace

Result<int> dry_run(Session& session, const Draft& draft) {
  const auto checked = check(draft);
  if (!checked && !asks_anyway(draft, checked.error())) return placed(draft, checked.error());
  const auto guide = session.post("/api/v1/jobs/guide", draft.spec);
  if (!guide) return placed(draft, checked ? guide.error() : checked.error());
  return show_guide(session, draft, *guide);
}

Result<Json> submit_draft(Session& session, const Draft& draft) {
  const auto checked = check(draft);
  if (!checked && !asks_anyway(draft, checked.error())) return placed(draft, checked.error());
  auto answer = session.post_once("/api/v1/jobs", draft.spec);
  if (answer) return answer;
  const Json guide = child_of(session.problem(), "guide");
  if (guide.is_object()) return explained(session, draft, std::move(answer).error(), guide);
  return placed(draft, checked ? answer.error() : checked.error());
}

void note_wait(Session& session, const std::string& id) {
  const auto guide = session.get("/api/v1/jobs/" + id + "/guide");
  if (!guide) return;
  if (const std::string line = guide_line(session, *guide); !line.empty()) {
    const bool helps = !child_of(*guide, "alternatives").empty();
    session.note(fmt::format(
        "{}{}", line,
        helps ? fmt::format("; `galley why {}` says what would help", id) : std::string{}));
  }
}

void add_why_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "why",
       .help = "Why a job waits, when it starts and what would help; or what happened to it",
       .group = kJobGroup,
       .examples = {"galley why last", "galley why JOB --json"},
       .define = [&session](Options& options) -> Action {
         auto job = std::make_shared<std::string>();
         options.positional("JOB", *job, "Id of the job, its beginning or end, or last");
         return [&session, job] { return why(session, *job); };
       }});
}

}  // namespace galley::cli
