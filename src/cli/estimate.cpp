#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "base/file.h"
#include "base/units.h"
#include "commands.h"
#include "estimate_report.h"
#include "estimator/request.h"
#include "estimator/shipped.h"
#include "program_folder.h"
#include "spec_file.h"
#include "table.h"

namespace galley::cli {
namespace {

constexpr std::int64_t kMostPriceBytes = 256 << 20;
constexpr std::int64_t kMostModelBytes = 256 << 20;
constexpr std::size_t kShownRows = 25;

struct EstimateTexts {
  std::string file;
  std::string budget;
  std::string deadline;
  std::string prices;
  std::string model;
  std::string tables;
  bool spot = false;
  bool all = false;
  bool buy_or_rent = false;
};

Error in_file(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
}

Result<estimator::EstimatorModel> read_model(const std::string& path) {
  if (path.empty()) return estimator::parse_model(estimator::shipped_model());
  GALLEY_TRY(const auto text, read_file(path, kMostModelBytes));
  auto model = estimator::parse_model(text);
  if (!model) return in_file(path, std::move(model).error());
  return model;
}

Status read_limits(const EstimateTexts& texts, estimator::AdviceLimits& limits) {
  if (!texts.deadline.empty()) {
    const auto deadline = parse_duration(texts.deadline);
    if (!deadline) {
      Error error = deadline.error();
      error.field = "--deadline";
      return error;
    }
    limits.deadline_s = static_cast<double>(deadline->count()) / 1e3;
  }
  if (texts.budget.empty()) return ok();
  char* end = nullptr;
  const char* begin = texts.budget.c_str() + (texts.budget.starts_with('$') ? 1 : 0);
  limits.budget_usd = std::strtod(begin, &end);
  if (end != begin && *end == '\0' && std::isfinite(limits.budget_usd) && limits.budget_usd > 0)
    return ok();
  return Error{.code = Errc::invalid_argument,
               .message = "'" + texts.budget + "' is no amount of money",
               .field = "--budget",
               .expected = "dollars above 0, such as 250"};
}

Status add_price_offers(const Session& session, const EstimateTexts& texts,
                        estimator::EstimateRequest& request) {
  GALLEY_TRY(const auto csv, read_file(texts.prices, kMostPriceBytes));
  const auto prices = estimator::parse_prices(csv);
  if (!prices) return in_file(texts.prices, prices.error());
  std::size_t skipped = 0;
  auto offers = estimator::offers_from_prices(*prices, texts.spot, request.gpu_counts, skipped);
  if (skipped > 0)
    session.note(fmt::format("{} rows of {} name devices without a known data sheet", skipped,
                             texts.prices));
  std::move(offers.begin(), offers.end(), std::back_inserter(request.offers));
  return ok();
}

std::string hours_text(double seconds) {
  if (seconds <= 0) return "";
  return format_duration(Millis(static_cast<std::int64_t>(std::min(seconds, 1e11) * 1e3)));
}

std::string money_text(double usd) {
  return usd >= 100 ? fmt::format("${:.0f}", usd) : fmt::format("${:.2f}", usd);
}

void print_table(const Session& session, const estimator::EstimateRequest& request,
                 const estimator::Advice& advice, bool all) {
  Table table({{.title = ""},
               {.title = "CONFIGURATION", .min_width = 16},
               {.title = "RUNTIME", .right = true},
               {.title = "P10 TO P90", .right = true, .drop_rank = 2},
               {.title = "COST", .right = true},
               {.title = "WAIT", .right = true},
               {.title = "FINISH", .right = true, .drop_rank = 1},
               {.title = "PARETO"},
               {.title = "NOTE", .min_width = 12, .drop_rank = 3}});
  std::size_t shown = 0;
  for (std::size_t i = 0; i < advice.rows.size(); ++i) {
    const auto& row = advice.rows[i];
    const bool good = row.verdict == estimator::Verdict::good;
    if (!all && shown >= kShownRows) break;
    ++shown;
    std::string note = good ? "" : std::string(estimator::to_string(row.verdict));
    std::ranges::replace(note, '_', ' ');
    if (!row.note.empty()) note += (note.empty() ? "" : ": ") + row.note;
    const bool timed = row.runtime_s.p50 > 0;
    table.add({{i == advice.recommended ? "→" : ""},
               {request.offers[row.offer].name, good ? Style::plain : Style::dim},
               {hours_text(row.runtime_s.p50)},
               {timed && row.runtime_s.p90 > row.runtime_s.p10
                    ? hours_text(row.runtime_s.p10) + " – " + hours_text(row.runtime_s.p90)
                    : ""},
               {timed ? money_text(row.cost_usd) : ""},
               {hours_text(row.wait_s)},
               {hours_text(row.finish_s)},
               {row.pareto ? "*" : ""},
               {note, good ? Style::plain : Style::bad}});
  }
  print_out(table.print(session.terminal.width, session.terminal.color));
  if (shown < advice.rows.size())
    session.note(fmt::format("{} more; --all shows them", advice.rows.size() - shown));
  print_out("\n" + advice.reason + "\n");
}

Result<int> buy_or_rent(const Session& session, const estimator::EstimateRequest& request,
                        const std::string& file) {
  if (request.purchases.empty())
    return Error{.code = Errc::invalid_argument,
                 .message = file + " asks about no purchase",
                 .field = "buy",
                 .expected = "a list of {name, usd, watts, rent_usd_per_hour}"};
  Json items = Json::array();
  Table table({{.title = "MACHINE"},
               {.title = "PRICE", .right = true},
               {.title = "AN HOUR OWNED", .right = true},
               {.title = "RENTED", .right = true},
               {.title = "BREAK-EVEN HOURS", .right = true},
               {.title = "DAYS", .right = true},
               {.title = "ANSWER"}});
  for (const auto& purchase : request.purchases) {
    GALLEY_TRY(const auto answer,
               estimator::buy_or_rent(purchase.machine, purchase.rent_usd_per_h));
    const double lifetime_days = purchase.machine.years * 365.25;
    const bool buy = answer.pays && answer.break_even_days <= lifetime_days;
    items.push_back({{"name", purchase.name},
                     {"purchase_usd", purchase.machine.purchase_usd},
                     {"owned_usd_per_hour", estimator::hourly_usd(purchase.machine)},
                     {"running_usd_per_hour", estimator::running_usd_per_h(purchase.machine)},
                     {"rent_usd_per_hour", purchase.rent_usd_per_h},
                     {"break_even_hours", answer.pays ? Json(answer.break_even_h) : Json()},
                     {"break_even_days", answer.pays ? Json(answer.break_even_days) : Json()},
                     {"rent_over_owned", answer.within_lifetime},
                     {"buy", buy}});
    table.add({{purchase.name},
               {money_text(purchase.machine.purchase_usd)},
               {money_text(estimator::hourly_usd(purchase.machine))},
               {money_text(purchase.rent_usd_per_h)},
               {answer.pays ? fmt::format("{:.0f}", answer.break_even_h) : "never"},
               {answer.pays ? fmt::format("{:.0f}", answer.break_even_days) : ""},
               {buy ? fmt::format("buy, if it computes {:.0f} % of {:g} years",
                                  100 * purchase.machine.usage_ratio, purchase.machine.years)
                    : "rent"}});
  }
  if (session.flags.json)
    session.print_json({{"items", items}});
  else
    print_out(table.print(session.terminal.width, session.terminal.color));
  return 0;
}

/// Of the shipped estimator as it was measured, of one of the user's, or measured now.
Result<int> report(const Session& session, const EstimateTexts& texts) {
  if (!texts.tables.empty())
    return become_program("galley-bench", {"estimator", "--report", "--data", texts.tables});
  if (texts.model.empty()) return print_estimator_report(session, estimator::shipped_model());
  GALLEY_TRY(const auto text, read_file(texts.model, kMostModelBytes));
  return print_estimator_report(session, text);
}

Result<int> estimate(Session& session, const EstimateTexts& texts) {
  if (texts.file == "report") return report(session, texts);
  GALLEY_TRY(const SpecFile file, read_spec_file(texts.file));
  auto request = estimator::parse_request(file.json);
  if (!request) return locate(file, request.error());
  GALLEY_TRY_STATUS(read_limits(texts, request->limits));
  if (texts.buy_or_rent) return buy_or_rent(session, *request, texts.file);
  if (!texts.prices.empty()) GALLEY_TRY_STATUS(add_price_offers(session, texts, *request));
  if (request->offers.empty())
    return Error{.code = Errc::invalid_argument,
                 .message = texts.file + " names no configurations to choose from",
                 .field = "configurations",
                 .expected = "a list of {gpu, gpus, usd_per_hour}",
                 .hint = "or give a price list with --prices"};
  GALLEY_TRY(auto model, read_model(texts.model));
  GALLEY_TRY(model, estimator::calibrate(std::move(model), request->probes));
  GALLEY_TRY(const auto advice,
             estimator::advise(model, request->work, request->offers, request->limits));
  if (session.flags.json)
    session.print_json(estimator::print_advice(advice, request->offers));
  else
    print_table(session, *request, advice, texts.all);
  return advice.recommended < advice.rows.size() ? 0 : 1;
}

}  // namespace

void add_estimate_commands(std::vector<Command>& commands, Session& session) {
  commands.push_back(
      {.name = "estimate",
       .help = "What a training will take and cost on each machine that can be had",
       .group = kJobGroup,
       .examples =
           {"galley estimate examples/resnet50.yaml",
            "galley estimate examples/resnet50.yaml --deadline 12h --budget 100",
            "galley estimate examples/resnet50.yaml --prices data/estimator/prices.csv --spot",
            "galley estimate examples/resnet50.yaml --buy-or-rent",
            "galley estimate report                  how far off each kind of model is"},
       .define = [&session](Options& options) -> Action {
         auto texts = std::make_shared<EstimateTexts>();
         options
             .positional("FILE", texts->file,
                         "A file of kind 'estimate' (docs/estimates.md), or the word report")
             .text("--budget", texts->budget, "USD", "The most that it may cost")
             .text("--deadline", texts->deadline, "DURATION", "It must be done after this time")
             .text("--prices", texts->prices, "CSV",
                   "Machines to rent, as SkyPilot's catalogue lists them")
             .flag("--spot", texts->spot, "Spot machines of the price list too")
             .text("--model", texts->model, "FILE",
                   "Fitted on your own jobs, instead of the shipped one")
             .text("--tables", texts->tables, "DIR",
                   "With report: measure it now, on tables of measured step times")
             .flag("--all", texts->all, "All rows of the table")
             .flag("--buy-or-rent", texts->buy_or_rent,
                   "Instead: after how many hours the machines under 'buy' pay");
         return [&session, texts] { return estimate(session, *texts); };
       }});
}

}  // namespace galley::cli
