#include "estimate_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "fields.h"
#include "table.h"
#include "when.h"

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

/// The relative error at each share of the records, and what each setting came to.
void print_distributions(const Session& session, const Json& table) {
  constexpr std::array<std::size_t, 9> kShares{5, 10, 25, 50, 75, 80, 90, 95, 100};
  std::vector<Column> columns{{.title = "ERROR % OF"}, {.title = "FEATURES"}, {.title = "PHYSICS"}};
  for (const std::size_t share : kShares)
    columns.push_back({.title = fmt::format("{} %", share), .right = true});
  Table cdf(columns);
  for (const Json& model : report_list(table, "models")) {
    if (!model.is_object()) continue;
    std::vector<Cell> cells{{report_text(model, "model")},
                            {report_text(model, "features")},
                            {report_text(model, "physics")}};
    for (const std::size_t share : kShares) cells.push_back({cdf_text(model, share)});
    cdf.add(std::move(cells));
  }
  print_out("\n" + cdf.print(session.terminal.width, session.terminal.color));
  print_out("\nSettings tried, with their MAPE on the first fold:\n");
  for (const Json& model : report_list(table, "models")) {
    if (!model.is_object()) continue;
    for (const Json& tried : report_list(model, "tried"))
      if (tried.is_string())
        print_out(fmt::format("  {}, {} features, {} physics: {}\n", report_text(model, "model"),
                              report_text(model, "features"),
                              report_text(model, "physics") == "yes" ? "with" : "no",
                              plain_line(tried.get<std::string>())));
  }
}

bool has_dnn(const Json& tables) {
  for (const Json& table : tables)
    if (table.is_object())
      for (const Json& model : report_list(table, "models"))
        if (model.is_object() && report_text(model, "model") == "dnn") return true;
  return false;
}

void print_fits(const Session& session, const Json& fits) {
  if (!fits.is_array() || fits.empty()) return;
  Table out({{.title = "FITTED"},
             {.title = "JOBS", .right = true},
             {.title = "ERROR %", .right = true},
             {.title = "BEFORE %", .right = true},
             {.title = "STATE"},
             {.title = "WHY", .min_width = 12, .drop_rank = 1}});
  for (const Json& fit : fits) {
    const auto at = parse_rfc3339(text_of(fit, "at"));
    std::string state = text_of(fit, "state");
    std::ranges::replace(state, '_', ' ');
    const auto error = [&](const char* key) {
      return child_of(fit, key).is_number() ? fmt::format("{:.1f}", real_of(fit, key)) : "";
    };
    out.add({{at ? relative_time(*at, session.now()) : ""},
             {std::to_string(count_of(fit, "rows"))},
             {error("mdape_pct")},
             {error("before_mdape_pct")},
             {state},
             {plain_line(text_of(fit, "reason"))}});
  }
  print_out("\n" + out.print(session.terminal.width, session.terminal.color));
}

void print_site_report(const Session& session, const Json& accuracy) {
  const auto compared = count_of(accuracy, "count");
  const Json& model = child_of(accuracy, "model");
  print_out(text_of(model, "source") == "site"
                ? fmt::format("\nThis site: its own estimator, fitted on {} of its jobs.\n",
                              count_of(model, "site_rows"))
                : "\nThis site: the shipped estimator.\n");
  if (compared > 0)
    print_out(fmt::format(
        "Of the newest {} jobs that were estimated, half were off by no more than {:.1f} %; "
        "{:.0f} % took a time inside the 90 % interval.\n",
        compared, real_of(accuracy, "mdape_pct"), real_of(accuracy, "coverage90_pct")));
  else
    print_out("No job that was estimated has ended yet.\n");
  print_fits(session, child_of(accuracy, "fits"));
}

}  // namespace

Result<int> print_estimator_report(const Session& session, std::string_view model_json,
                                   const Json& site, bool all) {
  GALLEY_TRY(const Json model, parse_json(model_json));
  if (!model.is_object() || report_list(model, "report").empty())
    return Error{.code = Errc::not_found,
                 .message = "this estimator carries no report of how models compare",
                 .field = {},
                 .expected = {},
                 .hint = "measure it: galley estimate report --tables DIR"};
  const Json& tables = report_list(model, "report");
  if (session.flags.json) {
    Json document{{"items", tables}};
    if (site.is_object()) document["site"] = site;
    session.print_json(document);
    return 0;
  }
  print_out(
      "Relative errors of step times by cross-validation: records that measure one configuration\n"
      "are never on both sides of a split. P25, P75, P95: a quarter of the records, three "
      "quarters,\n"
      "… are off by no more. \"physics\": the model learns what the physics leaves.\n");
  for (const Json& table : tables) {
    if (!table.is_object()) continue;
    print_compared(session, table);
    if (all) print_distributions(session, table);
  }
  if (!all)
    print_out(
        "\nEvery setting tried, and the errors' whole distribution: galley estimate report "
        "--all\n");
  if (!has_dnn(tables))
    print_out(
        "A small network by libtorch is not among the models: galley-train dnn --help says how.\n");
  if (site.is_object()) print_site_report(session, site);
  return 0;
}

}  // namespace galley::cli
