// What a study will take, before anything starts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <thread>

#include "base/file.h"
#include "base/units.h"
#include "estimator/gpu_specs.h"
#include "estimator/prices.h"
#include "fields.h"
#include "studies/studies.h"
#include "study_text.h"
#include "tune_file.h"

namespace galley::cli {
namespace {

constexpr std::size_t kMostListBytes = std::size_t{64} << 20;

Result<double> positive_number(const std::string& option, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && std::isfinite(value) && value > 0) return value;
  return Error{
      Errc::invalid_argument, fmt::format("{}: found '{}'", option, text), {}, "a number above 0"};
}

/// "Sun 14:20", of this machine's clock; farther away with the date.
std::string local_time(WallTime time) {
  const auto seconds = static_cast<std::time_t>(to_ms(time) / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%a %Y-%m-%d %H:%M", &parts));
}

/// What the trials ask for, or what the nodes have.
std::string gpu_of_trials(const Json& study, const Json& preview) {
  const std::string wanted = text_of(child_of(child_of(study, "job"), "resources"), "gpu_type");
  return wanted.empty() ? text_of(preview, "gpu_type") : wanted;
}

/// Whether two names are of one type: an abbreviation, or what data sheets know under both.
bool is_same_gpu(const std::string& one, const std::string& other) {
  const auto a = estimator::find_gpu(one), b = estimator::find_gpu(other);
  if (a && b) return a->name == b->name;
  return one.find(other) != std::string::npos || other.find(one) != std::string::npos;
}

/// Of a GPU for an hour on demand, the cheapest offer. Errors: what is wrong with the list,
/// not_found (it has no such GPU).
Result<double> price_in_list(const Session& session, const std::string& path,
                             const std::string& gpu) {
  if (gpu.empty())
    return Error{Errc::not_found, "no node says which GPUs trials would run on", "--prices",
                 "resources.gpu_type in the job of the study, or --usd-per-gpu-hour"};
  GALLEY_TRY(const auto csv, read_file(path, kMostListBytes));
  const auto rows = estimator::parse_prices(csv);
  if (!rows) {
    Error error = rows.error();
    error.message = path + ": " + error.message;
    return error;
  }
  std::optional<double> best;
  const estimator::PriceRow* found = nullptr;
  for (const auto& row : *rows) {
    if (row.usd_per_h <= 0 || row.gpus <= 0 || !is_same_gpu(row.gpu, gpu)) continue;
    const double each = row.usd_per_h / row.gpus;
    if (best && *best <= each) continue;
    best = each;
    found = &row;
  }
  if (!best)
    return Error{Errc::not_found, fmt::format("{} has no price of a {}", path, gpu), "--prices",
                 "a list with that GPU, or --usd-per-gpu-hour"};
  session.note(fmt::format("{} at ${:.2f} an hour: {} {} in {}", gpu, *best, found->cloud,
                           found->instance, path));
  return *best;
}

struct PreviewOptions {
  TuneOptions study;
  std::int64_t gpus = 0;
  std::string seconds;
  std::string price;
  std::string prices;
};

/// Nobody listens: of this machine's processors, or of the GPUs that are told.
Result<Json> preview_here(Session& session, const Json& body) {
  studies::PreviewWishes wishes;
  if (body.contains("gpus")) wishes.gpus = body["gpus"].get<std::int64_t>();
  if (body.contains("seconds_per_resource"))
    wishes.seconds_per_resource = body["seconds_per_resource"].get<double>();
  const auto cpus = std::max<std::int64_t>(std::thread::hardware_concurrency(), 1);
  GALLEY_TRY(const auto preview, studies::preview_alone(body["file"], wishes, cpus));
  session.note(wishes.gpus
                   ? "no server answers: nobody else is counted"
                   : fmt::format("no server answers: as on this machine alone, with {} processor{}",
                                 cpus, cpus == 1 ? "" : "s"));
  return studies::to_json(preview);
}

Result<int> preview_study(Session& session, const PreviewOptions& options) {
  GALLEY_TRY(const SpecFile file, study_of_file(options.study));
  Json body{{"file", file.json}};
  if (options.gpus > 0) body["gpus"] = options.gpus;
  if (!options.seconds.empty()) {
    GALLEY_TRY(body["seconds_per_resource"], positive_number("--seconds", options.seconds));
  }
  std::optional<double> price;
  if (!options.price.empty()) {
    GALLEY_TRY(price, positive_number("--usd-per-gpu-hour", options.price));
  }
  auto answer = session.post("/api/v1/studies/preview", body);
  if (!answer && answer.error().code == Errc::unavailable && session.flags.server.empty())
    answer = preview_here(session, body);
  if (!answer) return locate(file, answer.error());
  Json preview = *answer;
  const double gpu_hours = real_of(preview, "gpu_hours");
  if (!price && !options.prices.empty() && gpu_hours > 0) {
    GALLEY_TRY(price, price_in_list(session, options.prices, gpu_of_trials(file.json, preview)));
  }
  const Millis takes{static_cast<std::int64_t>(std::min(3.6e6 * real_of(preview, "hours"), 1e15))};
  const WallTime ends = session.now() + takes;
  preview["finish_at"] = to_rfc3339(ends);
  if (price) preview["usd_per_gpu_hour"] = *price;
  if (price) preview["cost_usd"] = *price * gpu_hours;
  if (session.flags.json) {
    session.print_json(preview);
    return 0;
  }
  const std::string resource = text_of(preview, "resource");
  print_out(fmt::format("methods   {}\n", text_of(preview, "reason")));
  print_out(fmt::format("trials    {}, {} at once\n", count_of(preview, "trials"),
                        count_of(preview, "slots")));
  for (const Json& length : child_of(preview, "lengths"))
    print_out(fmt::format("          {:>6} of {:.3g} {}\n", count_of(length, "trials"),
                          real_of(length, "mean_resource"), resource));
  print_out(fmt::format("pace      {:.4g} s for one {}: {}\n",
                        real_of(preview, "seconds_per_resource"), resource,
                        text_of(preview, "seconds_from")));
  if (gpu_hours > 0) {
    print_out(fmt::format("GPU time  {:.3g} h\n", gpu_hours));
    print_out(price ? fmt::format("price     ${:.2f} at ${:.2f} a GPU and hour\n",
                                  *price * gpu_hours, *price)
                    : "price     unknown; --usd-per-gpu-hour 2.5 or --prices LIST.csv says it\n");
  }
  print_out(fmt::format(
      "ends      in about {}, {}: {}{}\n", format_duration(takes), local_time(ends),
      text_of(preview, "ends_by"),
      preview.value("endless", false) ? "; nothing ends it, so this is its first part" : ""));
  return 0;
}

}  // namespace

Command study_preview_command(Session& session) {
  auto wanted = std::make_shared<PreviewOptions>();
  return {
      .name = "preview",
      .help = "What a study will take, before anything starts",
      .examples = {"galley tune preview study.json -- ./train.sh --lr {lr}",
                   "galley tune preview study.json --gpus 16 --seconds 90 --usd-per-gpu-hour 2.5",
                   "galley tune preview study.json --prices data/estimator/prices.csv"},
      .define = [&session, wanted](Options& options) -> Action {
        options.positional("FILE", wanted->study.file, "Study, JSON or YAML")
            .number("--gpus", wanted->gpus, "N", "That it can expect; all when absent")
            .text("--seconds", wanted->seconds, "S",
                  "Of one trial for one unit of its resource, such as an epoch")
            .text("--usd-per-gpu-hour", wanted->price, "USD", "What a GPU costs an hour")
            .text("--prices", wanted->prices, "CSV",
                  "Price list: the cheapest of the trials' GPU type counts");
        return [&session, wanted] { return preview_study(session, *wanted); };
      },
      .takes_words = true,
      .after_dashes = &wanted->study.after_dashes};
}

}  // namespace galley::cli
