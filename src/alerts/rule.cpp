#include "alerts/rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/units.h"

namespace galley::alerts {
namespace {

using std::string_view;

// Longer signs first, so that ">=" is not read as ">".
constexpr std::array<std::pair<string_view, Comparison>, 6> kSigns{{{">=", Comparison::at_least},
                                                                    {"<=", Comparison::at_most},
                                                                    {"==", Comparison::equal},
                                                                    {"!=", Comparison::differs},
                                                                    {">", Comparison::above},
                                                                    {"<", Comparison::below}}};
constexpr std::array<string_view, 7> kLabels{"node", "gpu",  "uuid", "attempt",
                                             "team", "user", "alarm"};

constexpr bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

/// Which way a bound looks: 1 for high numbers, -1 for low ones, 0 for one number.
int side_of(Comparison comparison) {
  if (comparison == Comparison::above || comparison == Comparison::at_least) return 1;
  if (comparison == Comparison::below || comparison == Comparison::at_most) return -1;
  return 0;
}

class Parser {
 public:
  explicit Parser(string_view text) : text_(text) {}

  Result<Rule> parse() {
    Rule rule;
    const string_view name = word();
    if (name.empty()) return wrong("the name of a metric, such as node_cpu_ratio");
    auto metric = telemetry::find_metric(name);
    if (!metric) {
      Error error = std::move(metric).error();
      return Error{Errc::invalid_argument, error.message, "expression", error.expected, error.hint};
    }
    rule.metric = *metric;
    if (take("{")) GALLEY_TRY_STATUS(read_labels(rule));
    GALLEY_TRY(rule.bound, read_bound());
    if (take_word("for")) {
      GALLEY_TRY(rule.hold, read_duration());
    }
    if (take_word("until")) {
      GALLEY_TRY(rule.until, read_until(rule.bound));
    }
    skip_space();
    if (at_ != text_.size()) return wrong("nothing more, `for DURATION` or `until OP NUMBER`");
    return rule;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(string_view sign) {
    skip_space();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  string_view word() {
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool take_word(string_view wanted) {
    const std::size_t before = at_;
    if (word() == wanted) return true;
    at_ = before;
    return false;
  }
  Error wrong(std::string expected) const {
    const std::string found = at_ >= text_.size()
                                  ? "the rule ends too early"
                                  : "found '" + std::string(text_.substr(at_, 20)) + "'";
    return Error{Errc::invalid_argument, found + " at character " + std::to_string(at_ + 1),
                 "expression", std::move(expected), "a rule reads: node_cpu_ratio > 0.8 for 5m"};
  }

  Status read_labels(Rule& rule) {
    while (!take("}")) {
      if (!rule.labels.empty() && !take(",")) return wrong("',' or '}'");
      skip_space();
      const std::size_t before = at_;
      const string_view label = word();
      if (std::ranges::find(kLabels, label) == kLabels.end()) {
        at_ = before;
        return wrong("one of the labels node, gpu, uuid, attempt, team, user, alarm");
      }
      if (!take("=")) return wrong("'=' after the label");
      if (!take("\"")) return wrong("a value in double quotes");
      const std::size_t end = text_.find('"', at_);
      if (end == string_view::npos) return wrong("a closing double quote");
      rule.labels.emplace_back(label, text_.substr(at_, end - at_));
      at_ = end + 1;
    }
    return ok();
  }

  Result<Bound> read_bound() {
    Bound bound;
    bool found = false;
    for (const auto& [sign, comparison] : kSigns)
      if (take(sign)) {
        bound.comparison = comparison;
        found = true;
        break;
      }
    if (!found) return wrong("one of > >= < <= == !=");
    skip_space();
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), bound.value);
    if (error != std::errc{} || !std::isfinite(bound.value))
      return wrong("a number, or a share such as 80%");
    at_ += static_cast<std::size_t>(end - begin);
    const std::size_t after_number = at_;
    if (take("%"))
      bound.value /= 100;
    else
      at_ = after_number;
    if (at_ < text_.size() && is_word(text_[at_])) return wrong("a space after the number");
    return bound;
  }

  Result<Millis> read_duration() {
    skip_space();
    const std::size_t before = at_;
    const auto hold = parse_duration(word());
    if (hold && *hold >= Millis{0} && *hold <= kLongestHold) return *hold;
    at_ = before;
    return wrong("a duration up to 7d, such as 5m or 1h");
  }

  Result<Bound> read_until(const Bound& bound) {
    const std::size_t before = at_;
    GALLEY_TRY(const Bound until, read_bound());
    const int side = side_of(bound.comparison);
    const bool beyond = side > 0 ? until.value <= bound.value : until.value >= bound.value;
    if (side == 0 || side_of(until.comparison) != -side || !beyond) {
      at_ = before;
      skip_space();
      return wrong(side == 0 ? "no `until` after == or !="
                             : "a bound on the other side, such as `> 90 until < 80`");
    }
    return until;
  }

  string_view text_;
  std::size_t at_ = 0;
};

std::string print_bound(const Bound& bound) {
  const auto sign =
      std::ranges::find(kSigns, bound.comparison, &std::pair<string_view, Comparison>::second);
  std::array<char, 40> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), bound.value).ptr;
  return std::string(sign->first) + " " + std::string(text.data(), end);
}

}  // namespace

bool Bound::holds(double number) const {
  switch (comparison) {
    case Comparison::above:
      return number > value;
    case Comparison::at_least:
      return number >= value;
    case Comparison::below:
      return number < value;
    case Comparison::at_most:
      return number <= value;
    case Comparison::equal:
      return number == value;
    case Comparison::differs:
      return number != value;
  }
  return false;
}

Result<Rule> parse_rule(std::string_view text) {
  if (text.size() > kLongestRule)
    return Error{Errc::invalid_argument,
                 "the rule has " + std::to_string(text.size()) + " characters", "expression",
                 "at most " + std::to_string(kLongestRule)};
  if (!is_valid_utf8(text))
    return Error{Errc::invalid_argument, "the rule is not UTF-8", "expression", "UTF-8 text"};
  return Parser(text).parse();
}

std::string print_rule(const Rule& rule) {
  std::string out = telemetry::name_of(rule.metric);
  for (std::size_t i = 0; i < rule.labels.size(); ++i) {
    out += i == 0 ? "{" : ", ";
    out += rule.labels[i].first + "=\"" + rule.labels[i].second + "\"";
  }
  if (!rule.labels.empty()) out += "}";
  out += " " + print_bound(rule.bound);
  if (rule.hold > Millis{0}) out += " for " + std::to_string(rule.hold.count()) + "ms";
  if (rule.until) out += " until " + print_bound(*rule.until);
  return out;
}

}  // namespace galley::alerts
