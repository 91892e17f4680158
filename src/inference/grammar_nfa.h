#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "grammar.h"

namespace galley::inference {

/// The rules of a grammar that are called, as automata with empty moves (Thompson, 1968), all in
/// one array of states. Rules that reach no recursion and stay small are written out where they are
/// used: a call costs a frame, and what happens inside of one cannot be cached with its caller.
struct Nfa {
  struct Edge {
    std::uint32_t next;  // of the same state; kNowhere ends the list
    std::uint32_t to;
    std::uint32_t rule;  // of a call
    std::uint8_t first, last;
    enum class Kind : std::uint8_t { empty, byte, call } kind;
  };
  struct Rule {
    RuleIndex rule;
    std::uint32_t start, end;
  };

  std::vector<std::uint32_t> edges_of;  // by state: the first of its edges
  std::vector<Edge> edges;
  std::vector<Rule> rules;  // that are called; the root first. Edge::rule is an index into it
};

/// Errors: too_large.
Result<Nfa> build_nfa(const Grammar& grammar);

}  // namespace galley::inference
