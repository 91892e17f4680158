#include "byte_trie.h"

#include <algorithm>

namespace galley::text {
namespace {

/// All strings that share the first `depth` bytes: one node.
struct Group {
  std::size_t begin, end, depth;
};

}  // namespace

ByteTrie::ByteTrie(std::span<const std::pair<std::string_view, std::int32_t>> strings) {
  std::vector<std::pair<std::string_view, std::int32_t>> sorted(strings.begin(), strings.end());
  std::erase_if(sorted, [](const auto& entry) { return entry.first.empty(); });
  std::ranges::stable_sort(sorted, {}, &std::pair<std::string_view, std::int32_t>::first);

  first_.fill(kNoNode);
  // Breadth first, so that the edges of a node lie together and in order of their bytes.
  std::vector<Group> groups{{0, sorted.size(), 0}};
  for (std::size_t node = 0; node < groups.size(); ++node) {
    auto [at, end, depth] = groups[node];
    NodeData data{static_cast<std::uint32_t>(edges_.size()), kNone};
    if (at < end && sorted[at].first.size() == depth) data.value = sorted[at].second;
    while (at < end && sorted[at].first.size() == depth) ++at;
    while (at < end) {
      const char byte = sorted[at].first[depth];
      const std::size_t begin = at;
      while (at < end && sorted[at].first[depth] == byte) ++at;
      const auto to = static_cast<Node>(groups.size());
      edges_.push_back({static_cast<unsigned char>(byte), to});
      if (node == kRoot) first_[static_cast<unsigned char>(byte)] = to;
      groups.push_back({begin, at, depth + 1});
    }
    nodes_.push_back(data);
  }
  nodes_.push_back({static_cast<std::uint32_t>(edges_.size()), kNone});
}

ByteTrie::Found ByteTrie::longest(std::string_view text) const {
  Found found;
  Node node = kRoot;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = step(node, text[i]);
    if (node == kNoNode) break;
    if (value(node) != kNone) found = {i + 1, value(node)};
  }
  return found;
}

}  // namespace galley::text
