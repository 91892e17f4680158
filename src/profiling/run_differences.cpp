// differences: whether answers change with what should not matter, and whether quality does.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "run_settings.h"

namespace galley::profiling {
namespace {

using inference::QuantMix;

constexpr std::array<std::uint32_t, 3> kDifferenceBatches{4, 8, 32};
constexpr double kUsualIsas = 5;
constexpr std::array kMixes{QuantMix::q8_0, QuantMix::q4_k_m, QuantMix::q4_0};
constexpr std::uint32_t kDifferenceOutput = 32;
constexpr std::uint32_t kQuickOutputs = 16, kOutputs = 96;
constexpr std::uint32_t kQuickTokens = 512, kTokens = 8192;

std::vector<Ask> greedy_asks(const Subject& subject, const StudyFrame& frame, std::uint32_t count) {
  Workload work = scaled(workload("one-shot"), frame.scale);
  work.output_tokens = scaled_tokens(kDifferenceOutput, frame.scale);
  std::vector<Ask> asks;
  for (std::uint32_t i = 0; i < count; ++i) {
    asks.push_back(ask_of(subject, work, frame, i));
    asks.back().exactly = true;
  }
  return asks;
}

/// The answers' texts; empty unless all came, and then `table` says why not.
std::vector<std::string> texts_of(Subject& subject, const std::vector<Ask>& asks,
                                  std::uint32_t at_once, Table& table) {
  std::vector<std::string> texts;
  for (Reply& reply : subject.answer(asks, {.at_once = at_once})) {
    if (reply.fault.empty())
      texts.push_back(std::move(reply.text));
    else
      table.note(fmt::format("{} at once: an answer did not come: {}", at_once, reply.fault));
  }
  if (texts.size() < asks.size()) texts.clear();
  return texts;
}

struct Outputs {
  std::vector<std::string> texts;
  std::vector<double> nats;
};

void add_row(Table& table, std::string_view what, const std::string& setting,
             const std::string& reference, const Outputs& own, const Outputs& other) {
  std::size_t different = 0;
  for (std::size_t i = 0; i < own.texts.size(); ++i)
    if (own.texts[i] != other.texts[i]) ++different;
  Cell nats, reference_nats, error;
  if (!own.nats.empty() && own.nats.size() == other.nats.size()) {
    nats = mean_of(own.nats);
    reference_nats = mean_of(other.nats);
    const double mean = mean_of(own.nats) - mean_of(other.nats);
    double squares = 0;
    for (std::size_t i = 0; i < own.nats.size(); ++i) {
      const double apart = own.nats[i] - other.nats[i] - mean;
      squares += apart * apart;
    }
    const auto n = static_cast<double>(own.nats.size());
    error = std::sqrt(squares / std::max(n - 1, 1.0) / n);
  }
  table.add({Cell{std::string(what)}, Cell{setting}, Cell{reference}, count(own.texts.size()),
             count(different), nats, reference_nats, error});
}

/// Opens a setting, takes its outputs one by one, and compares them with the reference.
void compare_setting(Table& table, std::string_view what, const Setting& setting,
                     const std::string& reference, const Outputs& other, std::uint32_t tokens,
                     const StudyFrame& frame, const Budget& budget) {
  auto subject = EngineSubject::open(setting.path, setting.engine, budget.stop());
  if (!subject) {
    table.note(fmt::format("{} was left out: {}", setting.name, describe(subject.error())));
    return;
  }
  const auto outputs = static_cast<std::uint32_t>(other.texts.size());
  const auto asks = greedy_asks(**subject, frame, outputs);
  const Pace pace = pace_of(**subject, frame);
  double expected_s = pace.seconds(tokens, 0);
  for (const Ask& ask : asks)
    expected_s += pace.seconds(static_cast<double>(ask.prompt.tokens.size()), ask.max_tokens);
  if (!budget.affords(expected_s)) {
    table.note(fmt::format("{} was left out: about {:.1f} s, and {:.1f} s were left", setting.name,
                           expected_s, budget.left_s()));
    return;
  }
  Outputs own{texts_of(**subject, asks, 1, table), surprise(**subject, frame, tokens)};
  if (budget.interrupted() || own.texts.size() != other.texts.size()) return;
  add_row(table, what, setting.name, reference, own, other);
}

}  // namespace

Experiment run_target_differences(Subject& subject, const StudyFrame& frame, const Budget& budget) {
  Table table("differences");
  const auto asks = greedy_asks(subject, frame, frame.quick ? kQuickOutputs : kOutputs);
  Outputs alone{texts_of(subject, asks, 1, table), {}};
  if (alone.texts.empty()) {
    table.notes(subject.take_notes());
    return table.take();
  }
  for (const std::uint32_t batch : kDifferenceBatches) {
    if (budget.over()) break;
    const Outputs together{texts_of(subject, asks, batch, table), {}};
    if (!together.texts.empty())
      add_row(table, "batch", std::to_string(batch), "1", together, alone);
  }
  // A server that answers the same request differently says nothing about batches.
  if (!budget.over()) {
    const Outputs again{texts_of(subject, asks, 1, table), {}};
    if (!again.texts.empty()) add_row(table, "batch", "1 again", "1", again, alone);
  }
  table.notes(subject.take_notes());
  return table.take();
}

Experiment run_differences(const ModelSource& source, const StudyFrame& frame,
                           const Budget& budget) {
  Table table("differences");
  const EngineSettings usual{.threads = source.threads, .isa = usable_instruction_sets().front()};
  Outputs reference;
  std::uint32_t tokens = frame.quick ? kQuickTokens : kTokens;
  {
    auto subject = EngineSubject::open(source.path, usual, budget.stop());
    if (!subject) {
      table.note("the model could not be loaded again: " + describe(subject.error()));
      return table.take();
    }
    // As many answers as leave time for all settings.
    const auto first = greedy_asks(**subject, frame, 2);
    const Instant began = budget.now();
    if (texts_of(**subject, first, 1, table).empty()) return table.take();
    const double each_s = std::chrono::duration<double>(budget.now() - began).count() / 2;
    constexpr double kSettings = kDifferenceBatches.size() + 2 * kUsualIsas + kMixes.size() + 1;
    const double affordable = budget.left_s() / kSettings / 2 / std::max(each_s, 1e-6);
    const auto outputs = static_cast<std::uint32_t>(
        std::clamp<double>(affordable, 2, frame.quick ? kQuickOutputs : kOutputs));
    tokens =
        std::clamp(static_cast<std::uint32_t>(affordable * kDifferenceOutput * 4), 128U, tokens);
    const auto asks = greedy_asks(**subject, frame, outputs);
    reference = {texts_of(**subject, asks, 1, table), surprise(**subject, frame, tokens)};
    for (const std::uint32_t batch : kDifferenceBatches) {
      if (budget.over() || reference.texts.empty()) break;
      const Outputs together{texts_of(**subject, asks, batch, table),
                             surprise(**subject, frame, tokens)};
      if (!together.texts.empty())
        add_row(table, "batch", std::to_string(batch), "1", together, reference);
    }
  }
  if (reference.texts.empty()) return table.take();
  FormatFiles files(source);
  for (const QuantMix mix : kMixes) {
    const std::string name(inference::name_of(mix));
    if (name == source.model.format) continue;
    const auto path =
        budget.over() ? Result<std::filesystem::path>(Error{Errc::timeout, "the time was used up"})
                      : files.get(mix, budget);
    if (!path) {
      table.note(fmt::format("{} was left out: {}", name, describe(path.error())));
      continue;
    }
    compare_setting(table, "format", {.name = name, .path = *path, .engine = usual},
                    source.model.format, reference, tokens, frame, budget);
  }
  // The reference runs on the first.
  const auto isas = usable_instruction_sets();
  for (std::size_t i = 1; i < isas.size() && !budget.interrupted(); ++i)
    compare_setting(table, "kernel",
                    {.name = isas[i],
                     .path = source.path,
                     .engine = {.threads = source.threads, .isa = isas[i]}},
                    isas.front(), reference, tokens, frame, budget);
  return table.take();
}

}  // namespace galley::profiling
