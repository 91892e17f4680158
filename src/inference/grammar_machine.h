#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.h"
#include "grammar.h"

namespace galley::inference {

inline constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

/// A grammar as a pushdown automaton over bytes: each rule is a deterministic automaton whose edges
/// read a byte or call another rule. Small rules that do not recurse are part of their callers.
struct Machine {
  struct Call {
    std::uint32_t start;  // of the rule that is called
    std::uint32_t next;   // where the caller goes on
  };
  struct Position {
    std::uint32_t calls_begin = 0, calls_end = 0;
    bool reads = false;  // has an edge that reads a byte
    bool ends = false;   // the rule may end here
    bool plain = false;  // reads, does not end and calls nothing
    bool only_ends = false;
  };

  std::array<std::uint8_t, 256> byte_class{};  // bytes that no edge tells apart
  std::uint32_t class_count = 1;
  std::uint32_t start = 0;
  std::vector<Position> positions;
  std::vector<std::uint32_t> edges;  // [position][class], kNowhere where there is none
  std::vector<Call> calls;

  std::uint32_t next(std::uint32_t position, std::uint8_t byte) const {
    return edges[std::size_t{position} * class_count + byte_class[byte]];
  }
  std::span<const Call> calls_of(const Position& position) const {
    return std::span(calls).subspan(position.calls_begin,
                                    position.calls_end - position.calls_begin);
  }
};

/// Every position that is left can reach the end of the text. Errors: invalid_argument (a rule that
/// is left-recursive, by name; a grammar that no text satisfies), too_large.
Result<Machine> compile_machine(const Grammar& grammar);

}  // namespace galley::inference
