#include "report_parts.h"

#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "plot/page.h"

namespace galley::profiling {
namespace {

using plot::escaped;

constexpr std::size_t kShortTable = 8;

constexpr const char* kStyle = R"(
h2{font-size:20px;margin:44px 0 8px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:16px;margin:22px 0 6px}
.answer{margin:0 0 8px;max-width:84ch;color:var(--ink)}
.answer .rule{color:var(--dim);font-size:13px}
.badge{display:inline-block;min-width:5.6em;text-align:center;border-radius:4px;padding:0 8px;margin-right:8px;
font-size:13px;font-weight:650;border:1px solid currentColor;white-space:nowrap}
.badge.yes{color:var(--c2)}.badge.no{color:var(--c1)}.badge.unsure{color:var(--dim)}
.sum{border-collapse:collapse;width:100%}.sum td{text-align:left;white-space:normal;vertical-align:top}
.sum td:first-child{width:1%;white-space:nowrap}.sum .from{color:var(--dim);font-size:13px}
@media(max-width:560px){.sum .from{display:none}}
a{color:var(--c0);text-decoration:none}a:hover{text-decoration:underline}
figure{margin:10px 0 6px;min-width:0}figcaption{color:var(--dim);font-size:14px}
.pair{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:6px 28px}
details{margin:6px 0}summary{cursor:pointer;color:var(--c0)}
.scroll{overflow:auto;max-height:420px}td.words,th.words{text-align:left;white-space:normal;min-width:16em}
.scroll th{position:sticky;top:0;background:var(--bg)}
.meanings{font-size:13px;margin:4px 0}
.notes{color:var(--dim);font-size:14px;margin:6px 0;padding-left:20px;max-width:84ch}
td.words{overflow-wrap:anywhere}
@media print{.scroll{max-height:none;overflow:visible}details::details-content{content-visibility:visible;block-size:auto}
summary{list-style:none}figure{break-inside:avoid}h2{break-after:avoid}}
)";

/// Words wrap, figures do not.
bool is_long(std::string_view text) { return text.size() > 28; }

/// The sentence without its opening, which the badge shows.
std::string behind_verdict(const Answer& answer) {
  const std::string_view opening = ": ";
  const auto at = answer.sentence.find(opening);
  std::string text =
      at == std::string::npos ? answer.sentence : answer.sentence.substr(at + opening.size());
  // Only letters of ASCII begin our sentences; names of settings stay as they are.
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

std::string head_text(std::string_view column) {
  std::string text(column);
  for (char& c : text)
    if (c == '_') c = ' ';
  return text;
}

std::string fold(std::string table, std::size_t rows, std::string_view summary) {
  table = "<div class=\"wide scroll\" tabindex=0>" + std::move(table) + "</div>";
  if (rows <= kShortTable) return table;
  return fmt::format("<details><summary>{} ({} rows)</summary>{}</details>", escaped(summary), rows,
                     table);
}

}  // namespace

std::string_view report_style() { return kStyle; }

std::string verdict_badge(Verdict verdict) {
  const char* name = verdict == Verdict::yes ? "yes" : verdict == Verdict::no ? "no" : "unsure";
  return fmt::format("<span class=\"badge {}\">{}</span>", name, to_string(verdict));
}

std::string answers_block(std::span<const Answer> answers, std::string_view experiment) {
  std::string html;
  for (const Answer& answer : answers) {
    if (answer.experiment != experiment) continue;
    html += fmt::format("<p class=answer>{}<b>{}</b> {} <span class=rule>[{}]</span></p>",
                        verdict_badge(answer.verdict), escaped(answer.question),
                        escaped(behind_verdict(answer)), escaped(answer.rule));
  }
  return html;
}

std::string figure_block(std::string_view caption, const std::string& svg,
                         const std::vector<NamedColour>& legend) {
  std::string html = fmt::format("<figure><figcaption>{}</figcaption>{}", escaped(caption), svg);
  if (legend.size() > 1) {
    html += "<div class=legend>";
    for (const NamedColour& one : legend)
      html += fmt::format("<span><i class=k{}></i>{}</span>", one.colour % plot::kColours,
                          escaped(one.name));
    html += "</div>";
  }
  return html + "</figure>";
}

std::string figures_row(const std::vector<std::string>& figures) {
  std::string html = "<div class=pair>";
  for (const std::string& figure : figures) html += figure;
  return html + "</div>";
}

std::string table_block(const std::vector<std::string>& head,
                        const std::vector<std::vector<std::string>>& rows,
                        std::string_view summary) {
  // A column of words is one from head to foot.
  std::vector<bool> words(head.size(), false);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size() && i < words.size(); ++i)
      words[i] = words[i] || is_long(row[i]);
  const auto mark = [&words](std::size_t column) {
    return column < words.size() && words[column] ? " class=words" : "";
  };
  std::string table = "<table><tr>";
  for (std::size_t i = 0; i < head.size(); ++i)
    table += fmt::format("<th{}>{}", mark(i), escaped(head[i]));
  for (const auto& row : rows) {
    table += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      table += fmt::format("<td{}>{}", mark(i), escaped(row[i]));
  }
  return fold(table + "</table>", rows.size(), summary);
}

std::string cell_text(const Cell& cell, std::string_view column) {
  if (const auto* word = std::get_if<std::string>(&cell)) return *word;
  const auto* value = std::get_if<double>(&cell);
  if (value == nullptr) return "–";
  constexpr double kMostBytes = 4e18;
  if (column.ends_with("_bytes") && *value >= 0 && *value < kMostBytes)
    return format_bytes(std::llround(*value));
  return plot::short_number(*value);
}

std::string data_block(const Experiment& experiment) {
  if (experiment.rows.empty()) return {};
  std::vector<std::string> head;
  for (const Column& column : experiment.columns) head.push_back(head_text(column.name));
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : experiment.rows) {
    auto& cells = rows.emplace_back();
    for (std::size_t i = 0; i < row.size() && i < experiment.columns.size(); ++i)
      cells.push_back(cell_text(row[i], experiment.columns[i].name));
  }
  std::string meanings;
  for (const Column& column : experiment.columns)
    if (!column.help.empty())
      meanings += fmt::format("{}<b>{}</b> {}", meanings.empty() ? "" : "; ",
                              escaped(head_text(column.name)), escaped(column.help));
  return table_block(head, rows, "The figures") +
         (meanings.empty() ? "" : "<p class=meanings>" + meanings + ".</p>");
}

std::string notes_block(const std::vector<std::string>& notes) {
  if (notes.empty()) return {};
  std::string html = "<ul class=notes>";
  for (const std::string& note : notes) html += fmt::format("<li>{}", escaped(note));
  return html + "</ul>";
}

}  // namespace galley::profiling
