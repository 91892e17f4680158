#include "profile_wishes.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "program_folder.h"

namespace galley::cli {
namespace {

constexpr std::int64_t kMostEvaluationBytes = 256 << 20;
constexpr std::int64_t kMostThreads = 1024;
constexpr std::int64_t kMostRounds = 1'000'000;
constexpr Millis kLeastTime{1'000};
constexpr Millis kMostTime{24 * 3'600'000};

Error wrong(const char* option, std::string message, std::string expected) {
  return {.code = Errc::invalid_argument,
          .message = std::move(message),
          .field = option,
          .expected = std::move(expected)};
}

Result<double> number_above_0(const char* option, const std::string& text, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value > 0 && value <= most)
    return value;
  return wrong(option, "'" + text + "' is no such number", fmt::format("above 0, to {}", most));
}

/// "512+32x8": prompt, answer, requests at once.
Result<profiling::PredictedLoad> parse_load(const std::string& text) {
  const auto plus = text.find('+');
  const auto times = text.find_first_of("x*", plus == std::string::npos ? 0 : plus);
  const auto fault = wrong("--load", "'" + text + "' is no load",
                           "PROMPT+ANSWER tokens, and xBATCH: 512+32 or 512+32x8");
  if (plus == std::string::npos) return fault;
  profiling::PredictedLoad load;
  const std::string answer =
      text.substr(plus + 1, times == std::string::npos ? std::string::npos : times - plus - 1);
  const auto prompt_tokens = number_above_0("--load", text.substr(0, plus), 1e7);
  const auto output_tokens = number_above_0("--load", answer, 1e7);
  if (!prompt_tokens || !output_tokens) return fault;
  load.prompt_tokens = *prompt_tokens;
  load.output_tokens = *output_tokens;
  if (times != std::string::npos) {
    const auto batch = number_above_0("--load", text.substr(times + 1), 1e6);
    if (!batch) return fault;
    load.batch = *batch;
  }
  return load;
}

Status read_prediction(const ProfileTexts& texts, ProfileWishes& wishes) {
  if (texts.predict.empty()) {
    if (!texts.device.empty())
      return wrong("--device", "a device says nothing without a model to predict",
                   "--predict 39b --device A100x4");
    if (!texts.load.empty())
      return wrong("--load", "a load says nothing without a model to predict",
                   "--predict 39b --load 512+32x8");
    return ok();
  }
  wishes.predicts = true;
  std::error_code error;
  if (std::filesystem::exists(texts.predict, error)) {
    GALLEY_TRY(const auto model, profiling::describe_model(texts.predict));
    GALLEY_TRY(wishes.prediction.model, profiling::shape_of(model));
  } else {
    GALLEY_TRY(wishes.prediction.model, profiling::parse_model_shape(texts.predict));
  }
  if (!texts.device.empty()) {
    GALLEY_TRY(wishes.prediction.devices, profiling::parse_devices(texts.device));
  }
  if (!texts.load.empty()) {
    GALLEY_TRY(wishes.prediction.load, parse_load(texts.load));
  }
  return ok();
}

Status read_measuring(const ProfileTexts& texts, profiling::MeasureOptions& measure) {
  measure.quick = texts.quick;
  if (!texts.time.empty()) {
    GALLEY_TRY(const Millis time, parse_duration(texts.time));
    if (time < kLeastTime || time > kMostTime)
      return wrong("--time", "a study in " + texts.time, "1s to 1d");
    measure.seconds = std::chrono::duration<double>(time).count();
  }
  if (texts.rounds < 0 || texts.rounds > kMostRounds)
    return wrong("--rounds", fmt::format("{} rounds", texts.rounds),
                 fmt::format("0 (as time allows) to {}", kMostRounds));
  measure.rounds = static_cast<std::uint32_t>(texts.rounds);
  if (!texts.scale.empty()) {
    GALLEY_TRY(measure.scale, number_above_0("--scale", texts.scale, 1));
  }
  if (texts.seed < 0) return wrong("--seed", fmt::format("seed {}", texts.seed), "from 0");
  measure.seed = static_cast<std::uint64_t>(texts.seed);
  if (texts.threads < 0 || texts.threads > kMostThreads)
    return wrong("--threads", fmt::format("{} threads", texts.threads),
                 fmt::format("0 (all processors) to {}", kMostThreads));
  measure.threads = static_cast<std::uint32_t>(texts.threads);
  for (const std::string& text : texts.budgets) {
    auto bytes = parse_bytes(text);
    if (!bytes || *bytes == 0)
      return wrong("--memory-budget", "'" + text + "' is no amount of memory", "16GiB, 32GiB, …");
    measure.memory_budgets.push_back(static_cast<std::uint64_t>(*bytes));
  }
  for (const std::string& ids : texts.only)
    for (const std::string_view id : split(ids, ',')) measure.only.emplace_back(trim(id));
  if (!texts.evaluation.empty()) {
    GALLEY_TRY(const std::string set, read_file(texts.evaluation, kMostEvaluationBytes));
    GALLEY_TRY(measure.evaluation, profiling::parse_evaluation_set(texts.evaluation, set));
  }
  measure.target_model = texts.target_model;
  if (!texts.timeout.empty()) {
    GALLEY_TRY(measure.target_timeout, parse_duration(texts.timeout));
    if (measure.target_timeout.count() <= 0)
      return wrong("--timeout", "a timeout of " + texts.timeout, "more than 0");
  }
  measure.programs = program_folder();
  return ok();
}

Status read_sources(const ProfileTexts& texts, ProfileWishes& wishes) {
  for (const std::string& name : texts.models) {
    std::error_code error;
    if (!std::filesystem::exists(name, error))
      return Error{Errc::not_found, name + " is not there", "MODEL",
                   "a GGUF file, a Hugging Face folder, or a profile-….json"};
    if (name.ends_with(".json") && std::filesystem::is_regular_file(name, error))
      wishes.profiles.push_back(name);
    else
      wishes.models.push_back(name);
  }
  for (const std::string& url : texts.targets)
    if (!url.starts_with("http://") && !url.starts_with("https://") && !url.starts_with("unix:"))
      return wrong("--target", "'" + url + "' is no address", "http://HOST:PORT or https://…");
  wishes.targets = texts.targets;
  if (texts.models.empty() && texts.targets.empty() && texts.predict.empty())
    return wrong("MODEL", "there is nothing to measure",
                 "a model's file or folder, --target URL, a profile, or --predict SPEC");
  if (!texts.target_model.empty() && texts.targets.empty())
    return wrong("--target-model", "there is no target", "--target URL");
  return ok();
}

}  // namespace

void define_profile_options(Options& options, ProfileTexts& texts) {
  options
      .optional_positionals("MODEL", texts.models,
                            "GGUF file or Hugging Face folder to measure; or a profile-….json of "
                            "before, to compare with")
      .texts("--target", texts.targets, "URL",
             "Measure a server with OpenAI's API instead; may be repeated")
      .text("--target-model", texts.target_model, "NAME", "As the server names it; else its first")
      .text("--timeout", texts.timeout, "DURATION",
            "A target that sends nothing for so long has failed the request; 30s when absent")
      .flag("--quick", texts.quick, "About a minute and a half; else twenty minutes")
      .text("--time", texts.time, "DURATION", "Measure for so long instead")
      .number("--rounds", texts.rounds, "N",
              "Repeat each measurement at most so often, whatever the time")
      .texts("--only", texts.only, "EXPERIMENT",
             "Only these, separated by commas: narrow, batching, formats, …")
      .text("--scale", texts.scale, "X",
            "Lengths of the workloads, above 0 to 1; as the context allows when absent")
      .number("--seed", texts.seed, "N",
              "The same seed sends the same prompts, but for their numbers to a --target")
      .number("--threads", texts.threads, "N", "All processors when absent")
      .texts("--memory-budget", texts.budgets, "SIZE",
             "What must fit: 16GiB when absent; may be repeated")
      .text("--eval", texts.evaluation, "FILE",
            "Questions, one JSON object a line: {\"prompt\", \"answer\"}, and \"choices\" where "
            "one of them is to be chosen")
      .texts("--p99", texts.p99, "DURATION",
             "How long the slowest of a hundred requests may take, for the table of users")
      .text("--price", texts.price, "USD", "Of the machine, an hour: tells what users cost")
      .text("--predict", texts.predict, "SPEC",
            "A model that was not measured: 39b, hidden=1024,blocks=24, or a file; fitted to the "
            "profiles named")
      .text("--device", texts.device, "DxN", "To predict for: A100x4; else the profiles' machine")
      .text("--load", texts.load, "P+AxB",
            "To predict for: prompt and answer tokens, requests at once; 512+32 when absent")
      .text("--out", texts.out, "FOLDER", "Where the profile and the report go; here when absent");
}

Result<ProfileWishes> read_profile_wishes(const ProfileTexts& texts) {
  ProfileWishes wishes;
  GALLEY_TRY_STATUS(read_sources(texts, wishes));
  GALLEY_TRY_STATUS(read_measuring(texts, wishes.measure));
  GALLEY_TRY_STATUS(read_prediction(texts, wishes));
  for (const std::string& text : texts.p99) {
    GALLEY_TRY(const Millis limit, parse_duration(text));
    if (limit.count() <= 0) return wrong("--p99", "a limit of " + text, "more than 0");
    wishes.capacity.p99_limits_ms.push_back(static_cast<double>(limit.count()));
  }
  if (!texts.price.empty()) {
    GALLEY_TRY(wishes.capacity.price_per_hour_usd, number_above_0("--price", texts.price, 1e6));
  }
  return wishes;
}

}  // namespace galley::cli
