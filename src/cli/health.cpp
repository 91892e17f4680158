#include "health.h"

#include <fmt/format.h>

#include <memory>

#include "base/units.h"
#include "fields.h"
#include "table.h"
#include "terminal.h"
#include "when.h"

namespace galley::cli {
namespace {

struct DrainOptions {
  std::string node;
  std::int64_t gpu = -1;
  std::string reason;
  std::string duration;
};

struct ResumeOptions {
  std::string node;
  std::int64_t gpu = -1;
  bool force = false;
};

std::string subject_of(const Json& record) {
  const bool is_gpu = !text_of(record, "gpu").empty();
  return is_gpu ? fmt::format("  GPU {}", count_of(record, "index")) : text_of(record, "node");
}

std::string why(const Json& record) {
  const std::string reason = text_of(record, "reason");
  if (reason.empty() || reason == "none") {
    const auto notes = count_of(record, "notes");
    return notes == 0 ? ""
                      : fmt::format("{} faults of programs, last: {}", notes,
                                    text_of(record, "last_note"));
  }
  return reason + ": " + text_of(record, "evidence");
}

void print_health(const Session& session, const Json& records) {
  Table table({{.title = "NODE / GPU", .min_width = 8},
               {.title = "STATE"},
               {.title = "SINCE", .drop_rank = 2},
               {.title = "OWNER", .drop_rank = 3},
               {.title = "WHY", .min_width = 16},
               {.title = "NEXT", .min_width = 12, .drop_rank = 1}});
  for (const Json& record : items_of(records)) {
    const std::string state = text_of(record, "state");
    const Style style =
        state == "ok" ? Style::plain : style_of_state(state == "suspect" ? "queued" : "failed");
    table.add({{subject_of(record)},
               {child_of(record, "quarantined") == true ? state + " (quarantine)" : state, style},
               {relative_time(text_of(record, "since"), session.now())},
               {text_of(record, "owner")},
               {why(record)},
               {text_of(record, "next")}});
  }
  print_out(table.empty() ? std::string("no nodes\n")
                          : table.print(session.terminal.width, session.terminal.color));
}

Result<int> show(const Session& session, const Json& records) {
  if (session.flags.json)
    session.print_json(records);
  else
    print_health(session, records);
  return 0;
}

Result<int> show_health(Session& session, const std::string& node) {
  GALLEY_TRY(
      const Json records,
      session.get(node.empty() ? "/api/v1/health" : "/api/v1/nodes/" + encoded(node) + "/health"));
  return show(session, records);
}

Result<int> drain(Session& session, const DrainOptions& options) {
  Json body{{"reason", options.reason}};
  if (options.reason.empty())
    return Error{Errc::invalid_argument, "a drain without a reason helps nobody", "--reason",
                 "a sentence for whoever asks"};
  if (options.gpu >= 0) body["gpu"] = options.gpu;
  if (!options.duration.empty()) {
    GALLEY_TRY(const Millis duration, parse_duration(options.duration));
    body["duration_s"] = static_cast<double>(duration.count()) / 1e3;
  }
  GALLEY_TRY(const Json records,
             session.post("/api/v1/nodes/" + encoded(options.node) + "/drain", body));
  return show(session, records);
}

Result<int> resume(Session& session, const ResumeOptions& options) {
  Json body{{"force", options.force}};
  if (options.gpu >= 0) body["gpu"] = options.gpu;
  GALLEY_TRY(const Json records,
             session.post("/api/v1/nodes/" + encoded(options.node) + "/resume", body));
  return show(session, records);
}

}  // namespace

Command health_command(Session& session) {
  return {.name = "health",
          .help = "Why a machine or GPU is in or out of service, and what happens next",
          .examples = {"galley nodes health", "galley nodes health NODE --json"},
          .define = [&session](Options& options) -> Action {
            auto node = std::make_shared<std::string>();
            options.optional_positional("NODE", *node, "Name or id; all when absent");
            return [&session, node] { return show_health(session, *node); };
          }};
}

Command drain_command(Session& session) {
  return {.name = "drain",
          .help = "No new work on a machine or GPU; what runs may finish",
          .examples = {"galley nodes drain NODE --reason 'new cooler' --for 2h",
                       "galley nodes drain NODE --gpu 3 --reason 'looks slow'"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<DrainOptions>();
            options.positional("NODE", wanted->node, "Name or id")
                .number("--gpu", wanted->gpu, "NUMBER", "That GPU alone, by the driver's number")
                .text("--reason", wanted->reason, "TEXT", "Why, for whoever asks")
                .text("--for", wanted->duration, "DURATION", "It ends by itself after this");
            return [&session, wanted] { return drain(session, *wanted); };
          }};
}

Command resume_command(Session& session) {
  return {.name = "resume",
          .help = "Back to work; what is faulty must pass its self-test first",
          .examples = {"galley nodes resume NODE", "galley nodes resume NODE --gpu 3 --force"},
          .define = [&session](Options& options) -> Action {
            auto wanted = std::make_shared<ResumeOptions>();
            options.positional("NODE", wanted->node, "Name or id")
                .number("--gpu", wanted->gpu, "NUMBER", "That GPU alone, by the driver's number")
                .flag("--force", wanted->force, "Without a self-test");
            return [&session, wanted] { return resume(session, *wanted); };
          }};
}

}  // namespace galley::cli
