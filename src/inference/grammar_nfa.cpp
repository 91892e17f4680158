#include "grammar_nfa.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "grammar_machine.h"

namespace galley::inference {
namespace {

constexpr std::size_t kMaxStates = 400'000;
constexpr std::uint64_t kInlineStates = 256;
/// States that one repetition may spend on writing its part out.
constexpr std::uint64_t kRepeatStates = 16'384;
constexpr std::uint64_t kHuge = std::uint64_t{1} << 40;

/// States that each rule takes when it is written out; kHuge where it reaches a recursive rule.
class Sizes {
 public:
  explicit Sizes(const Grammar& grammar)
      : grammar_(grammar), of_rule_(grammar.rule_count(), kHuge) {
    // Rules are taken up once all that they use are known; those on a cycle never are.
    std::vector<std::vector<std::uint32_t>> users(grammar.rule_count());
    std::vector<std::size_t> waits_for(grammar.rule_count());
    std::vector<std::uint32_t> ready;
    for (std::uint32_t rule = 0; rule < grammar.rule_count(); ++rule) {
      std::vector<std::uint32_t> used;
      collect(grammar.body(static_cast<RuleIndex>(rule)), used);
      waits_for[rule] = used.size();
      for (const std::uint32_t other : used) users[other].push_back(rule);
      if (used.empty()) ready.push_back(rule);
    }
    while (!ready.empty()) {
      const std::uint32_t rule = ready.back();
      ready.pop_back();
      of_rule_[rule] = of(grammar.body(static_cast<RuleIndex>(rule)));
      for (const std::uint32_t user : users[rule])
        if (--waits_for[user] == 0) ready.push_back(user);
    }
  }

  std::uint64_t of(RuleIndex rule) const { return of_rule_[static_cast<std::size_t>(rule)]; }

 private:
  void collect(NodeIndex index, std::vector<std::uint32_t>& used) const {
    const GrammarNode& node = grammar_.node(index);
    if (node.kind == NodeKind::rule) used.push_back(static_cast<std::uint32_t>(node.rule));
    for (const NodeIndex child : node.children) collect(child, used);
  }

  std::uint64_t of(NodeIndex index) const {
    const GrammarNode& node = grammar_.node(index);
    std::uint64_t size = 1;
    for (const NodeIndex child : node.children) size += of(child);
    switch (node.kind) {
      case NodeKind::bytes:
        return node.bytes.size() + 1;
      case NodeKind::characters: {
        const auto& ranges = node.characters.ranges();
        return ranges.empty() || ranges.back().second < 0x80 ? 1 : 8;
      }
      case NodeKind::rule:
        return of(node.rule);
      case NodeKind::repeat:
        return std::min(kHuge, size * copies(node));
      case NodeKind::members:
        return std::min(kHuge, size * 2);
      default:
        return std::min(kHuge, size);
    }
  }

 public:
  static std::uint64_t copies(const GrammarNode& repeat) {
    return std::max<std::uint64_t>(repeat.most == kUnbounded ? repeat.least + 1 : repeat.most, 1);
  }

 private:
  const Grammar& grammar_;
  std::vector<std::uint64_t> of_rule_;
};

class Builder {
 public:
  explicit Builder(const Grammar& grammar) : grammar_(grammar), sizes_(grammar) {}

  Result<Nfa> run() {
    called(grammar_.root);
    for (std::size_t i = 0; i < nfa_.rules.size() && !full_; ++i) {
      const Nfa::Rule rule = nfa_.rules[i];
      build(grammar_.body(rule.rule), rule.start, rule.end, kInlineStates);
    }
    if (full_)
      return Error{Errc::too_large,
                   "the grammar unfolds into more than " + std::to_string(kMaxStates) +
                       " states; its repetitions or its lists of properties are too long",
                   "grammar"};
    return std::move(nfa_);
  }

 private:
  std::uint32_t state() {
    full_ = full_ || nfa_.edges_of.size() >= kMaxStates;
    nfa_.edges_of.push_back(kNowhere);
    return static_cast<std::uint32_t>(nfa_.edges_of.size() - 1);
  }

  void edge(std::uint32_t from, Nfa::Edge edge) {
    edge.next = nfa_.edges_of[from];
    nfa_.edges_of[from] = static_cast<std::uint32_t>(nfa_.edges.size());
    nfa_.edges.push_back(edge);
    full_ = full_ || nfa_.edges.size() >= 4 * kMaxStates;
  }
  void empty(std::uint32_t from, std::uint32_t to) {
    edge(from, {0, to, 0, 0, 0, Nfa::Edge::Kind::empty});
  }
  void bytes(std::uint32_t from, std::uint32_t to, std::uint32_t first, std::uint32_t last) {
    edge(from, {0, to, 0, static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(last),
                Nfa::Edge::Kind::byte});
  }

  /// The index of a rule's own automaton, which is built when its turn comes.
  std::uint32_t called(RuleIndex rule) {
    const auto [entry, added] =
        index_of_.try_emplace(rule, static_cast<std::uint32_t>(nfa_.rules.size()));
    if (added) {
      const std::uint32_t start = state();
      nfa_.rules.push_back({rule, start, state()});
    }
    return entry->second;
  }

