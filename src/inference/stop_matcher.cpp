#include "inference/stop_matcher.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace galley::inference {
namespace {

Error wrong(Errc code, std::string message, std::string expected) {
  return {code, std::move(message), "stop", std::move(expected)};
}

Status check(std::span<const std::string> strings) {
  if (strings.size() > kMaxStopStrings)
    return wrong(Errc::too_large, "stop has " + std::to_string(strings.size()) + " strings",
                 "at most " + std::to_string(kMaxStopStrings));
  std::size_t bytes = 0;
  for (const std::string& text : strings) {
    if (text.empty())
      return wrong(Errc::invalid_argument, "stop holds an empty string, which would stop at once",
                   "strings of at least one character");
    bytes += text.size();
  }
  if (bytes > kMaxStopBytes)
    return wrong(Errc::too_large, "the stop strings hold " + std::to_string(bytes) + " bytes",
                 "at most " + std::to_string(kMaxStopBytes) + " bytes together");
  return ok();
}

}  // namespace

std::uint32_t StopStrings::child(std::uint32_t node, std::uint8_t byte) const {
  const auto begin = edges_.begin() + nodes_[node].edges_begin;
  const auto end = edges_.begin() + nodes_[node].edges_end;
  const auto edge =
      std::lower_bound(begin, end, byte, [](const Edge& e, std::uint8_t b) { return e.byte < b; });
  return edge != end && edge->byte == byte ? edge->node : 0;
}

std::uint32_t StopStrings::step(std::uint32_t node, std::uint8_t byte) const {
  while (true) {
    const std::uint32_t next = child(node, byte);
    if (next != 0 || node == 0) return next;
    node = nodes_[node].fallback;
  }
}

Result<std::shared_ptr<const StopStrings>> StopStrings::create(
    std::span<const std::string> strings) {
  GALLEY_TRY_STATUS(check(strings));
  std::shared_ptr<StopStrings> made(new StopStrings);
  made->strings_.assign(strings.begin(), strings.end());
  std::vector<std::map<std::uint8_t, std::uint32_t>> children(1);
  made->nodes_.resize(1);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    std::uint32_t node = 0;
    for (const char c : strings[i]) {
      const auto [edge, added] = children[node].try_emplace(
          static_cast<std::uint8_t>(c), static_cast<std::uint32_t>(made->nodes_.size()));
      const std::uint32_t next = edge->second;
      if (added) {
        children.emplace_back();
        made->nodes_.push_back({0, made->nodes_[node].depth + 1});
      }
      node = next;
    }
    if (made->nodes_[node].match < 0) made->nodes_[node].match = static_cast<std::int32_t>(i);
  }
  for (std::size_t node = 0; node < children.size(); ++node) {
    made->nodes_[node].edges_begin = static_cast<std::uint32_t>(made->edges_.size());
    for (const auto& [byte, next] : children[node]) made->edges_.push_back({byte, next});
    made->nodes_[node].edges_end = static_cast<std::uint32_t>(made->edges_.size());
  }
  made->link();
  return std::shared_ptr<const StopStrings>(std::move(made));
}

void StopStrings::link() {
  // By depth, so that the fallback of a shorter text is known before that of a longer one.
  std::vector<std::uint32_t> order(nodes_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [this](std::uint32_t node) { return nodes_[node].depth; });
  for (const std::uint32_t node : order) {
    for (std::uint32_t i = nodes_[node].edges_begin; i < nodes_[node].edges_end; ++i) {
      const Edge& edge = edges_[i];
      Node& next = nodes_[edge.node];
      if (node != 0) next.fallback = step(nodes_[node].fallback, edge.byte);
      if (next.match < 0) next.match = nodes_[next.fallback].match;
    }
  }
}

StopMatcher::Passed StopMatcher::add(std::string_view piece) {
  GALLEY_CHECK(!stopped_, "no text follows a stop");
  if (stops_ == nullptr) return {std::string(piece), -1};
  const std::size_t before = held_.size();
  held_ += piece;
  for (std::size_t i = before; i < held_.size(); ++i) {
    node_ = stops_->step(node_, static_cast<std::uint8_t>(held_[i]));
    const std::int32_t match = stops_->nodes_[node_].match;
    if (match < 0) continue;
    const std::size_t end = i + 1 - (*stops_)[static_cast<std::size_t>(match)].size();
    stopped_ = true;
    std::string text = held_.substr(0, end);
    held_.clear();
    return {std::move(text), match};
  }
  const std::size_t free = held_.size() - stops_->nodes_[node_].depth;
  std::string text = held_.substr(0, free);
  held_.erase(0, free);
  return {std::move(text), -1};
}

std::string StopMatcher::finish() { return std::exchange(held_, {}); }

}  // namespace galley::inference
