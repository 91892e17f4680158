#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/units.h"
#include "commands.h"
#include "estimate_report.h"
#include "estimate_table.h"
#include "estimator/request.h"
#include "estimator/shipped.h"
#include "fields.h"
#include "program_folder.h"
#include "spec_file.h"
#include "table.h"

namespace galley::cli {
namespace {

constexpr std::int64_t kMostPriceBytes = 256 << 20;
constexpr std::int64_t kMostModelBytes = 256 << 20;

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

/// Refusals that only mean that this server cannot be asked.
bool must_answer_alone(Errc code) {
  switch (code) {
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::unauthenticated:
    case Errc::forbidden:
    case Errc::not_found:  // a server without this route
    case Errc::too_large:
    case Errc::rate_limited:
      return true;
    default:
      return false;
  }
}

Json print_offer(const estimator::Offer& offer) {
  return {{"name", offer.name},   {"gpu", offer.gpu.name},           {"gpus", offer.gpus},
          {"nodes", offer.nodes}, {"usd_per_hour", offer.usd_per_h}, {"spot", offer.spot}};
}

/// The server's answer: its estimator has learnt from the site's jobs, and it knows the queue.
/// Nothing where it cannot be asked.
Result<std::optional<Json>> ask_server(Session& session, const EstimateTexts& texts,
                                       const Json& file, const estimator::EstimateRequest& request,
                                       std::size_t told) {
  Json question = file;
  if (request.limits.deadline_s > 0) question["deadline"] = request.limits.deadline_s;
  if (request.limits.budget_usd > 0) question["budget_usd"] = request.limits.budget_usd;
  for (std::size_t i = told; i < request.offers.size(); ++i)
    question["configurations"].push_back(print_offer(request.offers[i]));
  question["prices"] = false;
  question["spot"] = texts.spot;
  auto answer = session.post("/api/v1/estimates", question);
  if (answer) return std::optional<Json>{*std::move(answer)};
  if (must_answer_alone(answer.error().code)) return std::optional<Json>{};
  return std::move(answer).error();
}

std::string model_note(const Json& answer) {
  const Json& model = child_of(answer, "model");
  if (text_of(model, "source") == "site")
    return fmt::format("by the server's estimator, which has learnt from {} jobs of this site",
                       count_of(model, "site_rows"));
  return "by the server, with the shipped estimator: too few jobs of this site were measured yet";
}

Result<Json> answer_alone(const EstimateTexts& texts, const estimator::EstimateRequest& request) {
  GALLEY_TRY(auto model, read_model(texts.model));
  GALLEY_TRY(model, estimator::calibrate(std::move(model), request.probes));
  GALLEY_TRY(const auto advice,
             estimator::advise(model, request.work, request.offers, request.limits));
  Json answer = estimator::print_advice(advice, request.offers);
  answer["name"] = request.name;
  answer["model"] = {{"source", texts.model.empty() ? "shipped" : "file"},
                     {"records", model.records}};
  return answer;
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
Result<int> report(Session& session, const EstimateTexts& texts) {
  if (!texts.tables.empty())
    return become_program("galley-bench", {"estimator", "--report", "--data", texts.tables});
  if (texts.model.empty()) {
    const auto site = session.get("/api/v1/estimates/accuracy?limit=500");
    return print_estimator_report(session, estimator::shipped_model(), site ? *site : Json(),
                                  texts.all);
  }
  GALLEY_TRY(const auto text, read_file(texts.model, kMostModelBytes));
  return print_estimator_report(session, text, Json(), texts.all);
}

bool recommends(const Json& answer) {
  return std::ranges::any_of(items_of(answer),
                             [](const Json& row) { return child_of(row, "recommended") == true; });
}

void print_history(const Session& session, const Json& answer) {
  const Json& history = child_of(answer, "history");
  if (!history.is_object()) return;
  const Json& runtime = child_of(history, "runtime_s");
  session.note(fmt::format(
      "by {} earlier run{} of this job: {} (likely {} to {})", count_of(history, "runs"),
      count_of(history, "runs") == 1 ? "" : "s", seconds_text(real_of(runtime, "p50")),
      seconds_text(real_of(runtime, "p10")), seconds_text(real_of(runtime, "p90"))));
}

/// Of a job as it would be submitted: by earlier runs of it, and by what it says of itself.
Result<int> estimate_job(Session& session, const EstimateTexts& texts, const SpecFile& file) {
  auto answer = session.post("/api/v1/estimates", {{"job", file.json}, {"prices", texts.spot}});
  if (!answer) {
    Error error = std::move(answer).error();
    if (error.field.starts_with("job.")) error.field.erase(0, 4);
    if (!error.field.starts_with("work")) return locate(file, std::move(error));
    error.message = texts.file + " does not say what it trains, and has not run before";
    error.field.clear();
    error.expected.clear();
    error.hint = "name the network, batch and length in its command or env (docs/estimates.md)";
    return error;
  }
  if (session.flags.json) {
    session.print_json(*answer);
  } else {
    if (!items_of(*answer).empty()) {
      print_advice_table(session, *answer, texts.all);
      session.note(model_note(*answer));
    }
    print_history(session, *answer);
  }
  return recommends(*answer) || child_of(*answer, "history").is_object() ? 0 : 1;
}

Result<int> estimate(Session& session, const EstimateTexts& texts) {
  if (texts.file == "report") return report(session, texts);
  GALLEY_TRY(const SpecFile file, read_spec_file(texts.file));
  if (text_of(file.json, "kind") == "job") return estimate_job(session, texts, file);
  auto request = estimator::parse_request(file.json);
  if (!request) return locate(file, request.error());
  GALLEY_TRY_STATUS(read_limits(texts, request->limits));
  if (texts.buy_or_rent) return buy_or_rent(session, *request, texts.file);
  const std::size_t told = request->offers.size();
  if (!texts.prices.empty()) GALLEY_TRY_STATUS(add_price_offers(session, texts, *request));
  std::optional<Json> answer;
  if (texts.model.empty()) {
    GALLEY_TRY(answer, ask_server(session, texts, file.json, *request, told));
  }
  const bool by_server = answer.has_value();
  if (!answer && request->offers.empty())
    return Error{.code = Errc::invalid_argument,
                 .message = texts.file + " names no configurations to choose from",
                 .field = "configurations",
                 .expected = "a list of {gpu, gpus, usd_per_hour}",
                 .hint = "or give a price list with --prices; a server adds its own machines"};
  if (!answer) {
    GALLEY_TRY(answer, answer_alone(texts, *request));
  }
  if (session.flags.json) {
    session.print_json(*answer);
  } else {
    print_advice_table(session, *answer, texts.all);
    if (by_server)
      session.note(model_note(*answer));
    else if (texts.model.empty())
      session.note("by the shipped estimator alone: no server answers");
  }
  return recommends(*answer) ? 0 : 1;
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
             .positional(
                 "FILE", texts->file,
                 "A file of kind 'estimate' (docs/estimates.md) or 'job', or the word report")
             .text("--budget", texts->budget, "USD", "The most that it may cost")
             .text("--deadline", texts->deadline, "DURATION", "It must be done after this time")
             .text("--prices", texts->prices, "CSV",
                   "Machines to rent, as SkyPilot's catalogue lists them")
             .flag("--spot", texts->spot, "Spot machines of the price list too")
             .text("--model", texts->model, "FILE",
                   "Fitted on your own jobs, instead of the shipped one")
             .text("--tables", texts->tables, "DIR",
                   "With report: measure it now, on tables of measured step times")
             .flag("--all", texts->all,
                   "All rows of the table; with report, all settings tried and the errors' "
                   "whole distribution")
             .flag("--buy-or-rent", texts->buy_or_rent,
                   "Instead: after how many hours the machines under 'buy' pay");
         return [&session, texts] { return estimate(session, *texts); };
       }});
}

}  // namespace galley::cli
