#include "run_quality.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace galley::profiling {
namespace {

constexpr std::uint32_t kRoomBehindAnswer = 8;
/// More bytes a token than any vocabulary has on the mean: bounds how much is written.
constexpr std::uint32_t kLeastAnswerTokens = 16;

struct Outcome {
  bool correct = false;
  double latency_ms = 0;
  std::uint32_t output_tokens = 0;
  std::string fault;
};

std::string folded(std::string_view text) {
  std::string out(trim(text));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x80)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_word_byte(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

Outcome choose(EngineSubject& subject, const EvaluationItem& item) {
  Outcome outcome;
  const auto& tokenizer = subject.tokenizer();
  const auto prompt = tokenizer.encode(item.prompt);
  double best = 0;
  std::string chosen;
  const Instant began = std::chrono::steady_clock::now();
  for (const std::string& choice : item.choices) {
    // Encoded together: a choice's first letters may belong to a token that begins in the prompt.
    const auto whole = tokenizer.encode(item.prompt + choice);
    const auto common = std::ranges::mismatch(prompt, whole).in1 - prompt.begin();
    const auto scores = subject.score(whole);
    if (!scores || scores->empty()) {
      outcome.fault = scores ? "interrupted" : describe(scores.error());
      return outcome;
    }
    double sum = 0;
    for (auto i = static_cast<std::size_t>(std::max<std::ptrdiff_t>(common, 1)); i < whole.size();
         ++i)
      sum += (*scores)[i - 1];
    if (chosen.empty() || sum > best) {
      best = sum;
      chosen = choice;
    }
  }
  outcome.latency_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  outcome.correct = chosen == item.answer;
  return outcome;
}

Outcome write(Subject& subject, const EvaluationItem& item, const EngineSubject* engine) {
  Ask ask;
  ask.prompt.text = item.prompt;
  std::size_t longest = item.answer.size();
  for (const std::string& choice : item.choices) longest = std::max(longest, choice.size());
  ask.max_tokens =
      std::max(kLeastAnswerTokens, static_cast<std::uint32_t>(longest) + kRoomBehindAnswer);
  if (engine != nullptr) {
    ask.prompt.tokens = engine->tokenizer().encode(item.prompt);
    const std::uint32_t context = subject.model().context;
    const auto used = static_cast<std::uint32_t>(ask.prompt.tokens.size());
    if (used < context) ask.max_tokens = std::min(ask.max_tokens, context - used);
  }
  ask.stop = {"\n"};
  Outcome outcome;
  const auto replies = subject.answer(std::span(&ask, 1), {});
  if (replies.empty()) {
    outcome.fault = "interrupted";
    return outcome;
  }
  const Reply& reply = replies.front();
  outcome.fault = reply.fault;
  outcome.latency_ms = reply.latency_ms;
  outcome.output_tokens = reply.output_tokens;
  outcome.correct = answers_match(reply.text, item.answer);
  return outcome;
}

}  // namespace

bool answers_match(std::string_view said, std::string_view expected) {
  const std::string answer = folded(said);
  const std::string wanted = folded(expected);
  if (wanted.empty() || !answer.starts_with(wanted)) return false;
  // "12" is no answer that begins with "1"; words of other scripts run on into their endings.
  const bool ends_in_ascii = static_cast<unsigned char>(wanted.back()) < 0x80;
  return answer.size() == wanted.size() || !ends_in_ascii || !is_word_byte(wanted.back()) ||
         !is_word_byte(answer[wanted.size()]);
}

Experiment run_quality(Subject& subject, std::span<const EvaluationItem> items,
                       const Budget& budget) {
  Table table("quality");
  auto* engine = dynamic_cast<EngineSubject*>(&subject);
  int faults = 0;
  std::size_t index = 0;
  for (; index < items.size() && (index == 0 || !budget.over()); ++index) {
    const EvaluationItem& item = items[index];
    const Outcome outcome = engine != nullptr && !item.choices.empty()
                                ? choose(*engine, item)
                                : write(subject, item, engine);
    if (budget.interrupted()) break;
    if (!outcome.fault.empty()) {
      table.note(fmt::format("question {} was left out: {}", index + 1, outcome.fault));
      if (++faults == kMostFaultsInARow) break;
      continue;
    }
    faults = 0;
    table.add({Cell{subject.model().name}, count(index + 1), count(outcome.correct ? 1 : 0),
               number(outcome.latency_ms), count(outcome.output_tokens),
               known(subject.resident_bytes())});
  }
  if (index < items.size())
    table.note(fmt::format("{} of {} questions were asked in the time given", index, items.size()));
  table.notes(subject.take_notes());
  return table.take();
}

}  // namespace galley::profiling
