#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grammar.h"

namespace galley::inference {

/// JSON's own parts as nodes of a grammar, each made once. They keep answers finite: white space is
/// one space or one line with its indentation, numbers have a sane number of digits.
class JsonGrammar {
 public:
  explicit JsonGrammar(Grammar& grammar) : grammar_(grammar) {}

  NodeIndex space();
  /// One character of a string, as itself or as an escape.
  NodeIndex character();
  NodeIndex string(std::uint32_t least = 0, std::uint32_t most = kUnbounded);
  /// Any characters of a string.
  NodeIndex string_rest() { return grammar_.repeat(character(), 0, kUnbounded); }
  /// One of the characters as a JSON string spells it: with an escape where it has to.
  NodeIndex spelt(const CodePoints& characters);
  NodeIndex number();
  NodeIndex integer();
  NodeIndex any();
  NodeIndex any_object();
  NodeIndex any_array();
  /// open ( item ( "," item )* )? close, with white space, for `least` to `most` items.
  NodeIndex list(std::string_view open, NodeIndex item, std::string_view close, std::uint32_t least,
                 std::uint32_t most);
  /// name ":" value, for a name that is already a JSON string.
  NodeIndex member(NodeIndex name, NodeIndex value);
  NodeIndex comma();

  /// A range of digits, or of any ASCII characters.
  NodeIndex one_of(char first, char last);
  NodeIndex digits(std::uint32_t least, std::uint32_t most);

 private:
  NodeIndex escape();
  template <class Make>
  NodeIndex once(std::optional<RuleIndex>& rule, std::string_view name, Make&& make);

  Grammar& grammar_;
  std::optional<RuleIndex> space_, escape_, string_, number_, integer_, any_, object_, array_;
};

/// Characters that stand for themselves in a JSON string.
CodePoints plain_characters();

}  // namespace galley::inference
