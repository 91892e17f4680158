#include "token_trie.h"

#include <algorithm>
#include <numeric>

namespace galley::inference {

TokenTrie::TokenTrie(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
TokenTrie::~TokenTrie() = default;

std::size_t TokenTrie::vocabulary() const { return impl_->starts.size() - 1; }

std::shared_ptr<const TokenTrie> TokenTrie::create(std::span<const std::string_view> bytes,
                                                   std::span<const text::TokenId> ends) {
  auto impl = std::make_unique<Impl>();
  for (const std::string_view token : bytes) {
    impl->starts.push_back(static_cast<std::uint32_t>(impl->bytes.size()));
    impl->bytes.insert(impl->bytes.end(), token.begin(), token.end());
  }
  impl->starts.push_back(static_cast<std::uint32_t>(impl->bytes.size()));
  impl->ends.assign(ends.begin(), ends.end());
  std::ranges::sort(impl->ends);

  std::vector<text::TokenId> order;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto token = static_cast<text::TokenId>(i);
    // A token that ends the answer is allowed as that, never by its spelling.
    if (!bytes[i].empty() && !std::ranges::binary_search(impl->ends, token)) order.push_back(token);
  }
  const auto text = [&](text::TokenId token) { return bytes[static_cast<std::size_t>(token)]; };
  std::ranges::stable_sort(order, {}, text);

  std::vector<std::uint32_t> path;  // nodes of the token before
  const auto leave = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back())
      impl->nodes[path.back()].past = static_cast<std::uint32_t>(impl->nodes.size());
  };
  std::string_view before;
  for (const text::TokenId token : order) {
    const std::string_view own = text(token);
    const auto differ = std::ranges::mismatch(before, own);
    leave(static_cast<std::size_t>(differ.in1 - before.begin()));
    while (path.size() < own.size()) {
      path.push_back(static_cast<std::uint32_t>(impl->nodes.size()));
      impl->nodes.push_back({0, static_cast<std::uint32_t>(path.size()),
                             static_cast<std::uint32_t>(impl->tokens.size()),
                             static_cast<std::uint8_t>(own[path.size() - 1])});
    }
    impl->max_depth = std::max(impl->max_depth, static_cast<std::uint32_t>(own.size()));
    impl->tokens.push_back(token);
    before = own;
  }
  leave(0);
  return std::shared_ptr<const TokenTrie>(new TokenTrie(std::move(impl)));
}

}  // namespace galley::inference
