#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "answer_build.h"
#include "plot/page.h"
#include "profiling/catalogue.h"
#include "profiling/report.h"
#include "report_parts.h"

namespace galley::profiling {
namespace {

using plot::escaped;

std::string ratio_label(double value) { return plot::short_number(value) + "×"; }

/// One experiment's figures as ratios to the first study's: 1 is as much as it.
std::string ratio_plot(const Comparison& comparison, const std::vector<const ComparedRow*>& rows) {
  std::vector<std::string> groups;
  double most = 1;
  for (std::size_t i = 0; i < rows.size(); ++i) groups.push_back(fmt::format("{}", i + 1));
  std::vector<plot::Bars> bars;
  std::vector<NamedColour> legend;
  for (std::size_t study = 0; study < comparison.names.size(); ++study) {
    plot::Bars bar{comparison.names[study], study, {}, {}};
    for (const ComparedRow* row : rows) {
      const auto& ratio = row->studies[study].ratio;
      const bool is_first = study == 0 && row->studies[0].figure;
      const double value = ratio ? ratio->value : is_first ? 1 : 0;
      bar.values.push_back(value);
      bar.ranges.push_back(ratio ? plot::Bars::Range{ratio->low, ratio->high}
                                 : plot::Bars::Range{value, value});
      most = std::max(most, ratio ? std::min(ratio->high, ratio->value * 1.5) : value);
    }
    bars.push_back(std::move(bar));
    legend.push_back({comparison.names[study], study});
  }
  return figures_row({figure_block(
      fmt::format("As a multiple of {}'s figure; the numbers are those of the table",
                  comparison.names[0]),
      plot::bar_plot(plot::linear_axis("times the first", most * 1.05), groups, bars, ratio_label),
      legend)});
}

/// What each study answers to each question.
std::string verdict_table(const Comparison& comparison, const std::vector<Profile>& studies) {
  std::vector<std::string> order;
  std::map<std::string, std::string> questions;
  std::vector<std::map<std::string, Verdict>> verdicts;
  for (const Profile& study : studies) {
    auto& own = verdicts.emplace_back();
    for (const Answer& answer : answer_all(study)) {
      if (questions.emplace(answer.id, answer.question).second) order.push_back(answer.id);
      own[answer.id] = answer.verdict;
    }
  }
  std::string html = "<div class=wide><table class=sum><tr><th>Question";
  for (const std::string& name : comparison.names) html += fmt::format("<th>{}", escaped(name));
  for (const std::string& id : order) {
    html += fmt::format("<tr><td class=words>{}", escaped(questions[id]));
    for (const auto& own : verdicts) {
      const auto found = own.find(id);
      html += "<td>" + (found == own.end() ? std::string("–") : verdict_badge(found->second));
    }
  }
  return html + "</table></div>";
}

}  // namespace

std::string comparison_html(const Comparison& comparison, const std::vector<Profile>& studies) {
  std::string html = plot::open_page("Comparison of studies", report_style());
  html += fmt::format(
      "<h1>{} studies compared</h1><p>{}, {}. Every ratio is to {}; its interval "
      "holds the uncertainty of both.</p>",
      comparison.names.size(), comparison.same_model ? "One model" : "Several models",
      comparison.same_machine ? "one machine" : "several machines or servers",
      escaped(comparison.names.front()));
  html += notes_block(comparison.warnings);
  if (comparison.rows.empty()) html += "<p>The studies share no experiment.</p>";
  for (const ExperimentKind& kind : kExperiments) {
    std::vector<const ComparedRow*> rows;
    for (const ComparedRow& row : comparison.rows)
      if (row.experiment == kind.id) rows.push_back(&row);
    if (rows.empty()) continue;
    html += fmt::format("<section><h2 id=\"{}\">{}</h2>", escaped(kind.id), escaped(kind.title));
    std::vector<std::string> head{"", "figure"};
    head.insert(head.end(), comparison.names.begin(), comparison.names.end());
    std::vector<std::vector<std::string>> table;
    for (const ComparedRow* row : rows) {
      html += fmt::format("<p class=answer><b>{}</b> {}</p>", escaped(row->measure),
                          escaped(row->sentence));
      table.push_back({std::to_string(table.size() + 1), row->measure});
      for (std::size_t study = 0; study < row->studies.size(); ++study)
        table.back().push_back(figure_text(*row, study));
    }
    html += ratio_plot(comparison, rows) + table_block(head, table, "The figures") + "</section>";
  }
  html += "<section><h2>What each study answers</h2>" + verdict_table(comparison, studies) +
          "</section>";
  return html + "</main></html>\n";
}

std::string prediction_html(const Prediction& prediction) {
  const ModelShape& model = prediction.model;
  const std::string place =
      fmt::format("{} × {}", prediction.devices.count, prediction.devices.device);
  std::string html = plot::open_page("Prediction for " + model.name, report_style());
  html += fmt::format(
      "<h1>What {} would take on {}</h1><p>{} parameters in {}, {} blocks of width {}. Computed "
      "from {}; not measured.</p>",
      escaped(model.name), escaped(place), plot::short_number(model.parameters),
      escaped(model.format), plot::short_number(model.blocks), plot::short_number(model.hidden),
      escaped(prediction.basis));
  html += fmt::format("<p class=lead>A batch of {} with {} tokens in and {} out takes {}.</p>",
                      plot::short_number(prediction.load.batch),
                      plot::short_number(prediction.load.prompt_tokens),
                      plot::short_number(prediction.load.output_tokens),
                      escaped(in_unit(prediction.latency_ms, Unit::ms)));
  std::vector<std::vector<std::string>> rows{
      {"Time to the last token", in_unit(prediction.latency_ms, Unit::ms)},
      {"Time to the first token", in_unit(prediction.first_token_ms, Unit::ms)},
      {"Each further token", in_unit(prediction.ms_per_token, Unit::ms)},
      {"Memory of all devices", in_unit(prediction.memory_bytes, Unit::bytes)}};
  if (prediction.device_memory_bytes > 0) {
    rows.push_back({"Memory of a device", in_unit(prediction.device_memory_bytes, Unit::bytes)});
    rows.push_back({"Does it fit", prediction.fits ? "yes" : "no"});
    rows.push_back({"Largest batch that fits", in_unit(prediction.largest_batch, Unit::plain)});
  }
  if (prediction.devices_needed > 0)
    rows.push_back({"Devices needed", std::to_string(prediction.devices_needed)});
  if (prediction.price_per_hour_usd > 0)
    rows.push_back({"Price an hour", fmt::format("${:.2f}", prediction.price_per_hour_usd)});
  if (prediction.latency_error_ratio)
    rows.push_back({"Error of latency on the largest study, left out",
                    in_unit(*prediction.latency_error_ratio, Unit::share)});
  if (prediction.memory_error_ratio)
    rows.push_back({"Error of memory on the largest study, left out",
                    in_unit(*prediction.memory_error_ratio, Unit::share)});
  std::string table = "<div class=wide><table>";
  for (const auto& row : rows)
    table += fmt::format("<tr><td>{}<td>{}", escaped(row[0]), escaped(row[1]));
  html += table + "</table></div>" + notes_block(prediction.notes);
  if (!prediction.studies.empty()) html += "<h2>Fitted to</h2>" + notes_block(prediction.studies);
  return html + "</main></html>\n";
}

}  // namespace galley::profiling
