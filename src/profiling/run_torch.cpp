// training-framework: the same weights in the engine and in libtorch's operations, one by one.
#include <fmt/format.h>

#include <algorithm>

#include "base/processors.h"
#include "profiling/torch_generation.h"
#include "run_settings.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kMostTorchRounds = 8;
constexpr Millis kLeastPatience{5'000};

Result<TorchSpeeds> run_torch(const std::filesystem::path& program,
                              const std::filesystem::path& model, const std::string& type,
                              const TorchWork& work, const Budget& budget) {
  const auto left = Millis{static_cast<std::int64_t>(budget.left_s() * 1000)};
  return generate_with_torch(program, model, type, work, std::max(left, kLeastPatience));
}

Result<TorchSpeeds> run_engine(const std::filesystem::path& model, const TorchWork& work,
                               const StudyFrame& frame, std::uint32_t round, const Budget& budget) {
  GALLEY_TRY(const auto subject,
             EngineSubject::open(model, {.threads = work.threads}, budget.stop()));
  TorchSpeeds speeds;
  for (std::uint64_t i = 0; i < 2; ++i) {  // the first wakes it
    Ask ask;
    ask.prompt = subject->make_prompt(frame.seed, round * 2 + i, work.prompt, PromptShape::prose);
    ask.max_tokens = work.generate;
    ask.ignore_eos = true;
    const auto replies = subject->answer(std::span(&ask, 1), {});
    if (replies.empty()) return Error{Errc::unavailable, "interrupted"};
    const Reply& reply = replies.front();
    if (!reply.fault.empty()) return Error{Errc::unavailable, reply.fault};
    speeds = {
        .prompt = reply.prompt_tokens / (reply.first_token_ms / 1000),
        .decode = (reply.output_tokens - 1) / ((reply.latency_ms - reply.first_token_ms) / 1000)};
  }
  frame.look_at_end();
  return speeds;
}

}  // namespace

Experiment run_training_framework(const ModelSource& source, const StudyFrame& frame,
                                  const Budget& budget) {
  Table table("training-framework");
  const auto program = source.programs / "galley-train-torch";
  std::error_code error;
  if (source.programs.empty() || !std::filesystem::exists(program, error)) {
    table.note(
        "Left out: galley-train-torch is not beside this program; it is built where CMake "
        "finds libtorch.");
    return table.take();
  }
  const auto model = FormatFiles(source).get(inference::QuantMix::f16, budget.part(0.5));
  if (!model) {
    table.note("Left out: " + describe(model.error()));
    return table.take();
  }
  const Workload wide = scaled(workload("wide-greedy"), frame.scale);
  const TorchWork work{.prompt = (wide.prompt_least + wide.prompt_most) / 2,
                       .generate = std::max(wide.output_tokens, 2U),
                       .threads = source.threads > 0 ? source.threads : usable_processors()};
  table.note(
      fmt::format("The same weights in f16; {} tokens read and {} written, one request, {} "
                  "threads. The latency follows from the two speeds.",
                  work.prompt, work.generate, work.threads));
  double seconds = 0;
  const std::uint32_t rounds = std::min(kMostTorchRounds, frame.rounds);
  for (std::uint32_t round = 0; round < rounds && (round == 0 || budget.affords(seconds));
       ++round) {
    const Instant began = budget.now();
    for (const std::string who : {"engine", "torch f32", "torch bf16"}) {
      const auto speeds =
          who == "engine" ? run_engine(*model, work, frame, round, budget)
                          : run_torch(program, *model, who.substr(who.find(' ') + 1), work, budget);
      if (budget.interrupted()) return table.take();
      if (!speeds) {
        table.note(fmt::format("{} was left out: {}", who, describe(speeds.error())));
        continue;
      }
      const double latency_ms =
          1000 * (work.prompt / speeds->prompt + (work.generate - 1) / speeds->decode);
      table.add({Cell{who}, count(round), known(source.model.parameters), Cell{},
                 number(speeds->prompt), number(speeds->decode), number(latency_ms), Cell{},
                 Cell{}});
    }
    seconds = std::chrono::duration<double>(budget.now() - began).count();
  }
  return table.take();
}

}  // namespace galley::profiling
