#include "schema_numbers.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace galley::inference {
namespace {

constexpr std::size_t kMaxLength = 18;  // of numbers without an upper bound
constexpr std::uint32_t kMaxFraction = 16;

/// Makes digits out of bounds that are not negative.
class Digits {
 public:
  Digits(Grammar& grammar, JsonGrammar& json) : grammar_(grammar), json_(json) {}

  NodeIndex range(std::int64_t low, std::optional<std::int64_t> high) {
    std::vector<NodeIndex> choices;
    const std::string least = std::to_string(low);
    const std::string most = high ? std::to_string(*high) : std::string(kMaxLength, '9');
    for (std::size_t size = least.size(); size <= most.size(); ++size) {
      const std::string first = size == least.size() ? least : "1" + std::string(size - 1, '0');
      const std::string last = size == most.size() ? most : std::string(size, '9');
      choices.push_back(between(first, last));
    }
    return grammar_.choice(std::move(choices));
  }

  NodeIndex fraction() {
    return grammar_.optional(
        grammar_.sequence({grammar_.bytes("."), json_.digits(1, kMaxFraction)}));
  }
  NodeIndex no_fraction() {
    return grammar_.optional(grammar_.sequence(
        {grammar_.bytes("."), grammar_.repeat(grammar_.bytes("0"), 1, kMaxFraction)}));
  }
  NodeIndex some_fraction() {
    return grammar_.sequence({grammar_.bytes("."),
                              grammar_.repeat(grammar_.bytes("0"), 0, kMaxFraction / 2),
                              json_.one_of('1', '9'), json_.digits(0, kMaxFraction / 2)});
  }

 private:
  NodeIndex any(std::size_t count) {
    return json_.digits(static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(count));
  }

  /// Numbers of one length.
  NodeIndex between(std::string_view low, std::string_view high) {
    const bool all = low.find_first_not_of('0') == std::string_view::npos &&
                     high.find_first_not_of('9') == std::string_view::npos;
    if (all) return any(low.size());  // without it the halves below would double at each digit
    const auto rest = low.size() - 1;
    if (low[0] == high[0])
      return grammar_.sequence(
          {grammar_.bytes(low.substr(0, 1)), between(low.substr(1), high.substr(1))});
    std::vector<NodeIndex> choices{
        grammar_.sequence({grammar_.bytes(low.substr(0, 1)), from(low.substr(1))}),
        grammar_.sequence({grammar_.bytes(high.substr(0, 1)), up_to(high.substr(1))})};
    if (low[0] + 1 < high[0])
      choices.push_back(grammar_.sequence(
          {json_.one_of(static_cast<char>(low[0] + 1), static_cast<char>(high[0] - 1)),
           any(rest)}));
    return grammar_.choice(std::move(choices));
  }

  NodeIndex from(std::string_view low) { return between(low, std::string(low.size(), '9')); }
  NodeIndex up_to(std::string_view high) { return between(std::string(high.size(), '0'), high); }

  Grammar& grammar_;
  JsonGrammar& json_;
};

/// The part of a range below zero, by magnitude, or the part from zero.
struct Halves {
  std::optional<NumberRange> negative, positive;
};

Halves halves(const NumberRange& range, std::int64_t least_magnitude) {
  Halves both;
  if (!range.high || *range.high > 0 || (*range.high == 0 && !range.without_high)) {
    both.positive = range;
    if (!range.low || *range.low < 0) {
      both.positive->low = 0;
      both.positive->without_low = false;
    }
  }
  if (!range.low || *range.low < 0) {
    NumberRange mirrored{std::nullopt, std::nullopt, range.without_high, range.without_low};
    if (range.low) mirrored.high = -*range.low;
    mirrored.low = range.high ? std::max(-*range.high, std::int64_t{0}) : 0;
    if (*mirrored.low == 0 && least_magnitude == 0) mirrored.without_low = true;
    mirrored.low = std::max(*mirrored.low, least_magnitude);
    both.negative = mirrored;
  }
  return both;
}

/// Numbers that are not negative.
NodeIndex magnitudes(Grammar& grammar, Digits& digits, const NumberRange& range) {
  const std::int64_t low = *range.low;
  if (range.high && low == *range.high)
    return grammar.sequence({digits.range(low, low), digits.no_fraction()});
  std::vector<NodeIndex> choices;
  const std::int64_t first = low + (range.without_low ? 1 : 0);
  if (range.without_low)
    choices.push_back(grammar.sequence({digits.range(low, low), digits.some_fraction()}));
  if (!range.high)
    choices.push_back(grammar.sequence({digits.range(first, std::nullopt), digits.fraction()}));
  else if (first <= *range.high - 1)
    choices.push_back(grammar.sequence({digits.range(first, *range.high - 1), digits.fraction()}));
  if (range.high && !range.without_high)
    choices.push_back(
        grammar.sequence({digits.range(*range.high, *range.high), digits.no_fraction()}));
  return grammar.choice(std::move(choices));
}

template <class Part>
NodeIndex with_sign(Grammar& grammar, const Halves& both, Part&& part) {
  std::vector<NodeIndex> choices;
  if (both.positive) choices.push_back(part(*both.positive));
  if (both.negative)
    choices.push_back(grammar.sequence({grammar.bytes("-"), part(*both.negative)}));
  return grammar.choice(std::move(choices));
}

}  // namespace

NodeIndex integer_range(Grammar& grammar, JsonGrammar& json, const NumberRange& range) {
  Digits digits(grammar, json);
  return with_sign(grammar, halves(range, 1),
                   [&](const NumberRange& half) { return digits.range(*half.low, half.high); });
}

NodeIndex number_range(Grammar& grammar, JsonGrammar& json, const NumberRange& range) {
  Digits digits(grammar, json);
  return with_sign(grammar, halves(range, 0),
                   [&](const NumberRange& half) { return magnitudes(grammar, digits, half); });
}

}  // namespace galley::inference
