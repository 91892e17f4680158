#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace galley::text {

/// Strings to numbers, walked byte by byte: for finding every string that a text starts with.
/// Immutable, thread-safe.
class ByteTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNoNode = UINT32_MAX;
  static constexpr std::int32_t kNone = -1;

  ByteTrie() : ByteTrie(std::span<const std::pair<std::string_view, std::int32_t>>{}) {}
  /// Empty strings are left out; of two equal ones the first stays. O(bytes).
  explicit ByteTrie(std::span<const std::pair<std::string_view, std::int32_t>> strings);

  bool empty() const { return edges_.empty(); }
  bool may_start(char c) const { return first_[static_cast<unsigned char>(c)] != kNoNode; }

  Node step(Node node, char c) const {
    const auto byte = static_cast<unsigned char>(c);
    if (node == kRoot) return first_[byte];
    for (std::uint32_t i = nodes_[node].edges; i < nodes_[node + 1].edges; ++i)
      if (edges_[i].byte >= byte) return edges_[i].byte == byte ? edges_[i].to : kNoNode;
    return kNoNode;
  }
  /// The number of the string that ends at this node, or kNone.
  std::int32_t value(Node node) const { return nodes_[node].value; }

  struct Found {
    std::size_t size = 0;
    std::int32_t value = kNone;
  };
  /// The longest string that the text starts with; size 0 where there is none.
  Found longest(std::string_view text) const;

 private:
  struct NodeData {
    std::uint32_t edges = 0;  // the first of its own; they end where the next node's begin
    std::int32_t value = kNone;
  };
  struct Edge {
    unsigned char byte;
    Node to;
  };
  std::vector<NodeData> nodes_;  // one more than there are nodes, for the end of the last one's
  std::vector<Edge> edges_;
  std::array<Node, 256> first_{};
};

}  // namespace galley::text
