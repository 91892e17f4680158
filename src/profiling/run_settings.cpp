#include "run_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "inference/quantize.h"
#include "tensor/device_group.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kMostSettingRounds = 32;
constexpr std::uint32_t kTextWindow = 256;
constexpr std::uint32_t kSurpriseTokens = 256;
constexpr std::uint64_t kTextStream = std::uint64_t{1} << 48;  // apart from every prompt
/// Requests that a freshly loaded model answers; the first only wakes it.
constexpr std::size_t kRequestsEach = 3;

struct Measured {
  std::vector<Reply> replies;
  double nats = 0;
  std::uint64_t parameters = 0, weight_bytes = 0, resident_bytes = 0;
  std::string fault;
};

/// Without the cache every token of the answer reads all before it again.
double expected_s(const Pace& pace, const Setting& setting, std::uint32_t prompt,
                  std::uint32_t output) {
  if (!setting.recompute) return pace.seconds(prompt, output);
  return pace.seconds(prompt + output * (prompt + output / 2.0), 0);
}

/// `with_text`: the surprise of the fixed text is wanted too; it is the same every time.
Measured measure_one(const Setting& setting, const StudyFrame& frame, std::uint32_t round,
                     bool with_text, const Budget& budget) {
  Measured measured;
  auto opened = EngineSubject::open(setting.path, setting.engine, budget.stop());
  if (!opened) {
    measured.fault = describe(opened.error());
    return measured;
  }
  EngineSubject& subject = **opened;
  measured.parameters = subject.model().parameters;
  measured.weight_bytes = subject.model().weight_bytes;
  Workload work = scaled(workload("wide-greedy"), frame.scale);
  work.stop_at_newline = false;
  work.ignore_eos = true;
  const std::uint32_t prompt = (work.prompt_least + work.prompt_most) / 2;
  const Pace pace = pace_of(subject, frame);
  const double each_s = expected_s(pace, setting, prompt, work.output_tokens);
  if (!budget.affords(each_s)) {
    measured.fault = fmt::format("a request would take about {:.1f} s, and {:.1f} s were left",
                                 each_s, budget.left_s());
    return measured;
  }
  // The first request of that length still touches memory for the first time.
  const bool wakes = budget.affords(4 * each_s);
  for (std::size_t i = wakes ? 0 : 1; i < kRequestsEach && !budget.interrupted(); ++i) {
    // The same prompts for every setting.
    Ask ask = ask_of(subject, work, frame, round * kRequestsEach + i, prompt);
    ask.recompute = setting.recompute;
    auto replies = subject.answer(std::span(&ask, 1), {});
    if (replies.empty()) break;
    if (!replies.front().fault.empty()) {
      measured.fault = replies.front().fault;
      return measured;
    }
    if (i > 0) measured.replies.push_back(std::move(replies.front()));
    if (i > 0 && !budget.affords(each_s)) break;
  }
  frame.look_at_end();
  measured.resident_bytes = subject.resident_bytes();
  if (with_text && budget.affords(pace.seconds(kSurpriseTokens, 0)))
    measured.nats = mean_of(surprise(subject, frame, kSurpriseTokens));
  return measured;
}

void add_row(Table& table, const Setting& setting, std::uint32_t round, const Measured& measured) {
  double prompt_tok_s = 0, decode_tok_s = 0, latency_ms = 0;
  for (const Reply& reply : measured.replies) {
    prompt_tok_s += reply.prompt_tokens / (reply.first_token_ms / 1000);
    const double behind_ms = std::max(reply.latency_ms - reply.first_token_ms, 1e-3);
    decode_tok_s += (std::max(reply.output_tokens, 1U) - 1) / (behind_ms / 1000);
    latency_ms += reply.latency_ms;
  }
  const auto replies = static_cast<double>(measured.replies.size());
  table.add({Cell{setting.name}, count(round), known(measured.parameters),
             known(measured.weight_bytes), number(prompt_tok_s / replies),
             number(decode_tok_s / replies), number(latency_ms / replies),
             known(measured.resident_bytes), measured.nats > 0 ? number(measured.nats) : Cell{}});
}

}  // namespace

std::vector<std::string> usable_instruction_sets() {
  constexpr std::array kAll{"amx", "avx512_bf16", "avx512_vnni", "avx512", "avx2", "scalar"};
  std::vector<std::string> usable;
  for (const char* isa : kAll)
    if (tensor::make_cpu_group({.threads = 1, .isa = isa})) usable.emplace_back(isa);
  return usable;
}

