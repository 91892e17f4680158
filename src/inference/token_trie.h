#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "inference/constraint.h"

namespace galley::inference {

/// Nodes in depth-first order: the subtree of node i is [i, past(i)), its tokens lie together.
struct TokenTrie::Impl {
  struct Node {
    std::uint32_t past = 0;   // the first node behind the subtree
    std::uint32_t depth = 0;  // 1 below the root, which has no node
    std::uint32_t tokens_begin = 0;
    std::uint8_t byte = 0;
  };

  bool has_children(std::uint32_t node) const { return nodes[node].past > node + 1; }
  std::span<const text::TokenId> tokens_of(std::uint32_t node) const {
    const std::uint32_t end = node + 1 < nodes.size() ? nodes[node + 1].tokens_begin
                                                      : static_cast<std::uint32_t>(tokens.size());
    return std::span(tokens).subspan(nodes[node].tokens_begin, end - nodes[node].tokens_begin);
  }
  std::span<const std::uint8_t> bytes_of(text::TokenId token) const {
    const auto at = static_cast<std::size_t>(token);
    return std::span(bytes).subspan(starts[at], starts[at + 1] - starts[at]);
  }

  std::vector<Node> nodes;
  std::vector<text::TokenId> tokens;  // in the order of nodes
  std::vector<std::uint8_t> bytes;    // of all tokens, one behind the other
  std::vector<std::uint32_t> starts;  // by token, and one past the last
  std::vector<text::TokenId> ends;    // of an answer, ascending
  std::uint32_t max_depth = 0;
};

}  // namespace galley::inference
