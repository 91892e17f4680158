#pragma once

#include <cstdint>
#include <optional>

#include "json_grammar.h"

namespace galley::inference {

/// Bounds past this are refused.
inline constexpr std::int64_t kMaxBound = 100'000'000'000'000'000;  // 10^17

/// From `low` to `high`, absent where unbounded; a bound itself may be left out of numbers.
struct NumberRange {
  std::optional<std::int64_t> low, high;
  bool without_low = false, without_high = false;
};

/// The integers of the range, without leading zeros. The range holds at least one.
NodeIndex integer_range(Grammar& grammar, JsonGrammar& json, const NumberRange& range);

/// The numbers of the range, without exponents. The range holds at least one.
NodeIndex number_range(Grammar& grammar, JsonGrammar& json, const NumberRange& range);

}  // namespace galley::inference