double mean_of(const std::vector<double>& values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

std::vector<double> surprise(EngineSubject& subject, const StudyFrame& frame,
                             std::uint32_t tokens) {
  const std::uint32_t window = std::max(std::min(kTextWindow, subject.model().context) - 1, 2U);
  std::vector<double> nats;
  for (std::uint64_t i = 0; nats.size() < tokens; ++i) {
    const Prompt text =
        subject.make_prompt(frame.seed, kTextStream + i, window, PromptShape::prose);
    const auto scores = subject.score(text.tokens);
    if (!scores || scores->empty()) return {};
    for (const double logprob : *scores) nats.push_back(-logprob);
  }
  return nats;
}

Pace pace_of(EngineSubject& subject, const StudyFrame& frame) {
  constexpr std::uint32_t kPrompt = 8, kOutput = 3;
  constexpr std::uint64_t kProbeStream = std::uint64_t{1} << 44;
  Ask ask;
  ask.prompt = subject.make_prompt(frame.seed, kProbeStream, kPrompt, PromptShape::prose);
  ask.max_tokens = kOutput;
  ask.ignore_eos = true;
  const auto replies = subject.answer(std::span(&ask, 1), {});
  if (replies.empty() || !replies.front().fault.empty()) return {};
  const Reply& reply = replies.front();
  return {.prompt_token_s = reply.first_token_ms / 1000 / kPrompt,
          .output_token_s = (reply.latency_ms - reply.first_token_ms) / 1000 / (kOutput - 1)};
}

void measure_settings(Table& table, const std::vector<Setting>& settings, const StudyFrame& frame,
                      const Budget& budget) {
  struct State {
    double seconds = 0;  // of the last round
    double nats = 0;
    bool closed = false;
  };
  std::vector<State> states(settings.size());
  const std::uint32_t rounds = std::min(kMostSettingRounds, frame.rounds);
  for (std::uint32_t round = 0; round < rounds; ++round) {
    bool any = false;
    for (std::size_t k = 0; k < settings.size() && !budget.interrupted(); ++k) {
      // There and back again: a machine that slows down on the way meets all settings alike.
      const bool goes_back = round % 2 == 1;
      const std::size_t i = goes_back ? settings.size() - 1 - k : k;
      State& state = states[i];
      // The slow ones stand last. On the way back they must leave time for those after them, of
      // which nobody would know otherwise how far one measurement can be trusted.
      double needed_s = state.seconds;
      for (std::size_t next = 0; goes_back && next < i; ++next) needed_s += states[next].seconds;
      if (state.closed || (round > 0 && !budget.affords(needed_s))) continue;
      if (budget.over()) {
        state.closed = true;
        table.note(fmt::format("{} was left out: the time was used up", settings[i].name));
        continue;
      }
      frame.look();
      const Instant began = budget.now();
      Measured measured = measure_one(settings[i], frame, round, state.nats == 0, budget);
      state.seconds = std::chrono::duration<double>(budget.now() - began).count();
      if (budget.interrupted()) return;
      if (!measured.fault.empty() || measured.replies.empty()) {
        state.closed = true;
        if (round == 0)
          table.note(fmt::format("{} was left out: {}", settings[i].name,
                                 measured.fault.empty() ? "nothing came back" : measured.fault));
        continue;
      }
      if (state.nats == 0) state.nats = measured.nats;
      measured.nats = state.nats;
      add_row(table, settings[i], round, measured);
      any = true;
    }
    if (!any) break;
  }
}

Result<std::filesystem::path> FormatFiles::get(inference::QuantMix mix, const Budget& budget) {
  const auto file = source_.scratch / fmt::format("{}.gguf", inference::name_of(mix));
  std::error_code error;
  if (std::filesystem::exists(file, error)) return file;
  constexpr std::uint64_t kBytesPerParameter = 2;  // of the largest mix
  const auto space = std::filesystem::space(source_.scratch, error);
  if (!error && space.available < source_.model.parameters * kBytesPerParameter)
    return Error{Errc::exhausted, fmt::format("a copy of the model in {} does not fit into {}",
                                              inference::name_of(mix), source_.scratch.string())};
  std::stop_source late;
  const auto written = inference::quantize(source_.path, file, mix,
                                           {.threads = source_.threads,
                                            .progress =
                                                [&](double) {
                                                  if (budget.over()) late.request_stop();
                                                },
                                            .stop = late.get_token()});
  if (!written && late.stop_requested())
    return Error{Errc::timeout, "the time was used up before it was made"};
  if (!written) return written.error();
  return file;
}

}  // namespace galley::profiling
