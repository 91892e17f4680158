#include "estimate_report.h"

#include <fmt/format.h>

#include "base/json.h"
#include "table.h"

namespace galley::cli {
namespace {

double report_number(const Json& of, const char* key) {
  const auto found = of.find(key);
  return found != of.end() && found->is_number() ? found->get<double>() : 0;
}

std::string report_text(const Json& of, const char* key) {
  const auto found = of.find(key);
  return found != of.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& report_list(const Json& of, const char* key) {
  static const Json kNone = Json::array();
  const auto found = of.find(key);
  return found != of.end() && found->is_array() ? *found : kNone;
}

/// Relative error that so many percent of the records stay below; the list has one for every five.
std::string cdf_text(const Json& model, std::size_t percent) {
  const Json& cdf = report_list(model, "error_pct_cdf");
  const std::size_t at = percent / 5;
  if (at >= cdf.size() || !cdf[at].is_number()) return "";
  return fmt::format("{:.1f}", cdf[at].get<double>());
}

void print_compared(const Session& session, const Json& table) {
  Table out({{.title = "MODEL"},
             {.title = "FEATURES"},
             {.title = "PHYSICS"},
             {.title = "MDAPE %", .right = true},
             {.title = "MAPE %", .right = true},
             {.title = "R2", .right = true},
             {.title = "P25 %", .right = true, .drop_rank = 3},
             {.title = "P75 %", .right = true, .drop_rank = 2},
             {.title = "P95 %", .right = true},
             {.title = "SETTINGS", .min_width = 12, .drop_rank = 4}});
  for (const Json& model : report_list(table, "models")) {
    if (!model.is_object()) continue;
    std::string settings = report_text(model, "settings");
    const auto tried = report_list(model, "tried").size();
    if (tried > 1) settings += fmt::format(" (of {} tried)", tried);
    out.add({{report_text(model, "model")},
             {report_text(model, "features")},
             {report_text(model, "physics")},
             {fmt::format("{:.2f}", report_number(model, "mdape_pct"))},
             {fmt::format("{:.2f}", report_number(model, "mape_pct"))},
             {fmt::format("{:.3f}", report_number(model, "r2"))},
             {cdf_text(model, 25)},
             {cdf_text(model, 75)},
             {cdf_text(model, 95)},
             {settings}});
  }
  print_out(fmt::format("\n{}: {:.0f} records, {:.0f} folds\n", report_text(table, "name"),
                        report_number(table, "records"), report_number(table, "folds")));
  print_out(out.print(session.terminal.width, session.terminal.color));
}

}  // namespace

Result<int> print_estimator_report(const Session& session, std::string_view model_json) {
  GALLEY_TRY(const Json model, parse_json(model_json));
  if (!model.is_object() || report_list(model, "report").empty())
    return Error{.code = Errc::not_found,
                 .message = "this estimator carries no report of how models compare",
                 .field = {},
                 .expected = {},
                 .hint = "measure it: galley estimate report --data DIR"};
  const Json& tables = report_list(model, "report");
  if (session.flags.json) {
    session.print_json({{"items", tables}});
    return 0;
  }
  print_out(
      "Relative errors of step times by cross-validation: records that measure one configuration\n"
      "are never on both sides of a split. P25, P75, P95: a quarter of the records, three "
      "quarters,\n"
      "… are off by no more. \"physics\": the model learns what the physics leaves.\n");
  for (const Json& table : tables)
    if (table.is_object()) print_compared(session, table);
  return 0;
}

}  // namespace galley::cli
