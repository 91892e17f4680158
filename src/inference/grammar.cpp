#include "grammar.h"

#include <algorithm>

namespace galley::inference {
namespace {

constexpr char32_t kLast = 0x10FFFF;
constexpr std::pair<char32_t, char32_t> kSurrogates{0xD800, 0xDFFF};

}  // namespace

CodePoints::CodePoints(std::vector<std::pair<char32_t, char32_t>> ranges) {
  std::ranges::sort(ranges);
  for (const auto& [first, last] : ranges) {
    if (first > last) continue;
    if (!ranges_.empty() && first <= ranges_.back().second + 1)
      ranges_.back().second = std::max(ranges_.back().second, last);
    else
      ranges_.emplace_back(first, last);
  }
  const auto [low, high] = kSurrogates;
  std::erase_if(ranges_, [&](const auto& r) { return r.first >= low && r.second <= high; });
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const auto [first, last] = ranges_[i];
    if (last < low || first > high) continue;
    if (first < low) ranges_[i].second = low - 1;
    if (first >= low) ranges_[i].first = high + 1;
    if (first < low && last > high)
      ranges_.insert(ranges_.begin() + static_cast<std::ptrdiff_t>(i + 1), {high + 1, last});
  }
}

CodePoints CodePoints::complement() const {
  std::vector<std::pair<char32_t, char32_t>> rest;
  char32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) rest.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLast) rest.emplace_back(next, kLast);
  return CodePoints(std::move(rest));
}

CodePoints CodePoints::with(const CodePoints& other) const {
  auto all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePoints(std::move(all));
}

CodePoints CodePoints::without(const CodePoints& other) const {
  return complement().with(other).complement();
}

bool CodePoints::contains(char32_t c) const {
  return std::ranges::any_of(
      ranges_, [c](const auto& range) { return range.first <= c && c <= range.second; });
}

std::string utf8(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  if (c < 0x10000)
    return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
          byte(0x80 | (c & 0x3F))};
}

NodeIndex Grammar::add(GrammarNode node) {
  nodes_.push_back(std::move(node));
  return static_cast<NodeIndex>(nodes_.size() - 1);
}

NodeIndex Grammar::bytes(std::string_view text) {
  return add({.kind = NodeKind::bytes, .bytes = std::string(text)});
}

NodeIndex Grammar::characters(CodePoints set) {
  return add({.kind = NodeKind::characters, .characters = std::move(set)});
}

NodeIndex Grammar::sequence(std::vector<NodeIndex> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = NodeKind::sequence, .children = std::move(parts)});
}

NodeIndex Grammar::choice(std::vector<NodeIndex> parts) {
  if (parts.size() == 1) return parts[0];
  return add({.kind = NodeKind::choice, .children = std::move(parts)});
}

NodeIndex Grammar::repeat(NodeIndex part, std::uint32_t least, std::uint32_t most) {
  if (least == 1 && most == 1) return part;
  return add({.kind = NodeKind::repeat, .children = {part}, .least = least, .most = most});
}

NodeIndex Grammar::members(const std::vector<Member>& members, NodeIndex comma,
                           std::optional<NodeIndex> further) {
  GrammarNode made{.kind = NodeKind::members};
  made.children.push_back(comma);
  for (const Member& member : members) {
    made.children.push_back(member.part);
    made.required.push_back(member.required);
  }
  if (further) made.children.push_back(*further);
  return add(std::move(made));
}

NodeIndex Grammar::use(RuleIndex rule) { return add({.kind = NodeKind::rule, .rule = rule}); }

RuleIndex Grammar::declare(std::string name) {
  rules_.push_back({std::move(name), NodeIndex{}});
  return static_cast<RuleIndex>(rules_.size() - 1);
}

RuleIndex Grammar::add_rule(std::string name, NodeIndex body) {
  const RuleIndex rule = declare(std::move(name));
  define(rule, body);
  return rule;
}

}  // namespace galley::inference
