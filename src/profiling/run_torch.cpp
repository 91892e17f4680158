// training-framework: the same weights in the engine and in libtorch's operations, one by one.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/processors.h"
#include "process/child.h"
#include "run_settings.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kMostTorchRounds = 8;
constexpr Millis kLeastPatience{5'000};

struct Speeds {
  double prompt_tok_s = 0, decode_tok_s = 0;
};

struct Work {
  std::uint32_t prompt = 0, generate = 0, threads = 0;
};

std::vector<std::string> environment_with_threads(std::uint32_t threads) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("OMP_NUM_THREADS=") && !text.starts_with("OPENBLAS_NUM_THREADS="))
      environment.emplace_back(text);
  }
  environment.push_back("OMP_NUM_THREADS=" + std::to_string(threads));
  environment.push_back("OPENBLAS_NUM_THREADS=" + std::to_string(threads));
  return environment;
}

Result<Speeds> run_torch(const std::filesystem::path& program, const std::filesystem::path& model,
                         const std::string& type, const Work& work, const Budget& budget) {
  const auto left = Millis{static_cast<std::int64_t>(budget.left_s() * 1000)};
  GALLEY_TRY(
      const auto output,
      process::run_child({program.string(), "lm-generate", "--model", model.string(), "--type",
                          type, "--batch", "1", "--prompt", std::to_string(work.prompt),
                          "--generate", std::to_string(work.generate), "--rounds", "1", "--threads",
                          std::to_string(work.threads)},
                         {.timeout = std::max(left, kLeastPatience),
                          .env = environment_with_threads(work.threads)}));
  if (!output.succeeded())
    return Error{Errc::unavailable, "libtorch's generation failed: " + output.stderr_bytes};
  GALLEY_TRY(const Json speeds, parse_json(output.stdout_bytes));
  return Speeds{.prompt_tok_s = speeds.value("prefill_tok_s", 0.0),
                .decode_tok_s = speeds.value("decode_tok_s", 0.0)};
}

Result<Speeds> run_engine(const std::filesystem::path& model, const Work& work,
                          const StudyFrame& frame, std::uint32_t round, const Budget& budget) {
  GALLEY_TRY(const auto subject,
             EngineSubject::open(model, {.threads = work.threads}, budget.stop()));
  Speeds speeds;
  for (std::uint64_t i = 0; i < 2; ++i) {  // the first wakes it
    Ask ask;
    ask.prompt = subject->make_prompt(frame.seed, round * 2 + i, work.prompt, PromptShape::prose);
    ask.max_tokens = work.generate;
    ask.ignore_eos = true;
    const auto replies = subject->answer(std::span(&ask, 1), {});
    if (replies.empty()) return Error{Errc::unavailable, "interrupted"};
    const Reply& reply = replies.front();
    if (!reply.fault.empty()) return Error{Errc::unavailable, reply.fault};
    speeds = {.prompt_tok_s = reply.prompt_tokens / (reply.first_token_ms / 1000),
              .decode_tok_s =
                  (reply.output_tokens - 1) / ((reply.latency_ms - reply.first_token_ms) / 1000)};
  }
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
  const Work work{.prompt = (wide.prompt_least + wide.prompt_most) / 2,
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
          1000 * (work.prompt / speeds->prompt_tok_s + (work.generate - 1) / speeds->decode_tok_s);
      table.add({Cell{who}, count(round), known(source.model.parameters), Cell{},
                 number(speeds->prompt_tok_s), number(speeds->decode_tok_s), number(latency_ms),
                 Cell{}, Cell{}});
    }
    seconds = std::chrono::duration<double>(budget.now() - began).count();
  }
  return table.take();
}

}  // namespace galley::profiling
