#include "answer_build.h"

#include <fmt/format.h>

#include <cmath>

#include "base/units.h"
#include "plot/axis.h"

namespace galley::profiling {
namespace {

std::string percent(double share) {
  const double value = share * 100;
  const double size = std::abs(value);
  // "100 %" must mean all of them, and "0 %" none.
  if (size > 99 && size < 100) return fmt::format("{:.2f} %", std::trunc(value * 100) / 100);
  if (size >= 10 || size == 0) return fmt::format("{:.0f} %", value);
  return plot::short_number(std::round(value * 100) / 100) + " %";
}

std::string sentence_of(std::string_view opening, std::string_view body, std::string_view facts) {
  std::string text = fmt::format("{}: {}.", opening, body);
  if (!facts.empty()) text += fmt::format(" {}", facts);
  return text;
}

Answer start(const Question& question) {
  Answer answer;
  answer.id = fmt::format("{}.{}", question.experiment, question.id);
  answer.experiment = question.experiment;
  answer.question = question.question;
  answer.measure = question.measure;
  answer.rule =
      question.rule_words.empty() ? rule_text(question.rule, question.unit) : question.rule_words;
  return answer;
}

}  // namespace

std::string in_unit(double value, Unit unit) {
  switch (unit) {
    case Unit::share:
      return percent(value);
    case Unit::more_share:
      return (value >= 0 ? "+" : "") + percent(value);
    case Unit::ratio:
      return plot::short_number(value) + "×";
    case Unit::ms:
      return value >= 10'000 ? plot::short_number(value / 1e3) + " s"
                             : plot::short_number(value) + " ms";
    case Unit::bytes:
      return format_bytes(static_cast<std::int64_t>(value));
    case Unit::plain:
      break;
  }
  return plot::short_number(value);
}

std::string in_unit(const Interval& interval, Unit unit) {
  // Counted, not estimated: there is no range to tell.
  if (interval.low == interval.high) return in_unit(interval.value, unit);
  return fmt::format("{} ({} to {})", in_unit(interval.value, unit), in_unit(interval.low, unit),
                     in_unit(interval.high, unit));
}

Verdict judge(const Interval& interval, const Rule& rule) {
  const auto decide = [](bool yes, bool no) {
    return yes ? Verdict::yes : no ? Verdict::no : Verdict::cannot_tell;
  };
  switch (rule.kind) {
    case Rule::Kind::from:
      return decide(interval.low >= rule.bound, interval.high < rule.bound);
    case Rule::Kind::below:
      return decide(interval.high < rule.bound, interval.low >= rule.bound);
    case Rule::Kind::within:
      return decide(interval.low >= rule.bound && interval.high <= rule.upper,
                    interval.high < rule.bound || interval.low > rule.upper);
  }
  return Verdict::cannot_tell;
}

std::string rule_text(const Rule& rule, Unit unit) {
  switch (rule.kind) {
    case Rule::Kind::from:
      return fmt::format("yes from {} on", in_unit(rule.bound, unit));
    case Rule::Kind::below:
      return fmt::format("yes below {}", in_unit(rule.bound, unit));
    case Rule::Kind::within:
      return fmt::format("yes between {} and {}", in_unit(rule.bound, unit),
                         in_unit(rule.upper, unit));
  }
  return {};
}

Drafted answered(const Question& question, const Interval& figure, std::string facts) {
  if (!std::isfinite(figure.value) || !std::isfinite(figure.low) || !std::isfinite(figure.high))
    return unanswered(question, "the figures do not give a number", std::move(facts));
  Drafted answer{start(question), question, facts};
  answer.figure = figure;
  answer.has_figure = true;
  answer.verdict = judge(figure, question.rule);
  const std::string found =
      fmt::format("{} is {}", question.measure, in_unit(figure, question.unit));
  switch (answer.verdict) {
    case Verdict::yes:
      answer.sentence = sentence_of("Yes", fmt::format("{}; {}", question.if_yes, found), facts);
      break;
    case Verdict::no:
      answer.sentence = sentence_of("No", fmt::format("{}; {}", question.if_no, found), facts);
      break;
    case Verdict::cannot_tell:
      answer.sentence = sentence_of(
          "Cannot tell",
          fmt::format("{}, which reaches to both sides of the rule ({})", found, answer.rule),
          facts);
      break;
  }
  return answer;
}

Drafted unanswered(const Question& question, std::string_view reason, std::string facts) {
  Drafted answer{start(question), question, facts};
  answer.sentence = sentence_of("Cannot tell", reason, facts);
  return answer;
}

Drafted answered_if(const Question& question, const std::optional<Interval>& figure,
                    std::string_view reason, std::string facts) {
  return figure ? answered(question, *figure, std::move(facts))
                : unanswered(question, reason, std::move(facts));
}

}  // namespace galley::profiling
