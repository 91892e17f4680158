#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galley::inference {

/// A set of code points, as ranges that ascend and lie apart; surrogates are never in it.
class CodePoints {
 public:
  CodePoints() = default;
  /// In any order, and they may overlap.
  explicit CodePoints(std::vector<std::pair<char32_t, char32_t>> ranges);
  CodePoints complement() const;
  CodePoints without(const CodePoints& other) const;
  CodePoints with(const CodePoints& other) const;
  bool contains(char32_t c) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<std::pair<char32_t, char32_t>>& ranges() const { return ranges_; }

 private:
  std::vector<std::pair<char32_t, char32_t>> ranges_;
};

/// The bytes of a code point.
std::string utf8(char32_t c);

enum class NodeKind : std::uint8_t { bytes, characters, sequence, choice, repeat, rule, members };
enum class NodeIndex : std::uint32_t {};
enum class RuleIndex : std::uint32_t {};

inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

struct GrammarNode {
  NodeKind kind = NodeKind::bytes;
  std::string bytes{};
  CodePoints characters{};
  std::vector<NodeIndex> children{};
  std::uint32_t least = 0, most = 0;  // of repeat
  std::vector<bool> required{};       // of members
  RuleIndex rule{};
};

/// What GBNF and JSON Schema are both read into: rules over nodes. Nodes are made before what they
/// are part of, so that no node contains itself but through a rule.
class Grammar {
 public:
  NodeIndex bytes(std::string_view text);
  NodeIndex characters(CodePoints set);
  NodeIndex sequence(std::vector<NodeIndex> parts);
  NodeIndex choice(std::vector<NodeIndex> parts);
  NodeIndex repeat(NodeIndex part, std::uint32_t least, std::uint32_t most);
  /// Parts in their order, each at most once, with a comma between those that are there; behind
  /// them any number of `further`. As a node of its own it takes states in proportion to the parts,
  /// where choices between them would take their square.
  struct Member {
    NodeIndex part;
    bool required;
  };
  NodeIndex members(const std::vector<Member>& members, NodeIndex comma,
                    std::optional<NodeIndex> further);
  NodeIndex optional(NodeIndex part) { return repeat(part, 0, 1); }
  NodeIndex use(RuleIndex rule);

  /// A rule whose body is set later, so that it can refer to itself.
  RuleIndex declare(std::string name);
  void define(RuleIndex rule, NodeIndex body) { rules_[index(rule)].body = body; }
  RuleIndex add_rule(std::string name, NodeIndex body);

  const GrammarNode& node(NodeIndex node) const { return nodes_[static_cast<std::size_t>(node)]; }
  NodeIndex body(RuleIndex rule) const { return rules_[index(rule)].body; }
  const std::string& name(RuleIndex rule) const { return rules_[index(rule)].name; }
  std::size_t rule_count() const { return rules_.size(); }
  std::size_t node_count() const { return nodes_.size(); }

  RuleIndex root{};

 private:
  struct Rule {
    std::string name;
    NodeIndex body;
  };
  static std::size_t index(RuleIndex rule) { return static_cast<std::size_t>(rule); }
  NodeIndex add(GrammarNode node);

  std::vector<GrammarNode> nodes_;
  std::vector<Rule> rules_;
};

/// Errors: invalid_argument naming line and column.
Result<Grammar> parse_gbnf(std::string_view text);
/// Errors: see Constraint::from_json_schema.
Result<Grammar> grammar_of_schema(std::string_view schema);
Grammar grammar_of_json_object();

/// Copies of a part past which a repetition is refused.
inline constexpr std::uint32_t kMaxRepeat = 10'000;

}  // namespace galley::inference
