#include "profiling/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "answer_build.h"
#include "base/units.h"
#include "drift.h"
#include "plot/page.h"
#include "profiling/catalogue.h"
#include "report_parts.h"
#include "report_plots.h"

namespace galley::profiling {
namespace {

using plot::escaped;

std::string plots_of(const Experiment& experiment) {
  const std::string_view id = experiment.id;
  if (id == "narrow" || id == "wide-greedy" || id == "wide-sampled")
    return plots_of_requests(experiment);
  if (id == "one-shot" || id == "few-shot") return plots_of_batches(experiment);
  if (id == "length") return plots_of_length(experiment);
  if (id == "budget") return plots_of_budget(experiment);
  if (id == "batching") return plots_of_batching(experiment);
  if (id == "warm-up") return plots_of_warm_up(experiment);
  if (id == "differences") return plots_of_differences(experiment);
  if (id == "quality") return plots_of_quality(experiment);
  if (id == "capacity") return plots_of_capacity(experiment);
  if (id == "machine") return plots_of_machine(experiment);
  return plots_of_settings(experiment);
}

std::string facts_of(const Profile& profile) {
  const ProfiledModel& model = profile.model;
  std::vector<std::string> facts;
  if (model.parameters > 0)
    facts.push_back(plot::short_number(static_cast<double>(model.parameters)) + " parameters");
  if (model.blocks > 0 && model.hidden > 0)
    facts.push_back(fmt::format("{} blocks of width {}", model.blocks, model.hidden));
  if (!model.format.empty()) facts.push_back(model.format);
  if (model.weight_bytes > 0)
    facts.push_back(format_bytes(static_cast<std::int64_t>(model.weight_bytes)) + " of weights");
  if (model.context > 0) facts.push_back(fmt::format("a context of {} tokens", model.context));
  std::string text;
  for (const std::string& fact : facts) text += (text.empty() ? "" : ", ") + fact;
  if (!text.empty()) text += ". ";
  std::string place = profile.target.empty() ? profile.machine.name : profile.target;
  if (profile.target.empty() && !profile.machine.device.empty())
    place += ": " + profile.machine.device;
  text += fmt::format("Measured on {}", place);
  if (!profile.started_at.empty()) text += " at " + profile.started_at;
  text += fmt::format(" in {} ({} study, seed {}, workloads at scale {})",
                      format_duration(Millis{std::llround(profile.seconds * 1000)}),
                      profile.effort.empty() ? "a" : profile.effort, profile.seed,
                      plot::short_number(profile.scale));
  return text + ".";
}

/// What a reader must know of the machine before any time.
std::string machine_line(const Profile& profile) {
  const auto slowdown = largest_slowdown(profile);
  if (!slowdown) return {};
  return fmt::format(
      "<p>The machine's own speed changed during this study: at its slowest it took {} as long as "
      "in its best moments (<a href=\"#machine\">how steady it was</a>). Times that are compared "
      "with one another were measured in turns; a time that stands alone is as uncertain as "
      "that.</p>",
      in_unit(1 + *slowdown, Unit::ratio));
}

std::string_view title_of(std::string_view experiment) {
  const auto* found = std::ranges::find(kExperiments, experiment, &ExperimentKind::id);
  return found == std::end(kExperiments) ? experiment : found->title;
}

std::string summary_of(const std::vector<Answer>& answers) {
  std::string html = "<table class=sum>";
  for (const Answer& answer : answers)
    html += fmt::format("<tr><td>{}<td><a href=\"#{}\">{}</a><td class=from>{}",
                        verdict_badge(answer.verdict), escaped(answer.experiment),
                        escaped(answer.question), escaped(title_of(answer.experiment)));
  return html + "</table>";
}

std::string dollars(const std::optional<double>& value) {
  return value ? fmt::format("${:.2f}", *value) : std::string("–");
}

std::string capacity_block(const Profile& profile, const CapacityOptions& options) {
  const auto rows = capacity_table(profile, options);
  if (rows.empty()) return {};
  const bool priced = options.price_per_hour_usd > 0;
  std::vector<std::string> head{"99 % of requests within",
                                "users at once",
                                "no longer with",
                                "99 % take",
                                "tokens/s",
                                "requests/s"};
  if (priced)
    head.insert(head.end(), {"a million tokens", "a thousand requests", "a user, a month"});
  std::vector<std::vector<std::string>> table;
  std::string sentences;
  for (const CapacityRow& row : rows) {
    sentences += fmt::format("<p class=answer>{}</p>", escaped(row.sentence));
    table.push_back({in_unit(row.p99_limit_ms, Unit::ms), std::to_string(row.users),
                     row.not_enough_for ? std::to_string(*row.not_enough_for) : "not measured",
                     in_unit(row.p99_ms, Unit::ms), plot::short_number(row.tokens_per_s),
                     plot::short_number(row.requests_per_s)});
    if (priced) {
      auto& cells = table.back();
      cells.push_back(dollars(row.usd_per_million_tokens));
      cells.push_back(dollars(row.usd_per_thousand_requests));
      cells.push_back(dollars(row.usd_per_user_month));
    }
  }
  std::string html = "<h3>How many users</h3>" + sentences + table_block(head, table, "Capacity");
  if (priced) html += fmt::format("<p>At ${:.2f} an hour.</p>", options.price_per_hour_usd);
  return html;
}

}  // namespace

std::string report_html(const Profile& profile, const CapacityOptions& capacity) {
  const auto answers = answer_all(profile);
  std::string html = plot::open_page("Study of " + profile.model.name, report_style());
  html += fmt::format("<h1>What {} takes</h1><p>{}</p>", escaped(profile.model.name),
                      escaped(facts_of(profile)));
  html +=
      "<p>Every answer is computed from the figures below it, with 95 % confidence. “Cannot "
      "tell” means that the interval lies on both sides of the rule in brackets, or that others "
      "used the machine too much.</p>";
  html += machine_line(profile) + summary_of(answers);
  for (const ExperimentKind& kind : kExperiments) {
    const Experiment* experiment = profile.find(kind.id);
    if (experiment == nullptr) continue;
    html += fmt::format("<section><h2 id=\"{}\">{}</h2>", escaped(kind.id), escaped(kind.title));
    html += answers_block(answers, kind.id);
    if (experiment->rows.empty()) html += "<p>Nothing was measured here.</p>";
    html += plots_of(*experiment);
    if (kind.id == "capacity") html += capacity_block(profile, capacity);
    html += data_block(*experiment) + notes_block(experiment->notes) + "</section>";
  }
  return html + "</main></html>\n";
}

}  // namespace galley::profiling
