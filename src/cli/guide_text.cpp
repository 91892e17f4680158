#include "guide_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "estimate_table.h"
#include "fields.h"
#include "table.h"
#include "when.h"

namespace galley::cli {
namespace {

/// Options of `galley run` by the field that each sets.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kOptions{
    {{"resources.gpus", "--gpus"},
     {"resources.gpu_type", "--gpu-type"},
     {"resources.gpu_milli", "--gpu-milli"},
     {"resources.gpu_memory", "--gpu-memory"},
     {"resources.cpus", "--cpus"},
     {"resources.memory", "--memory"},
     {"resources.nodes", "--nodes"},
     {"priority_class", "--class"},
     {"team", "--team"},
     {"start_at", "--start-at"},
     {"reservation", "--reservation"}}};

std::string option_of(std::string_view field) {
  const auto found =
      std::ranges::find(kOptions, field, [](const auto& pair) { return pair.first; });
  return found == kOptions.end() ? std::string(field) : std::string(found->second);
}

/// The value of an edit as people write it: texts without quotes.
std::string value_text(const std::string& json_text) {
  const auto value = parse_json(json_text);
  return value && value->is_string() ? value->get<std::string>() : json_text;
}

std::string edits_text(const Json& edits, EditForm form) {
  std::string text;
  if (!edits.is_object()) return text;
  for (const auto& [field, value] : edits.items()) {
    const std::string wanted = value.is_string() ? value.get<std::string>() : dump_json(value);
    const bool gone = wanted == "null";
    if (form == EditForm::options) {
      const std::string shown = value_text(wanted);
      const bool quote = shown.find(' ') != std::string::npos;
      text += text.empty() ? "" : " ";
      text += gone ? fmt::format("no {}", option_of(field))
                   : fmt::format("{0} {2}{1}{2}", option_of(field), shown, quote ? "'" : "");
    } else {
      text += text.empty() ? "" : ", ";
      text += gone ? fmt::format("no {}", field) : fmt::format("{}: {}", field, value_text(wanted));
    }
  }
  return text;
}

std::string when(const Json& start, const char* key, WallTime now) {
  const auto time = parse_rfc3339(text_of(start, key));
  return time ? relative_time(std::max(*time, now), now) : std::string{};
}

std::string without_in(std::string text) { return text.starts_with("in ") ? text.substr(3) : text; }

/// "now", or "in 2 h to 5 h"; empty when both ends read the same.
std::string interval_text(const Json& start, WallTime now) {
  const std::string early = when(start, "early_at", now);
  const std::string late = when(start, "late_at", now);
  if (early == late || late.empty()) return {};
  // A start in less than two seconds reads "just now".
  return fmt::format("{} to {}", early == "just now" ? "now" : early, without_in(late));
}

/// "4 h 10 min, $12.40"; empty without an estimate.
std::string takes_text(const Json& of) {
  const Json& estimate = child_of(of, "estimate");
  const std::string runtime = seconds_text(real_of(child_of(estimate, "runtime_s"), "p50"));
  if (runtime.empty() || !child_of(estimate, "cost_usd").is_number()) return runtime;
  return runtime + ", " + money_text(real_of(estimate, "cost_usd"));
}

}  // namespace

bool is_impossible(const Json& guide) { return text_of(guide, "binding") == "impossible"; }

std::string estimate_text(const Json& start, WallTime now) {
  std::string typical = when(start, "typical_at", now);
  if (typical == "just now") typical = "now";
  const std::string interval = interval_text(start, now);
  return interval.empty() ? typical : fmt::format("{} ({})", typical, interval);
}

std::string alternatives_table(const Session& session, const Json& guide, EditForm form) {
  const Json& alternatives = child_of(guide, "alternatives");
  if (!alternatives.is_array() || alternatives.empty()) return {};
  Table table({{.title = "WHAT WOULD HELP", .min_width = 16},
               {.title = "STARTS"},
               {.title = "LIKELY", .drop_rank = 1},
               {.title = "TAKES", .drop_rank = 2},
               {.title = form == EditForm::fields ? "IN THE FILE" : "OPTIONS"}});
  for (const Json& one : alternatives) {
    const bool now = child_of(one, "starts_now") == true;
    const Json& start = child_of(one, "start");
    const std::string typical = when(start, "typical_at", session.now());
    table.add({{text_of(one, "change")},
               {now || typical == "just now" ? "now" : typical, now ? Style::good : Style::plain},
               {now ? "" : interval_text(start, session.now()), Style::dim},
               {takes_text(one)},
               {edits_text(child_of(one, "edits"), form)}});
  }
  return table.print(session.terminal.width, session.terminal.color);
}

std::string guide_text(const Session& session, const Json& guide, EditForm form) {
  std::string out;
  const std::string reason = plain_line(text_of(guide, "reason"));
  const std::string start = estimate_text(child_of(guide, "start"), session.now());
  if (child_of(guide, "starts_now") == true) {
    out += "It starts at once.\n";
  } else {
    const bool never = is_impossible(guide);
    out += fmt::format("{:<7} {}\n", never ? "never" : "waits", reason);
    if (!start.empty()) out += fmt::format("{:<7} {}\n", "starts", start);
  }
  if (const std::string takes = takes_text(guide); !takes.empty()) {
    const Json& runtime = child_of(child_of(guide, "estimate"), "runtime_s");
    const bool seen = text_of(child_of(guide, "estimate"), "source") == "history";
    out += fmt::format("{:<7} {} ({} to {}){}\n", "takes", takes,
                       seconds_text(real_of(runtime, "p10")), seconds_text(real_of(runtime, "p90")),
                       seen ? ", as earlier runs of it" : "");
  }
  const std::string table = alternatives_table(session, guide, form);
  if (!table.empty()) out += "\n" + table;
  return out;
}

std::string guide_line(const Session& session, const Json& guide) {
  if (child_of(guide, "starts_now") == true || text_of(guide, "reason").empty()) return {};
  const std::string start = estimate_text(child_of(guide, "start"), session.now());
  return fmt::format("it waits: {}{}{}", plain_line(text_of(guide, "reason")),
                     start.empty() ? "" : "; expected to start ", start);
}

}  // namespace galley::cli