  void build(NodeIndex index, std::uint32_t from, std::uint32_t to, std::uint64_t budget) {
    if (full_) return;
    const GrammarNode& node = grammar_.node(index);
    switch (node.kind) {
      case NodeKind::bytes:
        return literal(node.bytes, from, to);
      case NodeKind::characters: {
        tails_.clear();
        for (const auto& [first, last] : node.characters.ranges())
          character_range(first, last, from, to);
        return;
      }
      case NodeKind::sequence:
        for (std::size_t i = 0; i < node.children.size(); ++i) {
          const std::uint32_t next = i + 1 == node.children.size() ? to : state();
          build(node.children[i], std::exchange(from, next), next, budget);
        }
        if (node.children.empty()) empty(from, to);
        return;
      case NodeKind::choice:
        for (const NodeIndex child : node.children) build(child, from, to, budget);
        return;
      case NodeKind::repeat:
        return repeat(node, from, to, budget);
      case NodeKind::members:
        return members(node, from, to, budget);
      case NodeKind::rule:
        if (sizes_.of(node.rule) <= budget) {
          // Its own start: a loop at the head of the rule must not catch the caller's other ways.
          const std::uint32_t start = state();
          empty(from, start);
          return build(grammar_.body(node.rule), start, to, budget);
        }
        return edge(from, {0, to, called(node.rule), 0, 0, Nfa::Edge::Kind::call});
    }
  }

  void literal(std::string_view text, std::uint32_t from, std::uint32_t to) {
    if (text.empty()) return empty(from, to);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::uint32_t next = i + 1 == text.size() ? to : state();
      const auto byte = static_cast<std::uint8_t>(text[i]);
      bytes(std::exchange(from, next), next, byte, byte);
    }
  }

  void repeat(const GrammarNode& node, std::uint32_t from, std::uint32_t to, std::uint64_t budget) {
    const NodeIndex part = node.children[0];
    budget = std::min(budget, kRepeatStates / Sizes::copies(node));
    for (std::uint32_t i = 0; i < node.least && !full_; ++i) {
      const std::uint32_t next = state();
      build(part, std::exchange(from, next), next, budget);
    }
    if (node.most == kUnbounded) {
      const std::uint32_t loop = state();
      empty(from, loop);
      build(part, loop, loop, budget);
      empty(loop, to);
      return;
    }
    for (std::uint32_t i = node.least; i < node.most && !full_; ++i) {
      empty(from, to);
      const std::uint32_t next = state();
      build(part, std::exchange(from, next), next, budget);
    }
    empty(from, to);
  }

  /// `first` is where no member is there yet, `later` where one is, before each member in turn.
  void members(const GrammarNode& node, std::uint32_t from, std::uint32_t to,
               std::uint64_t budget) {
    const NodeIndex comma = node.children[0];
    const std::size_t count = node.required.size();
    std::uint32_t first = state();
    std::uint32_t later = kNowhere;
    empty(from, first);
    const auto add = [&](NodeIndex part, std::uint32_t next_later) {
      build(part, first, next_later, budget);
      if (later == kNowhere) return;
      const std::uint32_t behind_comma = state();
      build(comma, later, behind_comma, budget);
      build(part, behind_comma, next_later, budget);
    };
    for (std::size_t i = 0; i < count && !full_; ++i) {
      const std::uint32_t next_first = state();
      const std::uint32_t next_later = state();
      add(node.children[i + 1], next_later);
      if (!node.required[i]) {
        empty(first, next_first);
        if (later != kNowhere) empty(later, next_later);
      }
      first = next_first;
      later = next_later;
    }
    if (later == kNowhere) later = state();
    if (node.children.size() > count + 1) add(node.children.back(), later);
    empty(first, to);
    empty(later, to);
  }

  /// A range of characters of one length, cut until each piece is a product of byte ranges.
  void character_range(char32_t first, char32_t last, std::uint32_t from, std::uint32_t to) {
    for (const char32_t limit : {0x7F, 0x7FF, 0xFFFF})
      if (first <= limit && last > limit) {
        character_range(first, limit, from, to);
        return character_range(limit + 1, last, from, to);
      }
    const std::string low = utf8(first);
    const std::string high = utf8(last);
    for (std::size_t tail = 1; tail < low.size(); ++tail) {
      const char32_t mask = (char32_t{1} << (6 * tail)) - 1;
      if ((first & ~mask) == (last & ~mask)) break;
      if ((first & mask) != 0) {
        character_range(first, first | mask, from, to);
        return character_range((first | mask) + 1, last, from, to);
      }
      if ((last & mask) != mask) {
        character_range(first, (last & ~mask) - 1, from, to);
        return character_range(last & ~mask, last, from, to);
      }
    }
    std::uint32_t next = to;
    for (std::size_t i = low.size(); i-- > 1;)
      next =
          tail_state(static_cast<std::uint8_t>(low[i]), static_cast<std::uint8_t>(high[i]), next);
    bytes(from, next, static_cast<std::uint8_t>(low[0]), static_cast<std::uint8_t>(high[0]));
  }

  /// Equal tails of characters share their states.
  std::uint32_t tail_state(std::uint8_t first, std::uint8_t last, std::uint32_t to) {
    const auto [entry, added] = tails_.try_emplace({first, last, to}, 0);
    if (added) {
      entry->second = state();
      bytes(entry->second, to, first, last);
    }
    return entry->second;
  }

  const Grammar& grammar_;
  Sizes sizes_;
  Nfa nfa_;
  std::map<RuleIndex, std::uint32_t> index_of_;
  std::map<std::tuple<std::uint8_t, std::uint8_t, std::uint32_t>, std::uint32_t> tails_;
  bool full_ = false;
};

}  // namespace

Result<Nfa> build_nfa(const Grammar& grammar) { return Builder(grammar).run(); }

}  // namespace galley::inference
