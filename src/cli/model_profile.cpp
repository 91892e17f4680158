#include "model_profile.h"

#include <fmt/format.h>

#include <cstdlib>
#include <stop_token>

#include "base/file.h"
#include "base/units.h"
#include "interrupts.h"
#include "profile_output.h"
#include "profile_wishes.h"
#include "progress.h"

namespace galley::cli {
namespace {

constexpr int kInterrupted = 130;
constexpr std::int64_t kMostProfileBytes = 256 << 20;

Status read_profiles(const ProfileWishes& wishes, ProfileOutcome& outcome) {
  for (const std::string& path : wishes.profiles) {
    GALLEY_TRY(const std::string bytes, read_file(path, kMostProfileBytes));
    auto profile = profiling::parse_profile(bytes);
    if (!profile) {
      Error error = std::move(profile).error();
      error.message = path + ": " + error.message;
      return error;
    }
    outcome.profiles.push_back(*std::move(profile));
  }
  return ok();
}

Status measure_one(const Session& session, const profiling::MeasureOptions& options,
                   std::stop_token stop, ProfileOutcome& outcome) {
  const std::string what =
      options.target.empty() ? options.model.filename().string() : options.target;
  Progress bar(what, session.terminal.err_is_terminal);
  auto profile = profiling::measure(
      options, [&](double ratio, const std::string& now) { bar.show(ratio, now); },
      std::move(stop));
  if (!profile) {
    Error error = std::move(profile).error();
    error.message = fmt::format("{} cannot be measured: {}", what, error.message);
    return error;
  }
  outcome.profiles.push_back(*std::move(profile));
  ++outcome.measured;
  return ok();
}

/// The questions of all models stand in one table of each profile: only together they answer which
/// model is better.
void join_quality(ProfileOutcome& outcome) {
  profiling::Experiment all;
  for (const auto& profile : outcome.profiles) {
    const auto* quality = profile.find("quality");
    if (quality == nullptr) continue;
    if (all.id.empty()) {
      all = *quality;
      continue;
    }
    all.rows.insert(all.rows.end(), quality->rows.begin(), quality->rows.end());
    all.notes.insert(all.notes.end(), quality->notes.begin(), quality->notes.end());
  }
  const std::size_t read = outcome.profiles.size() - outcome.measured;
  for (std::size_t i = read; i < outcome.profiles.size(); ++i)
    for (auto& experiment : outcome.profiles[i].experiments)
      if (experiment.id == "quality") experiment = all;
}

std::string api_key(const Session& session) {
  if (!session.flags.token.empty()) return session.flags.token;
  const char* key = std::getenv("GALLEY_API_KEY");
  return key == nullptr ? "" : key;
}

Status measure_all(Session& session, ProfileWishes& wishes, std::stop_token stop,
                   ProfileOutcome& outcome) {
  profiling::MeasureOptions options = wishes.measure;
  options.galley_version = GALLEY_VERSION;
  for (const std::string& model : wishes.models) {
    if (stop.stop_requested()) return ok();
    options.model = model;
    GALLEY_TRY_STATUS(measure_one(session, options, stop, outcome));
  }
  options.model.clear();
  options.api_key = api_key(session);
  options.ca_file = session.flags.ca;
  for (const std::string& url : wishes.targets) {
    if (stop.stop_requested()) return ok();
    options.target = url;
    GALLEY_TRY_STATUS(measure_one(session, options, stop, outcome));
  }
  return ok();
}

std::string held_out_text(const profiling::HeldOut& held) {
  return fmt::format(
      "  checked  {} left out and predicted from the others: its latency {:.0f} % off and its "
      "memory "
      "{:.1f} %, on average; {:.0f} % of its {} times lie in the interval\n",
      plain_line(held.model), 100 * held.latency_error_ratio, 100 * held.memory_error_ratio,
      100 * held.inside_ratio, held.rows);
}

void print_prediction(const profiling::Prediction& prediction,
                      const std::optional<profiling::HeldOut>& held) {
  const auto bytes = [](double count) { return format_bytes(static_cast<std::int64_t>(count)); };
  std::string out =
      fmt::format("{} on {}x{}, {:.0f} tokens read and {:.0f} written, {:.0f} at once (from {}):\n",
                  prediction.model.name, prediction.devices.device, prediction.devices.count,
                  prediction.load.prompt_tokens, prediction.load.output_tokens,
                  prediction.load.batch, prediction.basis);
  out += fmt::format("  latency  {:.1f} ms ({:.1f} to {:.1f})\n", prediction.latency_ms.value,
                     prediction.latency_ms.low, prediction.latency_ms.high);
  out += fmt::format("  memory   {} ({} to {}){}\n", bytes(prediction.memory_bytes.value),
                     bytes(prediction.memory_bytes.low), bytes(prediction.memory_bytes.high),
                     prediction.device_memory_bytes <= 0 ? ""
                     : prediction.fits                   ? ", which fits"
                                                         : ", which does not fit");
  out += fmt::format("  batch    {:.0f} at most\n", prediction.largest_batch.value);
  if (prediction.devices_needed > 0)
    out += fmt::format("  devices  {} needed\n", prediction.devices_needed);
  if (held) out += held_out_text(*held);
  for (const std::string& note : prediction.notes) out += "  ! " + plain_line(note) + "\n";
  print_out(out);
}

Result<int> profile(Session& session, const ProfileTexts& texts) {
  GALLEY_TRY(ProfileWishes wishes, read_profile_wishes(texts));
  ProfileOutcome outcome;
  GALLEY_TRY_STATUS(read_profiles(wishes, outcome));
  std::stop_source stop;
  {
    const Interrupts interrupts([&stop](int count) {
      if (count > 1) exit_interrupted();
      stop.request_stop();
    });
    GALLEY_TRY_STATUS(measure_all(session, wishes, stop.get_token(), outcome));
  }
  join_quality(outcome);
  if (outcome.profiles.size() > 1) {
    GALLEY_TRY(outcome.comparison, profiling::compare(outcome.profiles));
  }
  if (wishes.predicts) {
    GALLEY_TRY(outcome.prediction, profiling::predict(outcome.profiles, wishes.prediction));
    if (const auto held = profiling::leave_out_largest(outcome.profiles)) outcome.held_out = *held;
  }

  const bool writes = !session.flags.json || !texts.out.empty();
  if (writes) {
    GALLEY_TRY(const auto written,
               write_profiles(outcome, wishes.capacity, texts.out.empty() ? "." : texts.out));
    for (const auto& path : written) session.note("wrote " + path.string());
  }
  if (session.flags.json) {
    print_profiles_json(session, outcome, wishes.capacity);
  } else {
    print_answers(session, outcome, wishes.capacity);
    if (outcome.prediction) print_prediction(*outcome.prediction, outcome.held_out);
  }
  if (!stop.stop_requested()) return 0;
  session.note("interrupted: this is what was measured until then");
  return kInterrupted;
}

}  // namespace

Command model_profile_command(Session& session) {
  return {.name = "profile",
          .help =
              "Measure what a model costs: time, memory, batches, formats, users; compare and "
              "predict",
          .examples = {"galley models profile llama-q8_0.gguf --quick",
                       "galley models profile small.gguf large.gguf --eval questions.jsonl",
                       "galley models profile m.gguf --memory-budget 16GiB --memory-budget 80GiB",
                       "galley models profile --target http://node7:8000 --quick --json",
                       "galley models profile profile-a.json profile-b.json --out comparison",
                       "galley models profile profile-*.json --predict 39b --device A100x4"},
          .define = [&session](Options& options) -> Action {
            auto texts = std::make_shared<ProfileTexts>();
            define_profile_options(options, *texts);
            return [&session, texts] { return profile(session, *texts); };
          }};
}

}  // namespace galley::cli
